"""The audit log, to read."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin.base import ReadOnlyAdmin
from accounts.models import StaffAct


@admin.register(StaffAct)
class StaffActAdmin(ReadOnlyAdmin[StaffAct]):
    """Who did what, to what, and what it was before."""

    when_empty = "What members of staff and the operator's commands do to anything of the site is written down here."
    list_display = ("at", "actor", "act", "table", "name", "what_changed")
    list_display_links = None
    list_filter = ("at", "table")
    search_fields = ("actor", "name", "act", "=row")
    search_help_text = "Part of a person's name, an act, or a row's name"
    date_hierarchy = "at"
    show_full_result_count = False

    @admin.display(description="what changed")
    def what_changed(self, act: StaffAct) -> SafeString:
        """Each field with what it was and what it became."""
        rows = [(name, *_in_words(*pair)) for name, pair in act.changes.items()]
        return format_html('<div class="several">{}</div>', format_html_join("", "<div><b>{}</b>: {}{}</div>", rows))

    def has_view_permission(self, request: HttpRequest, obj: StaffAct | None = None) -> bool:
        """Those who were given the right."""
        return bool(request.user.has_perm("accounts.view_staffact"))


def _in_words(before: str, after: str) -> tuple[str, str]:
    return (f"{before} → ", after or "empty") if before else ("", after or "empty")
