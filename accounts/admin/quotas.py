"""Quotas: what is assumed of a project, what the upstream named, and what happened to keys."""

from django.contrib import admin

from accounts.admin.base import ModelAdmin, ReadOnlyAdmin
from accounts.models import KeyEvent, LearnedQuota, TierQuota

_LIMITS = ("rpm", "tpm", "rpd")


@admin.register(TierQuota)
class TierQuotaAdmin(ModelAdmin[TierQuota]):
    """What to assume until a refusal names the limit; the first row that fits counts."""

    list_display = ("pattern", "paid", *_LIMITS, "position")
    list_filter = ("paid",)
    fields = ("pattern", "paid", *_LIMITS, "position")


@admin.register(LearnedQuota)
class LearnedQuotaAdmin(ModelAdmin[LearnedQuota]):
    """What refusals named. Deleting a row lets it be learned anew."""

    list_display = ("domain", "model", *_LIMITS, "learned")
    list_filter = ("model",)
    search_fields = ("domain", "model")
    readonly_fields = ("domain", "model", "learned")
    date_hierarchy = "learned"

    def has_add_permission(self, request: object) -> bool:
        """The pool adds them."""
        return False


@admin.register(KeyEvent)
class KeyEventAdmin(ReadOnlyAdmin[KeyEvent]):
    """Every change of a key's or a quota domain's state, the latest first."""

    list_display = ("at", "key", "domain", "model", "was", "became", "reason", "until")
    list_filter = ("became", "reason", "model")
    search_fields = ("domain", "model", "key__label")
    list_select_related = ("key",)
