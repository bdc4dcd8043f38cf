"""The key pool: lease a key inside its quota for one attempt, and tell what came of it."""

import asyncio
import contextvars
import logging
import math
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError
from django.utils import timezone

from accounts.contributing import ask_about_suspects
from accounts.in_db import DatabaseAway, in_db
from accounts.pool.clock import now
from accounts.pool.facts import Exhausted, Lease, PooledKey
from accounts.pool.quotas import Quota
from accounts.pool.shared import SharedLedgers
from accounts.pool.state import Pool
from accounts.pool.storage import Findings, Unwritten, assumed_from, exchange, last_states, serving_upstream
from accounts.pool.together import Together
from accounts.remembered_settings import settings
from accounts.shared_store import wire_to

__all__ = [
    "Exhausted",
    "Lease",
    "PooledKey",
    "answered",
    "bare_refusal",
    "cool_down",
    "day_rest",
    "disable",
    "give_back",
    "key_of",
    "learn_quota",
    "lease",
    "may_retry",
    "model_rests",
    "now",
    "ready",
    "refund",
    "refuse",
    "reset",
    "short_rest",
    "shut",
    "size",
    "soonest",
    "suspect",
    "sync",
]

logger = logging.getLogger(__name__)

SYNC_SECONDS = 1.0
_STALE_SECONDS = 5.0
_MINUTE_IS_OVER = 75.0
_OVERLAP = timedelta(seconds=30)


class _Shared:
    """The pool of this process and its tie to the database."""

    def __init__(self) -> None:
        self.tiers: list[tuple[str, bool, Quota]] = []
        self.pool = Pool(assumed=lambda model, paid: assumed_from(self.tiers, model, paid))
        self.stamp: object = None
        self.looked: datetime | None = None
        self.looked_at = -math.inf
        """The loop's time of the last exchange."""
        self.exchange_began = -math.inf
        """The loop's time at which the exchange that is under way was begun."""
        self.cleared: set[tuple[str, datetime]] = set()
        self.disabling: dict[UUID, str] = {}
        self.suspecting: dict[UUID, str] = {}
        self.asking: asyncio.Task[int] | None = None
        """The question about suspected keys that is under way."""
        self.timer: asyncio.TimerHandle | None = None
        self.erasing: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.together: Together | None = None
        """Where there is Redis: the pool as one of several."""
        self.together_in: asyncio.AbstractEventLoop | None = None


_shared = _Shared()


async def ready() -> None:
    """See to it that what is leased is what there is: keys that came, were withdrawn or disabled meanwhile.

    Under load the exchange once a second has done so, and this returns at once. Before the first lease, after a pause, and
    once a second while there are no keys, it waits for an exchange, but not longer than
    DATABASE_SECONDS. Raises what the database
    raises, before the first.
    """
    shared = _shared
    age = asyncio.get_running_loop().time() - shared.looked_at
    if age < SYNC_SECONDS or (age < _STALE_SECONDS and shared.pool.size > 0):
        return
    # However many wait, one exchange serves them all; one of them may leave without stopping it.
    exchange_task = _running_exchange(shared)
    patience = max(0.0, shared.exchange_began + settings.DATABASE_SECONDS - asyncio.get_running_loop().time())
    try:
        async with asyncio.timeout(patience):
            await asyncio.shield(exchange_task)
    except TimeoutError:
        if shared.looked is None:
            raise DatabaseAway("The pool cannot be read.") from None
    except DatabaseError:
        if shared.looked is None:
            raise
        logger.warning("the pool could not exchange with the database; it goes on with what it knows")


async def lease(
    model: str,
    tried: Collection[PooledKey],
    tokens: int = 0,
    affinity: int | None = None,
    *,
    spare: bool = False,
    holders: Sequence[str] = (),
) -> Lease | Exhausted:
    """Reserve a request and its input tokens (estimated) with a key, none of `tried`; Exhausted when there is no room.

    `affinity` is a number that is the same for the same conversation. `spare`: only from what nobody else needs just now.
    `holders`: quota domains that come first while they have room, since they hold what the request names.
    """
    _sync_soon()
    together = _together()
    # No model: a call that uses no quota.
    if together is None or not model:
        return _shared.pool.lease(model, tried, now(), tokens, affinity, spare=spare, holders=holders)
    return await together.lease(model, tried, tokens, affinity, spare=spare, holders=holders)


def answered(lease: Lease) -> None:
    """Note that an answer has begun, however long it will take: who waited to see whether a key works need not any more."""
    (_together() or _shared.pool).answered(lease, now())


def give_back(lease: Lease, *, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
    """End an attempt that used quota."""
    _sync_soon()
    together = _together()
    if together is None:
        _shared.pool.give_back(lease, now(), prompt_tokens, completion_tokens)
    else:
        together.give_back(lease, prompt_tokens, completion_tokens)


def refund(lease: Lease) -> None:
    """End an attempt that used no quota, because it never reached the upstream or was turned away there."""
    (_together() or _shared.pool).refund(lease)


def refuse(lease: Lease, reason: str, *, model_at_fault: bool = False, used_quota: bool = False) -> None:
    """End an attempt that failed; a fault of the model is not held against the key."""
    _sync_soon()
    _shared.pool.refuse(lease, now(), reason, model_at_fault=model_at_fault)
    if not used_quota:
        refund(lease)


def cool_down(lease: Lease, until: float, reason: str, *, all_models: bool = False) -> None:
    """Let the quota domain of a key rest until a Unix time, for the lease's model or for all."""
    (_together() or _shared.pool).cool_down(lease, until, reason, all_models=all_models)
    logger.info("a quota domain rests for %s: %s", "all models" if all_models else lease.model, reason)


def learn_quota(lease: Lease, violations: Collection[tuple[str, int | None]]) -> bool:
    """Take over the limits that a refusal named: the id of each quota, and its value where it was told.

    True when with them the ledger would have refused the request as well, so that no rest is needed.
    """
    return _shared.pool.learn_quota(lease, violations, now())


def day_rest(lease: Lease) -> float:
    """The Unix time until which a quota domain rests whose requests of the day are used up."""
    return _shared.pool.day_rest(lease, now())


def short_rest(lease: Lease) -> float:
    """Seconds for which a quota domain rests that was refused without a reason: twice as long each time in a row."""
    return _shared.pool.short_rest(lease)


def bare_refusal(lease: Lease) -> bool:
    """Note a 429 that names no quota; True when it means our address, as several domains were refused so at once.

    Then the whole pool rests for some seconds.
    """
    is_ours = _shared.pool.gates.bare_refusal(lease.key.domain, now())
    if is_ours:
        logger.warning("the pool rests: several quota domains were refused at once without a reason")
    return is_ours


def model_rests(model: str) -> bool:
    """True while a model that failed several times in a row is left alone."""
    return _shared.pool.gates.model_rests(model, now())


def shut() -> dict[str, float]:
    """What nothing is sent to just now, and for how many seconds: models by name, "" where it is the whole upstream."""
    return _shared.pool.gates.shut(now())


def soonest(model: str, tokens: int = 0) -> float | None:
    """Seconds until some key may be leased for the model, as far as this process knows; None when none ever will."""
    return _shared.pool.soonest(model, tokens, now())


def may_retry() -> bool:
    """True when a request that the upstream failed may be asked once more: retries may add only so much to the load."""
    return _shared.pool.retries.take(now())


def disable(lease: Lease, reason: str, *, whole_domain: bool = False) -> None:
    """Take a key, or every key of its project, out until a person enables it."""
    for key_id in _shared.pool.drop(lease.key, whole_domain=whole_domain):
        _shared.disabling[key_id] = reason
    logger.warning("a contributed key was disabled: %s", reason)
    _sync_soon()


def suspect(lease: Lease, reason: str) -> None:
    """Lease a key no more until a free call has told whether the upstream takes it: then it is disabled, or comes back."""
    for key_id in _shared.pool.drop(lease.key):
        _shared.suspecting[key_id] = reason
    logger.warning("a contributed key is suspected: %s", reason)
    _sync_soon()


def key_of(domain: str) -> PooledKey | None:
    """A key of a quota domain, for what uses no quota; None when the pool has none."""
    known = _shared.pool.domains().get(domain)
    return known.keys[0] if known else None


def size() -> int:
    """How many keys this process may lease, resting ones included."""
    return _shared.pool.size


def reset() -> None:
    """Forget everything: for tests, whose databases come and go."""
    global _shared
    for timer in (_shared.timer, _shared.erasing):
        if timer is not None:
            timer.cancel()
    _shared = _Shared()


async def sync() -> None:
    """Write down what this process knows and take over what others wrote. Raises what the database raises."""
    shared = _shared
    unwritten = _take_unwritten(shared)
    started = timezone.now()
    since = (shared.looked or started) - _OVERLAP
    known = {key.id: key.secret for domain in shared.pool.domains().values() for key in domain.keys}
    try:
        findings = await in_db(exchange, unwritten, known, shared.stamp, since)
    except BaseException:
        _put_back(shared, unwritten)
        raise
    _take_over(shared, findings)
    if shared.looked is None:
        shared.pool.restore(await in_db(last_states), now())
    _sync_when_the_minute_is_over(shared, unwritten)
    shared.looked, shared.looked_at = started, asyncio.get_running_loop().time()
    together = _known_together(shared)
    if together is not None and (unwritten.disabled or unwritten.suspected or unwritten.quotas):
        together.ledgers.tell_news()
    if findings.has_suspects and (shared.asking is None or shared.asking.done()):
        question = in_db(ask_about_suspects, serving_upstream())
        shared.asking = asyncio.get_running_loop().create_task(question, context=contextvars.Context())


def _take_unwritten(shared: _Shared) -> Unwritten:
    pool = shared.pool
    unwritten = Unwritten(
        dict(shared.disabling),
        dict(shared.suspecting),
        dict(pool.unwritten_rests),
        set(pool.unwritten_recoveries),
        list(pool.unwritten_overruns),
        dict(pool.unwritten_quotas),
        dict(pool.unwritten_days),
        pool.changed_states(now()),
    )
    for taken in (
        shared.disabling,
        shared.suspecting,
        pool.unwritten_rests,
        pool.unwritten_recoveries,
        pool.unwritten_overruns,
        pool.unwritten_quotas,
        pool.unwritten_days,
    ):
        taken.clear()
    return unwritten


def _put_back(shared: _Shared, unwritten: Unwritten) -> None:
    pool = shared.pool
    shared.disabling |= unwritten.disabled
    shared.suspecting |= unwritten.suspected
    pool.unwritten_rests = {**unwritten.rests, **pool.unwritten_rests}
    pool.unwritten_recoveries |= unwritten.recoveries
    pool.unwritten_overruns[:0] = unwritten.overruns
    pool.unwritten_quotas = {**unwritten.quotas, **pool.unwritten_quotas}
    pool.touch(unwritten.states)
    for place, counts in unwritten.days.items():
        pool.unwritten_days[place].add(counts)


def _take_over(shared: _Shared, findings: Findings) -> None:
    pool = shared.pool
    assumptions_changed = shared.tiers != findings.tiers
    shared.tiers = findings.tiers
    if findings.keys is not None:
        gone = {*shared.disabling, *shared.suspecting}
        pool.replace_keys(key for key in findings.keys if key.id not in gone)
    shared.stamp = findings.stamp
    pool.learn_quotas(findings.quotas, assumptions_changed=assumptions_changed)
    pool.learn_usage(findings.used, now())
    # Each look goes back a little, so that a reset written meanwhile is not missed: those that are known are passed over.
    fresh = set(findings.cleared) - shared.cleared
    shared.cleared = set(findings.cleared)
    pool.learn_rests(findings.rests, [domain for domain, _ in fresh])

    together = _known_together(shared)
    if together is not None:
        for domain, at in fresh:
            together.wake(domain, at.timestamp())


def _together() -> Together | None:
    """The pool as one of several, None where there is no Redis."""
    if not settings.REDIS_URL:
        return None
    shared = _shared
    together = _known_together(shared)
    if together is None:
        ledgers = SharedLedgers(wire_to(settings.REDIS_URL))
        together = shared.together = Together(shared.pool, ledgers, settings.WORKERS, heed=_sync_now)
        shared.together_in = asyncio.get_running_loop()
    return together


def _known_together(shared: _Shared) -> Together | None:
    """The same, if it was made in this event loop: a page that exchanges once needs no connection of its own."""
    return shared.together if shared.together_in is asyncio.get_running_loop() else None


def _sync_now() -> None:
    _start_sync(_shared)


def _sync_soon() -> None:
    """Exchange with the database within a second: one timer at a time, so the cost does not grow with the load."""
    shared = _shared
    if shared.timer is not None and shared.loop is not None and not shared.loop.is_closed():
        return
    shared.loop = asyncio.get_running_loop()
    shared.timer = shared.loop.call_later(SYNC_SECONDS, _start_sync, shared)


def _sync_when_the_minute_is_over(shared: _Shared, unwritten: Unwritten) -> None:
    """What was written of the running minute is erased after it, though nobody asks for anything any more."""
    if unwritten.states:
        if shared.erasing is not None:
            shared.erasing.cancel()
        shared.erasing = asyncio.get_running_loop().call_later(_MINUTE_IS_OVER, _start_sync, shared)


def _start_sync(shared: _Shared) -> None:
    if shared.timer is not None:
        shared.timer.cancel()
        shared.timer = None
    _running_exchange(shared).add_done_callback(_tell_failure)


def _running_exchange(shared: _Shared) -> "asyncio.Task[None]":
    """The exchange that is under way, else a new one."""
    if shared.task is None or shared.task.done():
        # A context of its own: the request that asks for it may be over before it is.
        loop = asyncio.get_running_loop()
        shared.task = loop.create_task(sync(), context=contextvars.Context())
        shared.exchange_began = loop.time()
    return shared.task


def _tell_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.warning("the pool could not exchange with the database; it goes on with what it knows")
        _sync_soon()
