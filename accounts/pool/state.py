"""The pool of one process: the keys at hand, what rests until when, and what is still to be written down."""

import random
import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from uuid import UUID

from accounts.pool.choice import choose
from accounts.pool.facts import Exhausted, Lease, PooledKey
from accounts.pool.pacific import pacific_day

Place = tuple[str, str]
"""A quota domain and a model; "" stands for all models."""


class DayCounts:
    """What one key did for one model on one Pacific day, since it was last written down."""

    __slots__ = ("completion_tokens", "last_refusal", "last_used", "prompt_tokens", "refusals", "requests")

    def __init__(self) -> None:
        self.requests = self.refusals = self.prompt_tokens = self.completion_tokens = 0
        self.last_refusal = ""
        self.last_used = 0.0


class Pool:
    """Leases keys and remembers what came of it. Plain synchronous acts, none of which waits."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 (spreads load, guards nothing)
        self._keys: dict[UUID, PooledKey] = {}
        self._ready: list[PooledKey] = []
        self._rests: dict[Place, float] = {}
        self._reasons: dict[Place, str] = {}
        self.unwritten_rests: set[Place] = set()
        self.unwritten_days: dict[tuple[UUID, str, date], DayCounts] = defaultdict(DayCounts)

    def lease(self, model: str, tried: Collection[PooledKey], now: float) -> Lease | Exhausted:
        """A key for one attempt with `model`, none of `tried`; `now` is Unix time."""
        rests = self._rests
        if rests:
            key = choose(
                self._ready,
                tried,
                lambda key: rests.get((key.domain, model), 0) <= now and rests.get((key.domain, ""), 0) <= now,
                self._rng,
            )
        else:
            key = choose(self._ready, tried, lambda key: True, self._rng)
        if key is None:
            return Exhausted(self._soonest(model, now))
        key.leases += 1
        return Lease(key, model)

    def give_back(self, lease: Lease, now: float, *, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        """The end of an attempt that brought an answer, with the tokens as Gemini reports them."""
        counts = self._day(lease, now)
        counts.requests += 1
        counts.prompt_tokens += prompt_tokens
        counts.completion_tokens += completion_tokens

    def refuse(self, lease: Lease, now: float, reason: str) -> None:
        """The end of an attempt that failed."""
        counts = self._day(lease, now)
        counts.requests += 1
        counts.refusals += 1
        counts.last_refusal = reason

    def cool_down(self, lease: Lease, until: float, reason: str, *, all_models: bool = False) -> None:
        """Let the key's quota domain rest for this model until a Unix time; a longer rest stays."""
        self.rest((lease.key.domain, "" if all_models else lease.model), until, reason)

    def rest(self, place: Place, until: float, reason: str) -> None:
        """Let a place rest; see cool_down."""
        if until > self._rests.get(place, 0):
            self._rests[place] = until
            self._reasons[place] = reason
            self.unwritten_rests.add(place)

    def drop(self, lease: Lease, *, whole_domain: bool = False) -> list[UUID]:
        """Lease this key (or every key of its quota domain) no more; the ids of those that are out now."""
        gone = [
            key.id
            for key in self._keys.values()
            if key is lease.key or (whole_domain and key.domain == lease.key.domain)
        ]
        for key_id in gone:
            del self._keys[key_id]
        self._ready = list(self._keys.values())
        return gone

    def replace_keys(self, keys: Iterable[PooledKey]) -> None:
        """Take the keys that may be leased from now on; a key that stays keeps its count."""
        fresh: dict[UUID, PooledKey] = {}
        floor = min((key.leases for key in self._ready), default=0)
        for key in keys:
            known = self._keys.get(key.id)
            # A new key starts level with the least used: it must not be asked alone until it has caught up.
            key.leases = known.leases if known else floor
            fresh[key.id] = key
        self._keys = fresh
        self._ready = list(fresh.values())

    def learn_rests(self, rests: dict[Place, tuple[float, str]], cleared: Iterable[str]) -> None:
        """Rests that other processes found, and domains whose rests a person has ended."""
        for domain in cleared:
            for place in [place for place in self._rests if place[0] == domain]:
                self._end(place)
        for place, (until, reason) in rests.items():
            if until > self._rests.get(place, 0):
                self._rests[place] = until
                self._reasons[place] = reason

    def forget_past(self, now: float) -> None:
        """Drop rests that are over."""
        for place in [place for place, until in self._rests.items() if until <= now]:
            self._end(place)

    def rest_of(self, place: Place) -> tuple[float, str] | None:
        """(until, reason) of a place that rests."""
        until = self._rests.get(place)
        return None if until is None else (until, self._reasons[place])

    @property
    def size(self) -> int:
        """How many keys may be leased, resting ones included."""
        return len(self._ready)

    def _soonest(self, model: str, now: float) -> float | None:
        waits = [
            max(self._rests.get((key.domain, model), 0), self._rests.get((key.domain, ""), 0)) - now
            for key in self._ready
        ]
        return max(0.0, min(waits)) if waits else None

    def _end(self, place: Place) -> None:
        self._rests.pop(place, None)
        self._reasons.pop(place, None)
        self.unwritten_rests.discard(place)

    def _day(self, lease: Lease, now: float) -> DayCounts:
        counts = self.unwritten_days[lease.key.id, lease.model, _day_of(now)]
        counts.last_used = now
        return counts


_today: tuple[float, float, date] = (0.0, 0.0, date.min)


def _day_of(now: float) -> date:
    """The Pacific date, worked out once a quarter of an hour (no clock change is nearer to midnight than that)."""
    global _today
    if not _today[0] <= now < _today[1]:
        start = now - now % 900
        _today = (start, start + 900, pacific_day(now))
    return _today[2]


def now() -> float:
    """Unix time; one place for tests to move."""
    return time.time()
