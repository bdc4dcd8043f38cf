"""What came of a day, and what could have."""

import bisect
import math
from collections import Counter
from itertools import accumulate
from typing import NamedTuple

from benchmarks.day.gateways import Played
from benchmarks.day.trace import MINUTE, Day, Request

# So late a request may still reach the upstream: it waits in line for 15 seconds at most.
_LATEST = 16.0
_HOUR = 3600.0


class Figures(NamedTuple):
    """One gateway's day, in numbers."""

    served: int
    share: float
    """Of what the quotas allow."""
    calls: int
    refused: Counter[str]
    refused_later: float
    """The share of the calls after the first hour that was refused."""
    errors: Counter[str]
    errors_with_slot: int
    p50: float
    p99: float
    """Seconds that served requests waited, beyond the time of the answer."""


def figures(played: Played, allowed: int) -> Figures:
    """The numbers of a day that was played."""
    calls = played.upstream.calls
    later = [call for call in calls if call.at >= _HOUR]
    waits = sorted(end.waited for end in played.ended if not end.error)
    return Figures(
        len(waits),
        len(waits) / allowed,
        len(calls),
        Counter(call.outcome for call in calls if call.outcome != "answered"),
        sum(call.outcome != "answered" for call in later) / max(1, len(later)),
        Counter(end.error for end in played.ended if end.error),
        sum(end.had_slot for end in played.ended),
        waits[len(waits) // 2],
        waits[len(waits) * 99 // 100],
    )


def capacity(day: Day) -> int:
    """What the quotas allow: no gateway serves more, though it knew every limit and the whole day beforehand.

    A minimal cut, of the flow from requests over minutes to the projects' quotas: whichever set of minutes is taken, what is
    served is at most the requests that may be served outside of it, and what the projects may send within it: their
    requests a minute times its minutes, or their requests a day. The sets taken are those in which most is asked for. Tokens
    a minute are left out, which makes it larger still.
    """
    total = 0
    for model, rates in day.rates.items():
        requests = [request for request in day.requests if request.model == model]
        for first, last in ((0.0, day.midnight), (day.midnight, day.seconds)):
            total += _cut(day, model, requests, range(int(first // MINUTE), int(last // MINUTE)), rates)
    return total


def _cut(day: Day, model: str, requests: list[Request], minutes: range, rates: list[float]) -> int:
    open_minutes = [minute for minute in minutes if not _is_shut(day, model, minute)]
    # Of each request: the least busy of the minutes in which it may be served.
    least = sorted(
        min(rates[minute] for minute in within)
        for request in requests
        if (
            within := [
                minute for minute in _minutes(day, request) if minute in minutes and not _is_shut(day, model, minute)
            ]
        )
    )
    projects = [
        (day.lives_until(project), limits[model])
        for project, limits in day.quotas.items()
        if day.lives_until(project) > minutes.start * MINUTE
    ]
    by_rate = sorted(open_minutes, key=lambda minute: -rates[minute])
    # How many of the busiest minutes each project that dies lives to see.
    mortal = [
        (limits, list(accumulate((minute * MINUTE < end for minute in by_rate), initial=0)))
        for end, limits in projects
        if end < math.inf
    ]
    immortal = [limits for end, limits in projects if end == math.inf]
    best = len(least)
    for count in range(len(by_rate) + 1):
        threshold = rates[by_rate[count - 1]] if count else math.inf
        if count < len(by_rate) and rates[by_rate[count]] == threshold:
            continue  # minutes that are equally busy are in the set together
        outside = bisect.bisect_left(least, threshold)
        within = sum(min(limits.rpd, limits.rpm * count) for limits in immortal)
        within += sum(min(limits.rpd, limits.rpm * lived[count]) for limits, lived in mortal)
        best = min(best, outside + within)
    return best


def _minutes(day: Day, request: Request) -> list[int]:
    first, last = int(request.at // MINUTE), int((request.at + _LATEST) // MINUTE)
    return [minute for minute in range(first, last + 1) if minute < day.shape.hours * 60]


def _is_shut(day: Day, model: str, minute: int) -> bool:
    """True for a minute that lies wholly within an outage."""
    return any(
        wave.model in (None, model) and wave.begins <= minute * MINUTE and (minute + 1) * MINUTE <= wave.ends
        for wave in day.waves
    )
