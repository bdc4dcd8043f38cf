"""Gemini's day: its daily quotas begin at midnight in Los Angeles (Gemini API, rate limits)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")


def pacific_day(now: float) -> date:
    """The date in Los Angeles at a Unix time."""
    return datetime.fromtimestamp(now, PACIFIC).date()


def next_pacific_midnight(now: float) -> float:
    """The Unix time of the next midnight in Los Angeles: 23, 24 or 25 hours after the last, by the season."""
    tomorrow = pacific_day(now) + timedelta(days=1)
    return datetime.combine(tomorrow, time.min, PACIFIC).astimezone(UTC).timestamp()
