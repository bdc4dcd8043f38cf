"""What the limits of a holder ask of each of its requests, and what one request takes of all of its holders."""

import math
import time
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from accounts.limits.asking import NO_HEADROOM, Ask, Headroom, Left, Refusal, Standing
from accounts.limits.budgets import Budget
from accounts.limits.holders import Holder
from accounts.limits.periods import today
from accounts.limits.windows import Window


class Counter(Protocol):
    """What counts against a limit: a window or a budget. Times are monotonic seconds."""

    total: int

    def add(self, amount: int, now: float) -> None:
        """Reserve so much."""

    def settle(self, at: float, reserved: int, used: int) -> None:
        """Put what was used in place of what was reserved at that time."""

    def wait(self, excess: int, now: float) -> float | None:
        """Seconds until `excess` of it does not count any more; None when waiting is no use."""


AnyCounter = TypeVar("AnyCounter", bound=Counter, covariant=True)


@dataclass(frozen=True, slots=True)
class Limit(Generic[AnyCounter]):
    """A limit of requests, tokens or nanodollars."""

    name: str
    """One of LIMIT_FIELDS."""
    counter: AnyCounter
    most: int
    """What this process may use: of a budget a part, where it cannot count together with others."""


class Running:
    """How many requests of a holder are under way."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Terms:
    """The limits of a holder with what counts against them, put together once for all of its requests while they stay.

    A rate is a limit in a window. Each holder of a request is asked to `narrow` its reservation before anything is taken.
    """

    __slots__ = (
        "_cost_budgets",
        "_most_running",
        "_request_rates",
        "_running",
        "_slides_at",
        "_token_budgets",
        "_token_rates",
        "_tokens",
        "compare_at",
        "holder",
    )

    def __init__(
        self,
        holder: Holder,
        running: Running,
        *,
        request_rates: list[Limit[Window]],
        token_rates: list[Limit[Window]],
        token_budgets: list[Limit[Budget]],
        cost_budgets: list[Limit[Budget]],
        compare_at: float,
    ) -> None:
        self.holder = holder
        self.compare_at = compare_at
        """The monotonic time from which on the budgets are to be compared with the database."""
        self._running = running
        self._most_running = math.inf if holder.max_parallel is None else holder.max_parallel
        self._request_rates = request_rates
        self._token_rates = token_rates
        self._token_budgets = token_budgets
        self._cost_budgets = cost_budgets
        self._tokens: list[Limit[Counter]] = [*token_rates, *token_budgets]
        self._slides_at = -math.inf
        """From this time on the windows must slide before they are read or added to."""

    def narrow(self, reservation: "Reservation", ask: Ask) -> Refusal | None:
        """Leave a reservation no more than there is room for; the refusal where the least that is asked does not fit."""
        now = reservation.at
        if now >= self._slides_at:
            self._slide(now)
        if self._running.count >= self._most_running:
            return self._refusal("max_parallel", self._running.count, 1, 1.0)
        for rate in self._request_rates:
            if rate.counter.total >= rate.most:
                return self._exceeded(rate, 1, now)
        for limit in self._tokens:
            left = limit.most - limit.counter.total
            if left < reservation.tokens:
                if left < ask.least:
                    return self._exceeded(limit, ask.least, now)
                reservation.tokens = left
        return self._narrow_cost(reservation, ask) if self._cost_budgets else None

    def _narrow_cost(self, reservation: "Reservation", ask: Ask) -> Refusal | None:
        for budget in self._cost_budgets:
            left = budget.most - budget.counter.total
            # A budget of money that is spent admits nothing, not even what is free.
            if left < max(ask.least_cost, 1):
                return self._exceeded(budget, ask.least_cost, reservation.at)
            if left < reservation.cost:
                reservation.cost = left
        return None

    def take(self, reservation: "Reservation") -> None:
        """Take one request with its tokens and cost."""
        now = reservation.at
        self._running.count += 1
        for rate in self._request_rates:
            rate.counter.add(1, now)
        for rate in self._token_rates:
            rate.counter.add(reservation.tokens, now)
        for budget in self._token_budgets:
            budget.counter.add(reservation.tokens, now)
        for budget in self._cost_budgets:
            budget.counter.add(reservation.cost, now)

    def close(self, reservation: "Reservation", tokens: int, cost: int) -> None:
        """Put true counts in place of those reserved."""
        self._running.count -= 1
        for rate in self._token_rates:
            rate.counter.settle(reservation.at, reservation.tokens, tokens)
        for budget in self._token_budgets:
            budget.counter.settle(reservation.at, reservation.tokens, tokens)
        for budget in self._cost_budgets:
            budget.counter.settle(reservation.at, reservation.cost, cost)

    def give_back(self, reservation: "Reservation") -> None:
        """Take the request itself out of the windows again."""
        for rate in self._request_rates:
            rate.counter.settle(reservation.at, 1, 0)

    def headroom(self, now: float, others: Headroom) -> Headroom:
        """What the tightest limits leave: of this holder's, and of the others' that were asked before."""
        if now >= self._slides_at:
            self._slide(now)
        requests, tokens = others
        return _tightest(self._request_rates, now, requests), _tightest(self._token_rates, now, tokens)

    def standings(self, now: float, wall: float) -> list[Standing]:
        """How every limit stands at a Unix time, what is reserved included."""
        if now >= self._slides_at:
            self._slide(now)
        holder, days = self.holder, today(self.holder.zone, wall)
        found = [
            Standing(holder.kind, limit.name, limit.most, limit.counter.total, max(0.0, limit.counter.whole_at - now))
            for limit in self._request_rates + self._token_rates
        ]
        if holder.max_parallel is not None:
            found.append(Standing(holder.kind, "max_parallel", holder.max_parallel, self._running.count, 0.0))
        for budget in self._token_budgets + self._cost_budgets:
            end = days.day_end if budget.name.startswith("daily") else days.month_end
            most = getattr(holder, budget.name)
            found.append(Standing(holder.kind, budget.name, most, budget.counter.total, end - wall))
        return found

    def _slide(self, now: float) -> None:
        windows = [limit.counter for limit in self._request_rates + self._token_rates]
        for window in windows:
            window.slide(now)
        self._slides_at = min((window.slides_at for window in windows), default=math.inf)

    def _exceeded(self, limit: Limit[Counter], asked: int, now: float) -> Refusal:
        total, most = limit.counter.total, limit.most
        # A client is told of the whole limit: what others may use of it is used, to this process.
        used = getattr(self.holder, limit.name) - most + total
        return self._refusal(limit.name, used, asked, limit.counter.wait(total + asked - most, now))

    def _refusal(self, name: str, used: int, asked: int, wait: float | None) -> Refusal:
        return Refusal(self.holder.kind, name, getattr(self.holder, name), used, asked, wait)


def _tightest(rates: list[Limit[Window]], now: float, tightest: Left | None) -> Left | None:
    """Of what these leave and the tightest so far, what is smallest."""
    for rate in rates:
        window, most = rate.counter, rate.most
        left = (most - window.total, most, window.whole_at - now)
        if tightest is None or left < tightest:
            tightest = left
    return tightest


class Reservation(Struct, eq=False):
    """What one admitted request holds of its holders until it is settled or released; a second end is nothing."""

    _open: "Open"
    _all_terms: list[Terms]
    at: float
    """The monotonic time at which it was taken."""
    tokens: int
    cost: int
    """In nanodollars."""

    def settle(self, tokens: int, cost: int) -> None:
        """Put the true tokens and nanodollars in place of what was reserved."""
        if self in self._open:
            del self._open[self]
            for terms in self._all_terms:
                terms.close(self, tokens, cost)

    def release(self) -> None:
        """Give everything back: the request never reached the upstream."""
        if self in self._open:
            for terms in self._all_terms:
                terms.give_back(self)
            self.settle(0, 0)

    def headroom(self) -> Headroom:
        """What the tightest limits of requests and of tokens a minute leave now."""
        return headroom_of(self._all_terms, time.monotonic())


Open: TypeAlias = dict[Reservation, None]
"""The reservations that were not settled yet, the oldest first."""


def headroom_of(all_terms: list[Terms], now: float) -> Headroom:
    """What the tightest limits of several holders leave."""
    headroom = NO_HEADROOM
    for terms in all_terms:
        headroom = terms.headroom(now, headroom)
    return headroom
