"""The admin's side bar: the tables by subject, each shown to those who may see it, and the way back to the site's pages."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as N_

# Table (app.model), title, Material symbol, and the address of a page that shows the table in another way than its list.
SECTIONS: dict[str, list[tuple[str, str, str] | tuple[str, str, str, str]]] = {
    N_("Pool"): [
        ("accounts.contributedkey", N_("Contributed keys"), "key"),
        ("accounts.keyday", N_("Key days"), "calendar_month"),
        ("accounts.keyevent", N_("Key events"), "history"),
        ("accounts.learnedquota", N_("Learned quotas"), "school"),
        ("accounts.tierquota", N_("Tier quotas"), "tune"),
        ("accounts.projectpair", N_("Project pairs"), "join_inner"),
        ("compat.modelmapping", N_("Model mappings"), "alt_route"),
    ],
    N_("People"): [
        ("accounts.user", N_("Users"), "person"),
        ("accounts.invitation", N_("Invitations"), "mail"),
        ("accounts.issuedtoken", N_("Issued tokens"), "confirmation_number"),
        ("accounts.plan", N_("Plans"), "speed"),
        ("auth.group", N_("Groups"), "group"),
        ("accounts.staffact", N_("Audit log"), "policy"),
    ],
    N_("Usage"): [
        ("accounts.usagerecord", N_("Live traffic"), "bolt", "live"),
        ("accounts.usagetotal", N_("Usage totals"), "bar_chart"),
        ("accounts.usagerecord", N_("Usage records"), "receipt_long"),
        ("accounts.storedresponse", N_("Stored responses"), "inventory_2"),
        ("accounts.conversation", N_("Conversations"), "forum"),
        ("accounts.modelprice", N_("Model prices"), "payments"),
    ],
}

# The site's own pages, which everybody has: route, title, Material symbol.
_PAGES = [
    ("dashboard", N_("Dashboard"), "dashboard"),
    ("connect", N_("Connect"), "power"),
    ("playground", N_("Playground"), "chat"),
    ("status", N_("Status"), "monitor_heart"),
]


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of links; those that lead where this person may not look are left out."""
    groups = [
        {"title": _(title), "items": [_item(*row) for row in rows if _may_view(request, row[0])]}
        for title, rows in SECTIONS.items()
    ]
    pages = [{"title": _(title), "icon": icon, "link": reverse(route)} for route, title, icon in _PAGES]
    return [*(group for group in groups if group["items"]), {"title": _("Pages"), "items": pages}]


def _may_view(request: HttpRequest, table: str) -> bool:
    app, model = table.split(".")
    return request.user.has_perm(f"{app}.view_{model}") or request.user.has_perm(f"{app}.change_{model}")


def _item(table: str, title: str, icon: str, page: str = "") -> dict[str, Any]:
    return {"title": _(title), "icon": icon, "link": reverse(page or f"admin:{table.replace('.', '_')}_changelist")}
