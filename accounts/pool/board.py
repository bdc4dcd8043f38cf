"""The board of one model: which quota domains are ready, which sleep until when, and which of the ready to ask."""

import heapq
import math
import random
from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec

from accounts.pool.facts import Domain, PooledKey
from accounts.pool.ledger import Ledger
from accounts.pool.quotas import Quota

_ROUNDS = 3
_FEW = 8
_DRAWN = 3
_BEYOND_ALL = 1e12
"""More than any rank of a ledger."""
_OF_THE_UNPROVED = 0.1
"""How often one that has not proved itself is taken when it is drawn."""
_PASSED_BY = 0.9
"""How often one is passed by that failed each time of late."""
_FAVOURITES = 4
_STRIDE = 7_919
_LOOKED_AT = 200
_WOKEN_AT_ONCE = 32
_HOUR = 3600.0
_WELL = 0.5
"""A domain of whose late requests more than this failed is no favourite."""


class Asking(msgspec.Struct, eq=False):
    """What a key is looked for."""

    model: str
    tokens: int
    """Of the input, estimated."""
    tried: Collection[PooledKey]
    """Keys that shall not be asked again."""
    now: float
    """Unix time."""
    affinity: int | None
    """The same number for the same conversation."""
    spare: bool
    """Whether it is taken from what nobody else needs."""
    holders: Sequence[str]
    """Quota domains that come first while they have room, since they hold what the request names."""


class Chosen(msgspec.Struct, eq=False):
    """A key of a domain that has room."""

    domain: Domain
    key: PooledKey
    ledger: Ledger
    within: Quota
    """What of its quota the request has to keep to."""


class Seat(msgspec.Struct, eq=False, gc=False):
    """A domain at the board, and its ledger for the model."""

    domain: Domain
    ledger: Ledger
    is_open: bool
    is_proved: bool
    """Both as the domain has them, at hand for every comparison."""
    place: int = -1
    """Where it is among the ready; negative: nowhere."""


class Board:
    """Every domain is either ready or asleep until a time. Choosing looks at a few of the ready, however many there are.

    A domain that turns out to have no room is put to sleep until its ledger says it has, so each is looked at once per
    window, not once per request.
    """

    def __init__(
        self, model: str, domains: Collection[Domain], ledger_of: Callable[[str, str], Ledger], rng: random.Random
    ) -> None:
        self.model = model
        self._ledger_of = ledger_of
        self._chance = rng.random
        self._all = [domain for domain in domains if domain.may_serve(model)]
        self._unseated = list(self._all)
        """Those that were not looked at since the board was made: they have no seat yet, and perhaps no ledger."""
        self._ready: list[Seat] = []
        self._best: Seat | None = None
        """The one that was found best last."""
        self._asleep: dict[str, tuple[float, Seat]] = {}
        self._wakings: list[tuple[float, str]] = []
        """A heap of the times at which somebody may have to be woken."""

    def choose(self, asking: Asking) -> Chosen | None:
        """A key of a domain with room for so many input tokens; None when there is none now.

        Of a few ready domains drawn by chance and the one that was best last (of all, when they are not many) the one with
        most room is taken: so the best of all is soon found, and stays found while it is. A conversation with an affinity
        goes to the same domain again while that has room, for Gemini caches its prefix. One that names what a domain holds
        goes there, for elsewhere it would have to be brought first.
        """
        if self._wakings:
            self._wake(asking.now)
        seat = self._best_of(self._draw(), asking) or self._anybody(asking)
        if seat is None:
            return None
        if asking.holders:
            seat = self._holder(asking) or seat
        elif asking.affinity is not None:
            seat = self._favourite(asking.affinity, seat.ledger.minutes_left(), asking) or seat
        domain, ledger = seat.domain, seat.ledger
        keys = domain.usable(self.model, asking.now, asking.tried)
        key = keys[int(self._chance() * len(keys))]
        return Chosen(domain, key, ledger, _spare(seat, asking) if asking.spare else ledger.quota)

    def _holder(self, asking: Asking) -> Seat | None:
        """The first of the holders that is well and has room."""
        known = {domain.name: domain for domain in self._all if domain.name in asking.holders}
        for name in asking.holders:
            if name in known and self._is_well(seat := self._seat(known[name]), asking):
                return seat
        return None

    def _favourite(self, affinity: int, left: float, asking: Asking) -> Seat | None:
        """The first of a conversation's favourites that is well and has not much less of its day left than another.

        What is scarce is not spent for the sake of a cache: then the next favourite takes its place, for good.
        """
        for step in range(_FAVOURITES):
            seat = self._seat(self._all[(affinity + step * _STRIDE) % len(self._all)])
            if self._is_well(seat, asking) and 2 * seat.ledger.minutes_left() >= left:
                return seat
        return None

    def soonest(self, tokens: int, now: float) -> float | None:
        """Seconds until some domain has room for so many input tokens; None when none ever will."""
        while self._unseated and len(self._ready) < _LOOKED_AT:
            self._seat_some()
        while self._wakings and not self._sleeps(*self._wakings[0]):
            heapq.heappop(self._wakings)
        times = [self._wakings[0][0]] if self._wakings else []
        for seat in self._ready[:_LOOKED_AT]:
            free_at = seat.ledger.free_at(tokens, now)
            if now < free_at < math.inf:
                times.append(free_at)
        return max(0.0, min(times) - now) if times else None

    def wake(self, name: str) -> None:
        """A domain may have room earlier than its ledger said."""
        if name in self._asleep:
            _, seat = self._asleep.pop(name)
            self._make_ready(seat)

    def _anybody(self, asking: Asking) -> Seat | None:
        """The best of the next few among which somebody has room, until all were looked at and nobody else wakes."""
        while True:
            for drawn in self._everybody():
                best = self._best_of(drawn, asking)
                if best is not None:
                    return best
            if not self._wake(asking.now):
                return None

    def _everybody(self) -> Iterator[list[Seat]]:
        """A few draws more, then one after the other: most of the ready were tried, or have no room for so long a prompt."""
        for _ in range(_ROUNDS):
            yield self._draw()
        while self._unseated:
            yield self._seat_some()
        # From behind, for the last of the ready moves into the place of each that is put to sleep.
        for place in reversed(range(len(self._ready))):
            yield [self._ready[place]]

    def _draw(self) -> list[Seat]:
        """The ready to compare: some by chance and the one that was best last, or all when they are few."""
        if self._unseated:
            drawn = self._seat_some()
        else:
            ready, count, chance = self._ready, len(self._ready), self._chance
            if count <= _FEW:
                return ready
            drawn = [ready[int(chance() * count)], ready[int(chance() * count)], ready[int(chance() * count)]]
        if self._best is not None:
            drawn.append(self._best)
        return drawn

    def _best_of(self, drawn: list[Seat], asking: Asking) -> Seat | None:
        """The one with room for this that ranks highest; but chance has its say as well."""
        now, tokens = asking.now, asking.tokens
        is_plain = not asking.tried and not asking.spare
        best, highest, is_anybody_short = None, -math.inf, False
        for seat in drawn:
            ledger = seat.ledger
            if now >= ledger.rated_until:
                ledger.rate(now)
            if tokens > ledger.room or not ((is_plain and seat.is_open) or self._may_serve(seat, asking)):
                is_anybody_short = True
                continue
            rank = ledger.rank
            if ledger.errors or not seat.is_proved:
                rank += self._luck(seat)
            if rank > highest:
                best, highest = seat, rank
        if is_anybody_short:
            self._put_to_sleep(drawn, now)
        self._best = best or self._best
        return best

    def _luck(self, seat: Seat) -> float:
        """What is added to the rank of one that has not proved itself, or that failed of late.

        The first is taken now and then, whatever room it has, and else after all others. The second is passed by as often as
        it failed, but not always.
        """
        luck = 0.0
        if not seat.is_proved:
            if self._chance() < _OF_THE_UNPROVED:
                return _BEYOND_ALL
            luck = -2 * _BEYOND_ALL
        return luck - _BEYOND_ALL if self._chance() < _PASSED_BY * seat.ledger.errors else luck

    def _put_to_sleep(self, drawn: list[Seat], now: float) -> None:
        """Those that can serve nobody sleep until they may."""
        for seat in tuple(drawn):
            until = self._shut_until(seat, now)
            if until > now and seat.place >= 0:
                self._asleep[seat.domain.name] = (until, seat)
                heapq.heappush(self._wakings, (until, seat.domain.name))
                # The last of the ready takes its place.
                last = self._ready.pop()
                if last is not seat:
                    self._ready[seat.place] = last
                    last.place = seat.place
                seat.place = -1

    def _make_ready(self, seat: Seat) -> None:
        seat.place = len(self._ready)
        self._ready.append(seat)

    def _is_well(self, seat: Seat, asking: Asking) -> bool:
        """True for one with room that did not fail much of late."""
        ledger = seat.ledger
        has_room = ledger.free_at(asking.tokens, asking.now) <= asking.now
        return ledger.errors < _WELL and has_room and self._may_serve(seat, asking)

    def _may_serve(self, seat: Seat, asking: Asking) -> bool:
        """True for a domain with a key that may be used for this, and where that is asked, with something to spare."""
        if asking.spare:
            within = _spare(seat, asking)
            if not seat.ledger.is_quiet(asking.now, within) or seat.ledger.room_within(within) < asking.tokens:
                return False
        return bool(seat.domain.usable(self.model, asking.now, asking.tried))

    def _seat(self, domain: Domain) -> Seat:
        return Seat(domain, self._ledger_of(domain.name, self.model), domain.is_open, domain.is_proved)

    def _seat_some(self) -> list[Seat]:
        """A few of those that had no seat yet, drawn by chance, are ready from now on."""
        unseated, seated = self._unseated, []
        for _ in range(min(_DRAWN, len(unseated))):
            place = int(self._chance() * len(unseated))
            unseated[place], unseated[-1] = unseated[-1], unseated[place]
            seat = self._seat(unseated.pop())
            self._make_ready(seat)
            seated.append(seat)
        return seated

    def _shut_until(self, seat: Seat, now: float) -> float:
        """The time until which it can serve nobody; in the past when it could serve another request now."""
        if not seat.domain.may_serve(self.model, now):
            return now - now % _HOUR + _HOUR
        return seat.ledger.free_at(0, now)

    def _wake(self, now: float) -> bool:
        """Wake who is due, a few at a time: thousands wake together when a minute or a day turns. False: nobody was."""
        for count in range(_WOKEN_AT_ONCE):
            if not self._wakings or self._wakings[0][0] > now:
                return count > 0
            until, name = heapq.heappop(self._wakings)
            if self._sleeps(until, name):
                self.wake(name)
        return True

    def _sleeps(self, until: float, name: str) -> bool:
        """False for a time that no longer holds: the domain was woken before it, and may sleep again."""
        return name in self._asleep and self._asleep[name][0] == until


def _spare(seat: Seat, asking: Asking) -> Quota:
    return seat.ledger.spare(asking.tokens, asking.now, paid=seat.domain.paid)
