"""What each contributed key did, day by day."""

import time
from datetime import date, timedelta

from django.contrib import admin
from django.db.models import F, Sum
from django.utils.safestring import SafeString

from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import in_lines, list_link
from accounts.models import ContributedKey, KeyDay
from accounts.pool.pacific import pacific_day

_DAYS_SHOWN = 7


@admin.register(KeyDay)
class KeyDayAdmin(ReadOnlyAdmin[KeyDay]):
    """What each key did for each model on each Pacific day."""

    when_empty = "As soon as a key has been asked, its day is counted here."
    list_display = ("day", "key", "model", "requests", "refusals", "last_refusal", "prompt_tokens", "completion_tokens")
    list_filter = ("day",)
    list_select_related = ("key",)
    search_fields = ("model", "key__label", "key__project", "=key__last_four")
    search_help_text = "A key's last four, label, project, or a model"
    date_hierarchy = "day"


def latest_days(key: ContributedKey) -> SafeString | str:
    """The sums of each of the last Pacific days on which the key was asked, a line each, and a link to every day."""
    since = pacific_day(time.time()) - timedelta(days=_DAYS_SHOWN - 1)
    sums = KeyDay.objects.filter(key=key, day__gte=since).order_by("-day").values_list("day")
    tokens = Sum(F("prompt_tokens") + F("completion_tokens"))
    days = sums.annotate(asked=Sum("requests"), refused=Sum("refusals"), tokens=tokens)
    lines: list[SafeString | str] = [_in_words(*day) for day in days]
    return in_lines([*lines, list_link(KeyDay, "every day, by model", key__id=key.pk)]) if lines else "not asked lately"


def _in_words(day: date, requests: int, refusals: int, tokens: int) -> str:
    refused = f", {refusals:,} refused" if refusals else ""
    return f"{day:%d %b}: {requests:,} requests{refused}, {tokens:,} tokens"
