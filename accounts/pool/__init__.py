"""The key pool: lease a key for an attempt, give it back, let it rest or take it out."""

import asyncio
import contextvars
import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError
from django.utils import timezone

from accounts.contributing import disable_key
from accounts.in_db import in_db
from accounts.pool.facts import Exhausted, Lease, PooledKey
from accounts.pool.pacific import next_pacific_midnight
from accounts.pool.state import DayCounts, Place, Pool, now
from accounts.pool.storage import Findings, look, write_down

__all__ = [
    "Exhausted",
    "Lease",
    "PooledKey",
    "cool_down",
    "disable",
    "give_back",
    "lease",
    "next_pacific_midnight",
    "now",
    "ready",
    "refuse",
    "reset",
    "size",
    "sync",
]

logger = logging.getLogger(__name__)

SYNC_SECONDS = 1.0
_OVERLAP = timedelta(seconds=30)


class _Shared:
    """The pool of this process and its tie to the database."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.stamp: object = None
        self.looked: datetime | None = None
        self.cleared: set[tuple[str, datetime]] = set()
        self.disabling: dict[UUID, str] = {}
        self.timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None


_shared = _Shared()


async def ready() -> None:
    """Load the keys before the first lease of this process; returns at once ever after."""
    if _shared.looked is None:
        await sync()


def lease(model: str, tried: Collection[PooledKey]) -> Lease | Exhausted:
    """A key for one attempt with a Gemini model, none of `tried`; Exhausted when there is none now."""
    _sync_soon()
    return _shared.pool.lease(model, tried, now())


def give_back(lease: Lease, *, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
    """End an attempt that brought an answer."""
    _shared.pool.give_back(lease, now(), prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)


def refuse(lease: Lease, reason: str) -> None:
    """End an attempt that failed through no fault of the key."""
    _shared.pool.refuse(lease, now(), reason)


def cool_down(lease: Lease, until: float, reason: str, *, all_models: bool = False) -> None:
    """Let the quota domain of a key rest until a Unix time, for the lease's model or for all."""
    _shared.pool.cool_down(lease, until, reason, all_models=all_models)
    logger.info("a quota domain rests for %s: %s", "all models" if all_models else lease.model, reason)


def disable(lease: Lease, reason: str, *, whole_domain: bool = False) -> None:
    """Take a key, or every key of its project, out until a person enables it."""
    for key_id in _shared.pool.drop(lease, whole_domain=whole_domain):
        _shared.disabling[key_id] = reason
    logger.warning("a contributed key was disabled: %s", reason)
    _sync_soon()


def size() -> int:
    """How many keys this process may lease, resting ones included."""
    return _shared.pool.size


def reset() -> None:
    """Forget everything: for tests, whose databases come and go."""
    global _shared
    if _shared.timer is not None:
        _shared.timer.cancel()
    _shared = _Shared()


async def sync() -> None:
    """Write down what this process knows and take over what others wrote. Raises what the database raises."""
    shared = _shared
    disabling, shared.disabling = shared.disabling, {}
    rests, days = _take_unwritten(shared.pool)
    started = timezone.now()
    since = (shared.looked or started) - _OVERLAP
    try:
        findings = await in_db(_exchange, disabling, rests, days, shared.stamp, since)
    except DatabaseError:
        _put_back(shared, disabling, rests, days)
        raise
    _take_over(shared, findings)
    shared.looked = started


def _exchange(
    disabling: dict[UUID, str],
    rests: dict[Place, tuple[float, str]],
    days: dict[tuple[UUID, str, object], DayCounts],
    stamp: object,
    since: datetime,
) -> Findings:
    for key_id, reason in disabling.items():
        disable_key(key_id, reason)
    if rests or days:
        write_down(rests, days)  # type: ignore[arg-type]
    return look(stamp, since)


def _take_unwritten(pool: Pool) -> tuple[dict[Place, tuple[float, str]], dict]:  # type: ignore[type-arg]
    rests = {place: rest for place in pool.unwritten_rests if (rest := pool.rest_of(place)) is not None}
    pool.unwritten_rests.clear()
    days = dict(pool.unwritten_days)
    pool.unwritten_days.clear()
    return rests, days


def _put_back(shared: _Shared, disabling: dict[UUID, str], rests: dict[Place, tuple[float, str]], days: dict) -> None:  # type: ignore[type-arg]
    shared.disabling |= disabling
    shared.pool.unwritten_rests |= rests.keys()
    for place, counts in days.items():
        known = shared.pool.unwritten_days[place]
        for name in ("requests", "refusals", "prompt_tokens", "completion_tokens"):
            setattr(known, name, getattr(known, name) + getattr(counts, name))
        known.last_used = max(known.last_used, counts.last_used)
        known.last_refusal = known.last_refusal or counts.last_refusal


def _take_over(shared: _Shared, findings: Findings) -> None:
    if findings.keys is not None:
        shared.pool.replace_keys(key for key in findings.keys if key.id not in shared.disabling)
    shared.stamp = findings.stamp
    # Each look goes back a little, so that a reset written meanwhile is not missed: those that are known are passed over.
    fresh = set(findings.cleared) - shared.cleared
    shared.cleared = set(findings.cleared)
    shared.pool.learn_rests(findings.rests, [domain for domain, _ in fresh])
    shared.pool.forget_past(now())


def _sync_soon() -> None:
    """Exchange with the database within a second: one timer at a time, so the cost does not grow with the load."""
    shared = _shared
    if shared.timer is not None and shared.loop is not None and not shared.loop.is_closed():
        return
    shared.loop = asyncio.get_running_loop()
    shared.timer = shared.loop.call_later(SYNC_SECONDS, _start_sync, shared)


def _start_sync(shared: _Shared) -> None:
    shared.timer = None
    if shared.task is None or shared.task.done():
        # A context of its own: the request that set the timer is over.
        shared.task = asyncio.get_running_loop().create_task(_sync_quietly(), context=contextvars.Context())


async def _sync_quietly() -> None:
    try:
        await sync()
    except DatabaseError:
        logger.exception("the pool could not exchange with the database; it goes on with what it knows")
        _sync_soon()
