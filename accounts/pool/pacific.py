"""Gemini's day: its daily quotas begin at midnight in Los Angeles (Gemini API, rate limits)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
# No clock change is nearer to midnight than this, so the date holds for the whole quarter of an hour.
_QUARTER = 900

_known: tuple[float, float, date] = (0.0, 0.0, date.min)


def pacific_day(now: float) -> date:
    """The date in Los Angeles at a Unix time, worked out once a quarter of an hour."""
    global _known
    if not _known[0] <= now < _known[1]:
        start = now - now % _QUARTER
        _known = (start, start + _QUARTER, datetime.fromtimestamp(now, PACIFIC).date())
    return _known[2]


def pacific_day_number(now: float) -> int:
    """The same date as a number that grows by one a day."""
    return pacific_day(now).toordinal()


def next_pacific_midnight(now: float) -> float:
    """The Unix time of the next midnight in Los Angeles: 23, 24 or 25 hours after the last, by the season."""
    tomorrow = pacific_day(now) + timedelta(days=1)
    return datetime.combine(tomorrow, time.min, PACIFIC).astimezone(UTC).timestamp()
