"""The board of one model: which quota domains are ready, which sleep until when, and which of the ready to ask."""

import heapq
import random
from collections.abc import Callable, Collection
from typing import NamedTuple

from accounts.pool.facts import Domain, PooledKey
from accounts.pool.ledger import Ledger

_ROUNDS = 4
_FEW = 8
_LOOKED_AT = 200
_WOKEN_AT_ONCE = 32


class Chosen(NamedTuple):
    """A key of a domain that has room."""

    domain: Domain
    key: PooledKey
    ledger: Ledger


class Board:
    """Every domain is either ready or asleep until a time. Choosing looks at two of the ready, however many there are.

    A domain that turns out to have no room is put to sleep until its ledger says it has, so each is looked at once per
    window, not once per request.
    """

    def __init__(self, model: str, domains: Collection[Domain], ledger_of: Callable[[str, str], Ledger]) -> None:
        self.model = model
        self._ledger_of = ledger_of
        self._all = list(domains)
        self._ready = list(domains)
        self._asleep: list[tuple[float, int, Domain]] = []
        self._order = 0

    def choose(
        self, tried: Collection[PooledKey], tokens: int, now: float, rng: random.Random, affinity: int | None
    ) -> Chosen | None:
        """A key of a domain with room for so many input tokens; None when there is none now.

        Of two ready domains drawn by chance (of all, when they are few) the less loaded is taken. A
        conversation with an affinity goes to the same domain again while that has room, for Gemini caches its prefix.
        """
        self._wake(now)
        hour = int(now // 3600) % 24
        if affinity is not None and self._all:
            domain = self._all[affinity % len(self._all)]
            favourite = self._look(domain, tried, tokens, now, hour, rng)
            if favourite is not None and favourite.ledger.errors < 0.5:
                return favourite
        for _ in range(_ROUNDS):
            drawn = self._draw(tried, tokens, now, hour, rng)
            if drawn:
                return min(drawn, key=lambda chosen: (*_load(chosen, now), rng.random()))
            if not self._ready:
                return None
        # Chance has found none: many of the ready were tried, or are not allowed to be used for this model.
        found = (self._look(domain, tried, tokens, now, hour, rng) for domain in list(self._ready))
        return next((chosen for chosen in found if chosen is not None), None)

    def soonest(self, tokens: int, now: float) -> float | None:
        """Seconds until some domain has room for so many input tokens; None when none ever will."""
        times = [self._asleep[0][0]] if self._asleep else []
        for domain in self._ready[:_LOOKED_AT]:
            free_at = self._ledger_of(domain.name, self.model).free_at(tokens, now)
            if free_at > now:
                times.append(free_at)
        return max(0.0, min(times) - now) if times else None

    def _draw(
        self, tried: Collection[PooledKey], tokens: int, now: float, hour: int, rng: random.Random
    ) -> list[Chosen]:
        """The ready domains to compare: two by chance, or all when they are few; those without room go to sleep."""
        drawn: list[Chosen] = []
        count = len(self._ready)
        if count <= _FEW:
            places = list(range(count - 1, -1, -1))
        else:
            first = int(rng.random() * count)
            places = sorted({first, (first + 1 + int(rng.random() * (count - 1))) % count}, reverse=True)
        # From behind: putting one to sleep moves the last of the ready into its place.
        for place in places:
            domain = self._ready[place]
            chosen = self._look(domain, tried, tokens, now, hour, rng)
            if chosen is not None:
                drawn.append(chosen)
            # One that lacks room for this prompt only stays for smaller ones.
            elif (free_at := self._ledger_of(domain.name, self.model).free_at(0, now)) > now:
                self._sleep(place, free_at)
        return drawn

    def _look(
        self, domain: Domain, tried: Collection[PooledKey], tokens: int, now: float, hour: int, rng: random.Random
    ) -> Chosen | None:
        ledger = self._ledger_of(domain.name, self.model)
        if ledger.free_at(tokens, now) > now:
            return None
        key = domain.key_for(self.model, hour, tried, rng)
        return None if key is None else Chosen(domain, key, ledger)

    def _sleep(self, place: int, until: float) -> None:
        domain = self._ready[place]
        self._ready[place] = self._ready[-1]
        self._ready.pop()
        self._order += 1
        heapq.heappush(self._asleep, (until, self._order, domain))

    def _wake(self, now: float) -> None:
        """Wake who is due, a few at a time: thousands wake together when a minute or a day turns."""
        for _ in range(_WOKEN_AT_ONCE):
            if not self._asleep or self._asleep[0][0] > now:
                return
            self._ready.append(heapq.heappop(self._asleep)[2])


def _load(chosen: Chosen, now: float) -> tuple[float, float]:
    """How much of its quota a domain has used, then how much it was asked of late: of equals the least used is next.

    Bad health and little weight make a domain look busier, so it is asked less often, but never not at all.
    """
    ledger = chosen.ledger
    share = chosen.domain.weight * (1 - 0.9 * ledger.errors)
    return (round((1 - ledger.headroom(now)) / share, 2), ledger.recent(now) / share)
