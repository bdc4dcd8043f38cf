"""Quotas: what is assumed of a project, what the upstream named, and what happened to keys."""

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.admin.base import ModelAdmin, ReadOnlyAdmin
from accounts.models import ContributedKey, KeyEvent, LearnedQuota, TierQuota

_EVENTS_SHOWN = 20
_LIMITS = ("rpm", "tpm", "rpd")


@admin.register(TierQuota)
class TierQuotaAdmin(ModelAdmin[TierQuota]):
    """What to assume until a refusal names the limit; the first row that fits counts."""

    when_empty = "Without a row no quota is assumed: each is learned from the first refusal."
    list_display = ("pattern", "paid", *_LIMITS, "position")
    list_filter = ("paid",)
    fields = ("pattern", "paid", *_LIMITS, "position")


@admin.register(LearnedQuota)
class LearnedQuotaAdmin(ModelAdmin[LearnedQuota]):
    """What refusals named. Deleting a row lets it be learned anew."""

    when_empty = "When Gemini refuses a key and names the limit, the limit is remembered here."
    list_display = ("domain", "model", *_LIMITS, "learned")
    list_filter = ("model",)
    search_fields = ("domain", "model")
    search_help_text = "Part of a quota domain or model"
    readonly_fields = ("domain", "model", "learned")
    date_hierarchy = "learned"

    def has_add_permission(self, request: object) -> bool:
        """The pool adds them."""
        return False


@admin.register(KeyEvent)
class KeyEventAdmin(ReadOnlyAdmin[KeyEvent]):
    """Every change of a key's or a quota domain's state, the latest first."""

    when_empty = "Nothing has befallen a key in the last 30 days."
    list_display = ("at", "key", "domain", "model", "was", "became", "reason", "until")
    list_filter = ("became", "reason", "model")
    search_fields = ("domain", "model", "key__label")
    search_help_text = "Part of a quota domain, model or key's label"
    list_select_related = ("key",)


def latest_events(key: ContributedKey) -> SafeString | str:
    """The latest changes of a key and its quota domain, a line each."""
    about = Q(key=key) | Q(key=None, domain=key.quota_domain)
    events = KeyEvent.objects.filter(about).order_by("-at", "-id")[:_EVENTS_SHOWN]
    lines = [(line,) for line in map(_in_words, events)]
    return format_html_join(SafeString("<br>"), "{}", lines) if lines else "nothing has happened yet"


def _in_words(event: KeyEvent) -> str:
    model = f", {event.model}" if event.model else ""
    until = f", until {event.until:%d %b %H:%M} UTC" if event.until else ""
    why = f": {event.reason}" if event.reason else ""
    return f"{event.at:%d %b %H:%M} UTC{model}: {event.was} → {event.became}{why}{until}"
