"""Limits: what tokens and users may use, reserved before a request goes upstream and settled with true counts after it.

They are kept in this process, or in Redis (REDIS_URL) for several. docs/limits.md tells the whole story.
"""

import asyncio
import contextvars
import logging
import time
from typing import TypeAlias
from weakref import WeakKeyDictionary

from django.db import DatabaseError

from accounts.in_db import in_db_soon
from accounts.limits.asking import NO_HEADROOM, Ask, Headroom, Left, Refusal, Standing, Unseeded
from accounts.limits.holders import NO_LIMITS, Holder, LimitSet, holders_of
from accounts.limits.memory import MemoryStore
from accounts.limits.shared import SharedReservation, SharedStore
from accounts.limits.spending import look_up
from accounts.limits.terms import Reservation
from accounts.limits.wire import Away, wire_to
from accounts.money import to_dollars
from accounts.remembered_settings import settings

__all__ = [
    "NO_HEADROOM",
    "NO_LIMITS",
    "AnyReservation",
    "Ask",
    "Headroom",
    "Holder",
    "Left",
    "LimitSet",
    "Refusal",
    "Standing",
    "forget",
    "holders_of",
    "reserve",
    "reserve_at_once",
    "standings",
    "to_dollars",
]

logger = logging.getLogger(__name__)

AnyReservation: TypeAlias = Reservation | SharedReservation
Store: TypeAlias = MemoryStore | SharedStore
Place: TypeAlias = tuple[int, str]
"""A store and the key of a holder."""

_ROUNDS = 5


class _State:
    """The stores of this process, and the look-ups under way."""

    def __init__(self) -> None:
        self.alone = MemoryStore(compare=_compare)
        """Where there is no Redis: this process is the only one."""
        self.without_redis = MemoryStore(settings.WORKERS, compare=_compare)
        """While Redis is away."""
        self.shared: WeakKeyDictionary[asyncio.AbstractEventLoop, SharedStore] = WeakKeyDictionary()
        self.look_ups: dict[Place, asyncio.Task[None]] = {}


_state: _State | None = None


def reserve_at_once(holders: tuple[Holder, ...], ask: Ask) -> Reservation | Refusal | None:
    """As `reserve`, where nothing has to be waited for; None where Redis counts, or the database must tell something first."""
    if settings.REDIS_URL:
        return None
    answer = _the_state().alone.reserve(holders, ask, time.monotonic(), time.time())
    return None if isinstance(answer, Unseeded) else answer


async def reserve(holders: tuple[Holder, ...], ask: Ask) -> AnyReservation | Refusal:
    """Take one request from every holder, or the refusal of the first that has no room: then nothing is taken.

    Without Redis it waits for nothing, except for the database where a holder is met for the first time in a process or
    a day. The reservation must be settled or released in every ending. Raises django.db.Error.
    """
    for _ in range(_ROUNDS):
        now = time.monotonic()
        store: Store
        answer: AnyReservation | Refusal | Unseeded
        if settings.REDIS_URL:
            store, answer = await _reserve_as_one_of_several(holders, ask, now)
        else:
            store = alone = _the_state().alone
            answer = alone.reserve(holders, ask, now, time.time())
        if not isinstance(answer, Unseeded):
            return answer
        await _seed(store, answer.holders)
    raise DatabaseError("What was used so far cannot be told: each answer is out of date at once.")


async def standings(holders: tuple[Holder, ...]) -> tuple[Standing, ...]:
    """How every limit of the holders stands, reservations included. Raises django.db.Error."""
    for _ in range(_ROUNDS):
        shared = _shared_store()
        store: Store = shared or _local_store()
        try:
            if isinstance(store, SharedStore):
                answer = await store.standings(holders, time.time())
            else:
                answer = store.standings(holders, time.monotonic(), time.time())
            if not isinstance(answer, Unseeded):
                return answer
            await _seed(store, answer.holders)
        except Away:
            continue
    return ()


def forget() -> None:
    """Forget everything that is kept in this process: for tests, whose databases come and go."""
    global _state
    _state = None


def _the_state() -> _State:
    global _state
    if _state is None:
        _state = _State()
    return _state


async def _reserve_as_one_of_several(
    holders: tuple[Holder, ...], ask: Ask, now: float
) -> tuple[Store, AnyReservation | Refusal | Unseeded]:
    shared = _shared_store()
    if shared is not None:
        try:
            return shared, await shared.reserve(holders, ask, time.time())
        except Away:
            pass
    store = _local_store()
    if any(store.is_stale(holder, now) for holder in holders):
        # Known from when Redis was away before; since then the other processes went on.
        return store, Unseeded(holders)
    return store, store.reserve(holders, ask, now, time.time())


def _shared_store() -> SharedStore | None:
    """The store in Redis, None when there is none or it is away."""
    if not settings.REDIS_URL:
        return None
    state, loop = _the_state(), asyncio.get_running_loop()
    store = state.shared.get(loop)
    if store is None:
        store = state.shared[loop] = SharedStore(wire_to(settings.REDIS_URL), compare=_compare)
    if store.wire.away:
        return None
    return store


def _local_store() -> MemoryStore:
    return _the_state().without_redis if settings.REDIS_URL else _the_state().alone


async def _seed(store: Store, holders: tuple[Holder, ...]) -> None:
    """Tell the store what these holders have used; whoever needs the same waits for the same look-up."""
    await asyncio.gather(*(asyncio.shield(_look_up(store, holder, everything=True)) for holder in holders))


def _compare(store: Store, holder: Holder) -> None:
    """Tell the store what the database says of a holder's budgets by now; nobody waits for it."""
    _look_up(store, holder, everything=False)


def _look_up(store: Store, holder: Holder, *, everything: bool) -> "asyncio.Task[None]":
    running = _the_state().look_ups
    place = (id(store), holder.key)
    task = running.get(place)
    if task is None or task.done():
        # A context of its own: whoever asked first may leave, the others still want the answer.
        task = running[place] = asyncio.get_running_loop().create_task(
            _learn(store, holder, everything=everything), context=contextvars.Context()
        )
        task.add_done_callback(lambda done: _end_look_up(running, place, done))
    return task


async def _learn(store: Store, holder: Holder, *, everything: bool) -> None:
    wall = time.time()
    past = await in_db_soon(look_up, holder, wall, everything=everything)
    if isinstance(store, SharedStore):
        try:
            await store.learn(holder, past, wall)
        except Away:
            return
    else:
        store.learn(holder, past, time.monotonic())


def _end_look_up(running: dict[Place, "asyncio.Task[None]"], place: Place, done: "asyncio.Task[None]") -> None:
    running.pop(place, None)
    if not done.cancelled() and done.exception() is not None:
        logger.warning("What was used so far could not be looked up (%s).", type(done.exception()).__name__)
