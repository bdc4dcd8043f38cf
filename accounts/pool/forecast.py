"""The forecast: how long the pool's daily quota of each model will last, from its ledgers and the pace of late."""

import time
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count
from django.utils import timezone

from accounts.models import UsageRecord
from accounts.pool.outlook import ModelOutlook, outlook
from accounts.pool.pacific import PACIFIC

_PACE_OF = timedelta(minutes=15)
_REMEMBER_SECONDS = 5.0
_ROUNDED_TO = 600.0

_remembered: "tuple[float, list[Forecast]] | None" = None


class Forecast(NamedTuple):
    """How long one model's quota lasts."""

    model: str
    left: int | None
    """Requests; None when some key's limit is not known."""
    limit: int | None
    empty_at: float | None
    """Unix time at which it is used up if things go on as they do; None when it lasts until the reset."""
    known_left: int = 0
    """Requests left of the keys whose limit is known."""

    @property
    def in_words(self) -> str:
        """As a sentence: “gemini-3.8-flash: 1,140 of 3,000 requests left today, enough until about 18:40 Pacific”."""
        if self.left is None or self.limit is None:
            at_least = f"at least {self.known_left:,} requests left today; " if self.known_left else ""
            return f"{self.model}: {at_least}the daily limit of some keys is not known yet"
        if self.limit == 0:
            return f"{self.model}: no key may be used for it now"
        if self.left == 0:
            return f"{self.model}: all {self.limit:,} requests of today are used, more from midnight Pacific"
        until = "enough until midnight Pacific"
        if self.empty_at is not None:
            until = f"enough until about {datetime.fromtimestamp(self.empty_at, PACIFIC):%H:%M} Pacific"
        return f"{self.model}: {self.left:,} of {self.limit:,} requests left today, {until}"

    @property
    def share_left(self) -> int:
        """Per cent of the day that is left."""
        return 100 if not self.limit or self.left is None else round(100 * self.left / self.limit)


def forecasts() -> list[Forecast]:
    """One for each model that was asked in the last week, at most 5 s old. Reads the database when it is older."""
    global _remembered
    now = time.monotonic()
    if _remembered is None or now - _remembered[0] >= _REMEMBER_SECONDS:
        pace = _pace()
        _remembered = now, [forecast(model, pace.get(model.model, 0.0), time.time()) for model in outlook()]
    return _remembered[1]


def forget() -> None:
    """Ask anew next time."""
    global _remembered
    _remembered = None


def forecast(model: ModelOutlook, pace: float, now: float) -> Forecast:
    """What becomes of a model's quota at so many requests a second."""
    left = model.remaining_today
    empty_at = None
    if left is not None and pace > 0:
        # To ten minutes: the pace is a guess.
        at = round((now + left / pace) / _ROUNDED_TO) * _ROUNDED_TO
        empty_at = at if at < model.resets_at else None
    return Forecast(model.model, left, model.limit_today, empty_at, model.known_left)


def _pace() -> dict[str, float]:
    """Requests a second that each model answered in the last quarter of an hour."""
    recent = UsageRecord.objects.filter(created__gt=timezone.now() - _PACE_OF, status=200).order_by()
    counts = recent.values_list("gemini_model").annotate(count=Count("pk"))
    seconds = _PACE_OF.total_seconds()
    return {model: count / seconds for model, count in counts}
