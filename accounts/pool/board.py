"""The board of one model: which quota domains are ready, which sleep until when, and which of the ready to ask."""

import heapq
import math
import random
from collections.abc import Callable, Collection
from typing import NamedTuple

from accounts.pool.facts import Domain, PooledKey
from accounts.pool.ledger import Ledger

_ROUNDS = 4
_FEW = 8
_COMPARED = 4
_FAVOURITES = 4
_STRIDE = 7_919
_LOOKED_AT = 200
_WOKEN_AT_ONCE = 32
_HOUR = 3600.0


class Chosen(NamedTuple):
    """A key of a domain that has room."""

    domain: Domain
    key: PooledKey
    ledger: Ledger


class Asking(NamedTuple):
    """What a key is looked for."""

    tokens: int
    tried: Collection[PooledKey]
    now: float
    hour: int
    """Of the day (UTC)."""
    rng: random.Random


class Board:
    """Every domain is either ready or asleep until a time. Choosing looks at two of the ready, however many there are.

    A domain that turns out to have no room is put to sleep until its ledger says it has, so each is looked at once per
    window, not once per request.
    """

    def __init__(self, model: str, domains: Collection[Domain], ledger_of: Callable[[str, str], Ledger]) -> None:
        self.model = model
        self._ledger_of = ledger_of
        self._all = [domain for domain in domains if domain.may_serve(model)]
        self._ready = list(self._all)
        self._asleep: dict[str, tuple[float, Domain]] = {}
        self._wakings: list[tuple[float, str]] = []
        """A heap of the times at which somebody may have to be woken."""

    def choose(
        self, tried: Collection[PooledKey], tokens: int, now: float, rng: random.Random, affinity: int | None
    ) -> Chosen | None:
        """A key of a domain with room for so many input tokens; None when there is none now.

        Of a few ready domains drawn by chance (of all, when they are not many) the one with most room is taken. A
        conversation with an affinity goes to the same domain again while that has room, for Gemini caches its prefix.
        """
        asking = Asking(tokens, tried, now, int(now // _HOUR) % 24, rng)
        while True:
            woken = self._wake(now)
            chosen = self._choose(asking)
            if chosen is not None or woken < _WOKEN_AT_ONCE:
                break
        if chosen is None or affinity is None:
            return chosen
        return self._favourite(affinity, chosen.ledger.minutes_left(), asking) or chosen

    def _favourite(self, affinity: int, left: float, asking: Asking) -> Chosen | None:
        """The first of a conversation's favourites that is well and has not much less of its day left than another.

        What is scarce is not spent for the sake of a cache: then the next favourite takes its place, for good.
        """
        for step in range(_FAVOURITES):
            favourite = self._look(self._all[(affinity + step * _STRIDE) % len(self._all)], asking)
            if favourite and favourite.ledger.errors < 0.5 and 2 * favourite.ledger.minutes_left() >= left:
                return favourite
        return None

    def soonest(self, tokens: int, now: float) -> float | None:
        """Seconds until some domain has room for so many input tokens; None when none ever will."""
        while self._wakings and not self._sleeps(*self._wakings[0]):
            heapq.heappop(self._wakings)
        times = [self._wakings[0][0]] if self._wakings else []
        for domain in self._ready[:_LOOKED_AT]:
            free_at = self._ledger_of(domain.name, self.model).free_at(tokens, now)
            if now < free_at < math.inf:
                times.append(free_at)
        return max(0.0, min(times) - now) if times else None

    def wake(self, name: str) -> None:
        """A domain may have room earlier than its ledger said."""
        if name in self._asleep:
            self._ready.append(self._asleep.pop(name)[1])

    def _choose(self, asking: Asking) -> Chosen | None:
        for _ in range(_ROUNDS):
            drawn = self._draw(asking)
            if drawn:
                return _best(drawn, asking)
            if not self._ready:
                return None
        # Chance has found none: most of the ready were tried, or have no room for so long a prompt. Who has none for
        # any prompt sleeps after this look.
        for place in range(len(self._ready) - 1, -1, -1):
            chosen = self._look_at(place, asking)
            if chosen is not None:
                return chosen
        return None

    def _draw(self, asking: Asking) -> list[Chosen]:
        """The ready domains to compare: a few by chance, or all when they are few; those without room go to sleep."""
        count = len(self._ready)
        if count <= _FEW:
            places = list(range(count - 1, -1, -1))
        else:
            places = sorted({int(asking.rng.random() * count) for _ in range(_COMPARED)}, reverse=True)
        # From behind: putting one to sleep moves the last of the ready into its place.
        return [chosen for place in places if (chosen := self._look_at(place, asking)) is not None]

    def _look_at(self, place: int, asking: Asking) -> Chosen | None:
        """A key of the ready domain in that place; without room for any prompt it is put to sleep."""
        domain = self._ready[place]
        chosen = self._look(domain, asking)
        if chosen is None and (until := self._shut_until(domain, asking)) > asking.now:
            self._ready[place] = self._ready[-1]
            self._ready.pop()
            self._asleep[domain.name] = (until, domain)
            heapq.heappush(self._wakings, (until, domain.name))
        return chosen

    def _look(self, domain: Domain, asking: Asking) -> Chosen | None:
        ledger = self._ledger_of(domain.name, self.model)
        if ledger.free_at(asking.tokens, asking.now) > asking.now:
            return None
        key = domain.key_for(self.model, asking.hour, asking.tried, asking.rng)
        return None if key is None else Chosen(domain, key, ledger)

    def _shut_until(self, domain: Domain, asking: Asking) -> float:
        """The time until which it can serve nobody; in the past when it could serve another request now."""
        if not domain.may_serve(self.model, asking.hour):
            return asking.now - asking.now % _HOUR + _HOUR
        return self._ledger_of(domain.name, self.model).free_at(0, asking.now)

    def _wake(self, now: float) -> int:
        """Wake who is due, a few at a time: thousands wake together when a minute or a day turns. Gives how many times."""
        for count in range(_WOKEN_AT_ONCE):
            if not self._wakings or self._wakings[0][0] > now:
                return count
            until, name = heapq.heappop(self._wakings)
            if self._sleeps(until, name):
                self.wake(name)
        return _WOKEN_AT_ONCE

    def _sleeps(self, until: float, name: str) -> bool:
        """False for a time that no longer holds: the domain was woken before it, and may sleep again."""
        return name in self._asleep and self._asleep[name][0] == until


def _best(drawn: list[Chosen], asking: Asking) -> Chosen:
    """The one with most room, of equals the one that was asked least of late.

    Now and then it is one that has not proved itself, whatever room it has; and one that failed of late is passed by as often
    as it failed, but not always.
    """
    rng, now = asking.rng, asking.now
    proved = [chosen for chosen in drawn if chosen.domain.weight >= 1]
    if len(proved) < len(drawn):
        tried = [chosen for chosen in drawn if chosen.domain.weight < 1 and rng.random() < chosen.domain.weight]
        if tried:
            return rng.choice(tried)
    well = [chosen for chosen in proved or drawn if rng.random() >= 0.9 * chosen.ledger.errors]
    return min(
        well or proved or drawn,
        key=lambda chosen: (-round(chosen.ledger.headroom(now), 1), chosen.ledger.recent(now), rng.random()),
    )
