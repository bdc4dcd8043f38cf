"""What a process tells of its traffic: numbers, the requests that run, those that ended since it told last.

A request is told by what its usage record says: by whom, never by which contributed key.
"""

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from accounts import pool
from accounts.live.traffic import Running, Traffic

if TYPE_CHECKING:
    from accounts.metering.lines import Admission, Settlement

RUNNING_TOLD = 60
ENDED_TOLD = 100
_MODEL_LENGTH = 80


class Told(NamedTuple):
    """A summary as it arrives; see `summary`."""

    process: str
    ended_count: int
    ended: list[dict[str, Any]]
    running: list[dict[str, Any]]
    running_count: int
    tokens: int
    shut: dict[str, float]


def summary(process: str, traffic: Traffic, since: int) -> Told:
    """What to tell of `traffic`; of its ended requests those after number `since`, the last ones where they are many."""
    ended = min(traffic.ended_count - since, ENDED_TOLD, len(traffic.latest))
    first = traffic.ended_count - ended + 1
    latest = [traffic.latest[place] for place in range(len(traffic.latest) - ended, len(traffic.latest))]
    running = list(traffic.running.values())
    return Told(
        process,
        traffic.ended_count,
        [_ended(number, *pair) for number, pair in enumerate(latest, first)],
        [_running(admission, job) for admission, job in running[:RUNNING_TOLD]],
        len(running),
        traffic.ended_tokens + sum(job.tokens for _, job in running),
        # The moment, not the seconds that are left: those would be another number each time.
        {name: round(time.time() + seconds, 1) for name, seconds in pool.shut().items()},
    )


def _asked(admission: "Admission") -> dict[str, Any]:
    return {
        "id": admission.id,
        "began": admission.created // 1000,
        "user": admission.user,
        "endpoint": admission.endpoint,
        "asked": admission.model[:_MODEL_LENGTH],
        "stream": admission.stream,
    }


def _running(admission: "Admission", job: Running) -> dict[str, Any]:
    return {**_asked(admission), "served": job.model, "attempts": job.attempts, "tokens": job.tokens}


def _ended(number: int, admission: "Admission", settlement: "Settlement") -> dict[str, Any]:
    return {
        **_asked(admission),
        "number": number,
        "served": settlement.gemini_model,
        "status": settlement.status,
        "error": settlement.error_code,
        "attempts": settlement.attempts,
        "tokens": settlement.counts.total,
        "first_byte_ms": settlement.first_byte_ms,
        "total_ms": settlement.total_ms,
    }
