"""What an operator wants to see at once, read from sums and from the newest records, however many there are."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Q, Sum
from django.utils import timezone

from accounts.models import ContributedKey, KeyCooldown, UsageHour, UsageRecord, UsageTotal

_NEWEST = 1_000
_FAILED_SHOWN = 6
_COOLDOWNS_SHOWN = 6
_SPENDERS = 5


class Sums(NamedTuple):
    """What a stretch of time amounts to."""

    requests: int
    errors: int
    tokens: int
    cost: Decimal
    paid: Decimal
    """What of the cost paid keys answered."""


class Bar(NamedTuple):
    """An hour or a day of a chart."""

    began: datetime
    requests: int
    errors: int
    tokens: int


class Charts(NamedTuple):
    """The last day by hours, the last month by days, and what both of them and the running day and month amount to."""

    hours: list[Bar]
    days: list[Bar]
    today: Sums
    month: Sums


def charts(now: datetime) -> Charts:
    """From the sums of hours: at most 31 days of them. Days are those of UTC, as in all totals."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first_day = midnight - timedelta(days=30)
    rows = list(UsageHour.objects.filter(hour__gte=first_day).order_by("hour"))
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - timedelta(hours=back) for back in range(23, -1, -1)]
    days = [midnight - timedelta(days=back) for back in range(30, -1, -1)]
    return Charts(
        [_bar(hour, [row for row in rows if row.hour == hour]) for hour in hours],
        [_bar(day, [row for row in rows if row.hour.date() == day.date()]) for day in days],
        _sums([row for row in rows if row.hour >= midnight]),
        _sums([row for row in rows if row.hour >= midnight.replace(day=1)]),
    )


def _bar(began: datetime, rows: list[UsageHour]) -> Bar:
    sums = _sums(rows)
    return Bar(began, sums.requests, sums.errors, sums.tokens)


def _sums(rows: list[UsageHour]) -> Sums:
    return Sums(
        sum(row.requests for row in rows),
        sum(row.errors for row in rows),
        sum(row.total_tokens for row in rows),
        sum((row.cost for row in rows), Decimal(0)),
        sum((row.paid for row in rows), Decimal(0)),
    )


def spenders(now: datetime) -> list[dict[str, Any]]:
    """Who used most tokens this month, and their share of today."""
    today = now.date()
    totals = UsageTotal.objects.filter(day__gte=today.replace(day=1)).order_by()
    sums = totals.values("user", "user__username").annotate(
        requests=Sum("requests"), tokens=Sum("total_tokens"), cost=Sum("cost")
    )
    most = list(sums.order_by("-tokens")[:_SPENDERS])
    users = Q(user__in=[row["user"] for row in most if row["user"]]) | Q(user=None)
    days = UsageTotal.objects.filter(users, day=today).order_by().values_list("user").annotate(Sum("total_tokens"))
    of_today = dict(days)
    return [{**row, "today": of_today.get(row["user"], 0)} for row in most]


class Latest(NamedTuple):
    """What the newest requests tell."""

    failed: list[dict[str, Any]]
    """The last that failed, the newest first."""
    broken: int
    """Requests of the last quarter of an hour that the upstream or this site failed (5xx) …"""
    of: int
    """… among so many that were looked at."""


def latest(now: datetime) -> Latest:
    """Looks at the newest records only, so that it takes as long with a million of them."""
    columns = ("id", "created", "user__username", "model", "gemini_model", "status", "error_code")
    rows = list(UsageRecord.objects.order_by("-created").values(*columns)[:_NEWEST])
    recent = [row["status"] for row in rows if row["created"] > now - timedelta(minutes=15)]
    failed = [row for row in rows if row["status"] >= 400]
    return Latest(failed[:_FAILED_SHOWN], sum(status >= 500 for status in recent), len(recent))


class Cooldown(NamedTuple):
    """A quota domain that rests for a model, or for all (empty)."""

    key: str
    model: str
    reason: str
    until: datetime


def cooldowns() -> tuple[list[Cooldown], int]:
    """Those that last longest, and how many there are."""
    running = KeyCooldown.objects.filter(until__gt=timezone.now())
    shown = list(running.order_by("-until")[:_COOLDOWNS_SHOWN])
    ids = [one.domain.removeprefix("key:") for one in shown if one.domain.startswith("key:")]
    names = {f"key:{key.pk}": str(key) for key in ContributedKey.objects.filter(pk__in=ids)} if ids else {}
    return [
        Cooldown(names.get(one.domain, one.domain.removeprefix("project:")), one.model, one.reason, one.until)
        for one in shown
    ], running.count()
