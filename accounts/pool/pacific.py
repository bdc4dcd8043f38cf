"""Gemini's day: its daily quotas begin at midnight in Los Angeles (Gemini API, rate limits)."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
# Our clock may be ahead of Gemini's: its days begin a second later for us.
MARGIN = 1.0
# No clock change is nearer to midnight than this, so the date holds for the whole quarter of an hour.
_QUARTER = 900

_known_from = _known_until = 0.0
_known = date.min


def pacific_day(now: float) -> date:
    """The date in Los Angeles at a Unix time, worked out once a quarter of an hour."""
    global _known_from, _known_until, _known
    if not _known_from <= now < _known_until:
        _known = datetime.fromtimestamp(now, PACIFIC).date()
        _known_from = now - now % _QUARTER
        _known_until = _known_from + _QUARTER
    return _known


def quota_date(at: float) -> date:
    """The day that a request of that Unix time counts towards; see MARGIN."""
    return pacific_day(at - MARGIN)


def quota_day(at: float) -> int:
    """The same day as a number that grows by one a day."""
    return quota_date(at).toordinal()


def next_quota_day(at: float) -> float:
    """The Unix time at which the next day of the quotas begins."""
    return next_pacific_midnight(at - MARGIN) + MARGIN


def next_pacific_midnight(now: float) -> float:
    """The Unix time of the next midnight in Los Angeles: 23, 24 or 25 hours after the last, by the season."""
    return _midnight(pacific_day(now) + timedelta(days=1))


@lru_cache(maxsize=8)
def end_of_quota_day(day: int) -> float:
    """The Unix time at which a day of the quotas, by its number, is over."""
    return _midnight(date.fromordinal(day + 1)) + MARGIN


def _midnight(day: date) -> float:
    return datetime.combine(day, time.min, PACIFIC).astimezone(UTC).timestamp()
