"""The figures of the dashboard: sums from the totals, bars from the limits, never a scan of single records."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync
from django.db.models import Q, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import limits
from accounts.callers import limits_of
from accounts.limits.holders import NO_LIMITS
from accounts.models import IssuedToken, UsageTotal, User
from accounts.pages.token_forms import LIMIT_LABELS

_SUMS = ("requests", "errors", "total_tokens", "cost")
_TOKENS_WITH_BARS = 8


class Use(NamedTuple):
    """Sums; cost in USD."""

    requests: int = 0
    errors: int = 0
    total_tokens: int = 0
    cost: Decimal = Decimal(0)

    def plus(self, row: dict[str, Any]) -> "Use":
        """These and a row of totals."""
        return Use(*(mine + row[name] for mine, name in zip(self, _SUMS, strict=True)))


class Bar(NamedTuple):
    """How a limit stands. `part` is what is used, in hundredths; money in USD; `resets` is a moment."""

    of: str | Promise
    label: str | Promise
    limit: Any
    used: Any
    left: Any
    part: int
    resets: datetime | None

    @property
    def tone(self) -> str:
        """How near the end is."""
        return "bad" if self.part >= 100 else "warn" if self.part >= 80 else ""


def totals_since(user: User, since: date) -> list[dict[str, Any]]:
    """The user's sums by UTC day and model asked, oldest first."""
    rows = UsageTotal.objects.filter(user=user, day__gte=since).values("day", "model")
    summed = rows.annotate(**{name: Sum(name) for name in _SUMS}).order_by("day", "model")
    return [dict(row) for row in summed]


def by_model(rows: Iterable[dict[str, Any]], since: date) -> list[tuple[str, Use]]:
    """(model, sums) from a day on, most tokens first."""
    found: dict[str, Use] = {}
    for row in rows:
        if row["day"] >= since:
            found[row["model"]] = found.get(row["model"], Use()).plus(row)
    return sorted(found.items(), key=lambda item: (-item[1].total_tokens, -item[1].requests, item[0]))


def together(models: Iterable[tuple[str, Use]]) -> Use:
    """The sums of all models."""
    whole = Use()
    for _model, use in models:
        whole = whole.plus(use._asdict())
    return whole


def by_day(rows: Iterable[dict[str, Any]], since: date, until: date) -> dict[str, list[Any]]:
    """What the charts draw: a list of days (Unix seconds at midnight UTC), and a list of sums of each kind."""
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    sums = dict.fromkeys(days, Use())
    for row in rows:
        if row["day"] in sums:
            sums[row["day"]] = sums[row["day"]].plus(row)
    return {
        "days": [int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in days],
        "requests": [sums[day].requests for day in days],
        "tokens": [sums[day].total_tokens for day in days],
        "cost": [float(sums[day].cost) for day in days],
    }


def bars_of(user: User, now: datetime) -> list[Bar]:
    """Every limit of the user, and of the tokens that have their own (the latest used)."""
    own = limits_of(user, user.plan)
    found = _bars(_("All your tokens"), user.pk, None, NO_LIMITS, own, user.time_zone, now)
    usable = Q(expires=None) | Q(expires__gt=now)
    tokens = IssuedToken.objects.filter(usable, user=user, revoked=None).order_by("-last_used", "-created")
    limited = [token for token in tokens[:100] if limits_of(token) != NO_LIMITS]
    for token in limited[:_TOKENS_WITH_BARS]:
        name = token.name or f"tumbler-{token.prefix}"
        found += _bars(name, user.pk, token.pk, limits_of(token), NO_LIMITS, user.time_zone, now)
    return found


def _bars(
    of: str | Promise,
    user_id: int,
    token_id: int | None,
    token_limits: limits.LimitSet,
    user_limits: limits.LimitSet,
    zone: str,
    now: datetime,
) -> list[Bar]:
    holders = limits.holders_of(user_id, token_id, token_limits, user_limits, zone)
    return [_bar(of, standing, now) for standing in async_to_sync(limits.standings)(holders)] if holders else []


def _bar(of: str | Promise, standing: limits.Standing, now: datetime) -> Bar:
    limit, used, left = standing.limit, standing.used, standing.remaining
    amounts: tuple[Any, Any, Any] = (limit, used, left)
    if standing.name.endswith("_cost"):
        amounts = (limits.to_dollars(limit), limits.to_dollars(used), limits.to_dollars(left))
    part = min(100, round(100 * used / limit)) if limit else 100
    # To the minute: midnight is not to be told as 23:59.
    resets = now + timedelta(seconds=standing.reset + 30) if used and standing.reset else None
    return Bar(of, LIMIT_LABELS[standing.name], *amounts, part=part, resets=resets)
