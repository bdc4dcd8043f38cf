"""The board of one model: which quota domains are ready, which sleep until when, and which of the ready to ask."""

import heapq
import math
import random
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeAlias

from accounts.pool.facts import Domain, PooledKey
from accounts.pool.ledger import Ledger
from accounts.pool.quotas import Quota

_ROUNDS = 4
_FEW = 8
_BEYOND_ALL = 1e12
"""More than any rank of a ledger."""
_FAVOURITES = 4
_STRIDE = 7_919
_LOOKED_AT = 200
_WOKEN_AT_ONCE = 32
_HOUR = 3600.0
_WELL = 0.5
"""A domain of whose late requests more than this failed is no favourite."""


class Chosen(NamedTuple):
    """A key of a domain that has room."""

    domain: Domain
    key: PooledKey
    ledger: Ledger
    within: Quota
    """What of its quota the request has to keep to."""


Ready: TypeAlias = tuple[Domain, Ledger]
"""A domain and its ledger for the model."""


class Asking(NamedTuple):
    """What a key is looked for."""

    tokens: int
    tried: Collection[PooledKey]
    now: float
    rng: random.Random
    spare: bool = False
    """Whether it is taken from what nobody else needs."""


class Board:
    """Every domain is either ready or asleep until a time. Choosing looks at a few of the ready, however many there are.

    A domain that turns out to have no room is put to sleep until its ledger says it has, so each is looked at once per
    window, not once per request.
    """

    def __init__(self, model: str, domains: Collection[Domain], ledger_of: Callable[[str, str], Ledger]) -> None:
        self.model = model
        self._ledger_of = ledger_of
        self._ledgers: dict[str, Ledger] = {}
        """Those that were looked at, by quota domain."""
        self._all = [domain for domain in domains if domain.may_serve(model)]
        self._ready = list(self._all)
        self._best_at = 0
        """The place of the one that was found best last."""
        self._asleep: dict[str, tuple[float, Domain]] = {}
        self._wakings: list[tuple[float, str]] = []
        """A heap of the times at which somebody may have to be woken."""

    def choose(
        self,
        tried: Collection[PooledKey],
        tokens: int,
        now: float,
        rng: random.Random,
        affinity: int | None,
        *,
        spare: bool = False,
        holders: Sequence[str] = (),
    ) -> Chosen | None:
        """A key of a domain with room for so many input tokens; None when there is none now.

        Of a few ready domains drawn by chance and the one that was best last (of all, when they are not many) the one with
        most room is taken: so the best of all is soon found, and stays found while it is. A
        conversation with an affinity goes to the same domain again while that has room, for Gemini caches its prefix.
        One that names what a domain holds goes there, for elsewhere it would have to be brought first.
        """
        asking = Asking(tokens, tried, now, rng, spare)
        chosen, woken = None, _WOKEN_AT_ONCE
        while chosen is None and woken == _WOKEN_AT_ONCE:
            woken = self._wake(now)
            chosen = self._choose(asking)
        if chosen is None:
            return None
        if holders and (holder := self._first(holders, asking)):
            chosen = holder
        elif affinity is not None:
            chosen = self._favourite(affinity, chosen[1].minutes_left(), asking) or chosen
        domain, ledger = chosen
        keys = domain.usable(self.model, now, tried)
        within = _spare(domain, ledger, asking) if spare else ledger.quota
        return Chosen(domain, keys[int(rng.random() * len(keys))], ledger, within)

    def _first(self, names: Sequence[str], asking: Asking) -> Ready | None:
        """The first of these domains that is well and has room."""
        known = {domain.name: domain for domain in self._all if domain.name in names}
        for name in names:
            if name in known:
                ledger = self._ledger(name)
                if ledger.errors < _WELL and self._can_serve(known[name], ledger, asking):
                    return known[name], ledger
        return None

    def _favourite(self, affinity: int, left: float, asking: Asking) -> Ready | None:
        """The first of a conversation's favourites that is well and has not much less of its day left than another.

        What is scarce is not spent for the sake of a cache: then the next favourite takes its place, for good.
        """
        for step in range(_FAVOURITES):
            domain = self._all[(affinity + step * _STRIDE) % len(self._all)]
            ledger = self._ledger(domain.name)
            is_well = ledger.errors < _WELL and self._can_serve(domain, ledger, asking)
            if is_well and 2 * ledger.minutes_left() >= left:
                return domain, ledger
        return None

    def soonest(self, tokens: int, now: float) -> float | None:
        """Seconds until some domain has room for so many input tokens; None when none ever will."""
        while self._wakings and not self._sleeps(*self._wakings[0]):
            heapq.heappop(self._wakings)
        times = [self._wakings[0][0]] if self._wakings else []
        for domain in self._ready[:_LOOKED_AT]:
            free_at = self._ledger(domain.name).free_at(tokens, now)
            if now < free_at < math.inf:
                times.append(free_at)
        return max(0.0, min(times) - now) if times else None

    def wake(self, name: str) -> None:
        """A domain may have room earlier than its ledger said."""
        if name in self._asleep:
            self._ready.append(self._asleep.pop(name)[1])

    def _choose(self, asking: Asking) -> Ready | None:
        for _ in range(_ROUNDS):
            chosen = self._best_of(self._draw(asking.rng), asking)
            if chosen is not None or not self._ready:
                return chosen
        # Chance has found none: most of the ready were tried, or have no room for so long a prompt. Who has none for
        # any prompt sleeps after this look.
        for place in range(len(self._ready) - 1, -1, -1):
            chosen = self._best_of([place], asking)
            if chosen is not None:
                return chosen
        return None

    def _draw(self, rng: random.Random) -> list[int]:
        """The places of the ready domains to compare: the last winner's and three by chance, or all when they are few."""
        count, chance = len(self._ready), rng.random
        first = int(chance() * count)
        if count <= _FEW:
            return [*range(first, count), *range(first)]
        return list({min(self._best_at, count - 1), first, int(chance() * count), int(chance() * count)})

    def _best_of(self, places: list[int], asking: Asking) -> Ready | None:
        """The best of the ready in these places that can serve this; those without room for any prompt are put to sleep."""
        found: Ready | None = None
        shut: list[int] = []
        while found is None and (roomiest := self._roomiest(places, asking)):
            place, domain, ledger = roomiest
            if self._can_serve(domain, ledger, asking):
                found = domain, ledger
                self._best_at = place
            else:
                places.remove(place)
                if self._shut_until(domain, asking) > asking.now:
                    shut.append(place)
        if shut:
            self._put_to_sleep(shut, asking)
        return found

    def _roomiest(self, places: list[int], asking: Asking) -> tuple[int, Domain, Ledger] | None:
        """The one with most room, of equals the one that was asked least of late; but chance has its say as well."""
        ready, ledgers, now = self._ready, self._ledgers, asking.now
        best: tuple[int, Domain, Ledger] | None = None
        highest = -math.inf
        for place in places:
            domain = ready[place]
            ledger = ledgers.get(domain.name) or self._ledger(domain.name)
            rank = ledger.rank(now)
            if domain.weight < 1 or ledger.errors >= 0.01:
                rank += _luck(domain, ledger, asking.rng)
            if rank > highest:
                best, highest = (place, domain, ledger), rank
        return best

    def _put_to_sleep(self, places: list[int], asking: Asking) -> None:
        # From behind: the last of the ready moves into the place of each.
        for place in sorted(places, reverse=True):
            domain = self._ready[place]
            self._ready[place] = self._ready[-1]
            self._ready.pop()
            until = self._shut_until(domain, asking)
            self._asleep[domain.name] = (until, domain)
            heapq.heappush(self._wakings, (until, domain.name))

    def _can_serve(self, domain: Domain, ledger: Ledger, asking: Asking) -> bool:
        """True for a domain with room for this, and with a key that may be used for it."""
        now, within = asking.now, None
        if asking.spare:
            within = _spare(domain, ledger, asking)
            if not ledger.is_quiet(now, within):
                return False
        return ledger.free_at(asking.tokens, now, within) <= now and bool(domain.usable(self.model, now, asking.tried))

    def _ledger(self, domain: str) -> Ledger:
        ledger = self._ledgers.get(domain)
        if ledger is None:
            ledger = self._ledgers[domain] = self._ledger_of(domain, self.model)
        return ledger

    def _shut_until(self, domain: Domain, asking: Asking) -> float:
        """The time until which it can serve nobody; in the past when it could serve another request now."""
        if not domain.may_serve(self.model, asking.now):
            return asking.now - asking.now % _HOUR + _HOUR
        return self._ledger(domain.name).free_at(0, asking.now)

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


def _spare(domain: Domain, ledger: Ledger, asking: Asking) -> Quota:
    return ledger.spare(asking.tokens, asking.now, paid=domain.paid)


def _luck(domain: Domain, ledger: Ledger, rng: random.Random) -> float:
    """What is added to the rank of one that has not proved itself, or that failed of late.

    The first is taken now and then, whatever room it has, and else after all others. The second is passed by as often as it
    failed, but not always.
    """
    luck = 0.0
    if domain.weight < 1:
        if rng.random() < domain.weight:
            return _BEYOND_ALL
        luck = -2 * _BEYOND_ALL
    return luck - _BEYOND_ALL if rng.random() < 0.9 * ledger.errors else luck
