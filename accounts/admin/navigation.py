"""The admin's side bar: the tables by subject, each shown to those who may see it."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

# Table (app.model), title, Material symbol, and the address of a page that shows the table in another way than its list.
_SECTIONS: dict[str, list[tuple[str, str, str] | tuple[str, str, str, str]]] = {
    "Pool": [
        ("accounts.contributedkey", "Contributed keys", "key"),
        ("accounts.keyday", "Key days", "calendar_month"),
        ("accounts.keyevent", "Key events", "history"),
        ("accounts.learnedquota", "Learned quotas", "school"),
        ("accounts.tierquota", "Tier quotas", "tune"),
        ("accounts.projectpair", "Same projects?", "join_inner"),
        ("compat.modelmapping", "Model mappings", "alt_route"),
    ],
    "People": [
        ("accounts.user", "Users", "person"),
        ("accounts.invitation", "Invitations", "mail"),
        ("accounts.issuedtoken", "Issued tokens", "confirmation_number"),
        ("accounts.plan", "Plans", "speed"),
        ("auth.group", "Groups", "group"),
        ("accounts.staffact", "Audit log", "policy"),
    ],
    "Usage": [
        ("accounts.usagerecord", "Live traffic", "bolt", "live"),
        ("accounts.usagetotal", "Totals by day", "bar_chart"),
        ("accounts.usagerecord", "Requests", "receipt_long"),
        ("accounts.modelprice", "Model prices", "payments"),
    ],
}


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of links; those that lead where this person may not look are left out."""
    groups = [
        {"title": title, "items": [_item(*row) for row in rows if _may_view(request, row[0])]}
        for title, rows in _SECTIONS.items()
    ]
    return [group for group in groups if group["items"]]


def _may_view(request: HttpRequest, table: str) -> bool:
    app, model = table.split(".")
    return request.user.has_perm(f"{app}.view_{model}") or request.user.has_perm(f"{app}.change_{model}")


def _item(table: str, title: str, icon: str, page: str = "") -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(page or f"admin:{table.replace('.', '_')}_changelist")}
