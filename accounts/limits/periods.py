"""Calendar days and months of a time zone: what budgets are for."""

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class Today(NamedTuple):
    """The day and month of a time zone at some moment. Times are Unix seconds; the ends are the next ones' beginnings."""

    day: str
    month: str
    day_start: float
    day_end: float
    month_start: float
    month_end: float


_known: dict[str, Today] = {}


def today(zone: str, now: float) -> Today:
    """The day and month of `now` (Unix time) in a time zone; one that is not known is taken for UTC."""
    found = _known.get(zone)
    if found is None or not found.day_start <= now < found.day_end:
        found = _known[zone] = _today(zone, now)
    return found


def _today(zone: str, now: float) -> Today:
    place = zone_named(zone)
    moment = datetime.fromtimestamp(now, place)
    # From noon to noon: a day of 23 or 25 hours is one day all the same.
    noon = datetime(moment.year, moment.month, moment.day, 12, tzinfo=place)
    first = noon.replace(day=1)
    return Today(
        f"{moment:%Y-%m-%d}",
        f"{moment:%Y-%m}",
        _midnight(noon),
        _midnight(noon + timedelta(days=1)),
        _midnight(first),
        _midnight((first + timedelta(days=31)).replace(day=1)),
    )


def zone_named(zone: str) -> ZoneInfo:
    """The time zone of this IANA name, UTC when there is none."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _midnight(noon: datetime) -> float:
    return noon.replace(hour=0).timestamp()
