"""The account of one holder in memory: its windows, its budgets, how many of its requests run, and what limits ask of it."""

import math
from typing import NamedTuple

from accounts.limits.asking import Ask, Past, Refusal, Spending, Standing
from accounts.limits.budgets import Budget
from accounts.limits.holders import Holder
from accounts.limits.periods import Today, today
from accounts.limits.windows import DAY, MINUTE, Part, Window

Room = tuple[int, int]
"""How much one request may reserve: tokens, nanodollars."""


class Rate(NamedTuple):
    """A limit of requests or of tokens in a window."""

    name: str
    """`rpm`, `rpd` or `tpm`."""
    window: Window
    limit: int


class Allowance(NamedTuple):
    """A budget and what this process may use of it, tokens and nanodollars; None is no limit."""

    period: str
    """`daily` or `monthly`."""
    budget: Budget
    tokens: int | None
    cost: int | None


class Account:
    """What is known of one holder. A window or budget is kept once a limit asks for it. Times are monotonic seconds."""

    __slots__ = ("_share", "_terms", "day", "learned", "month", "parallel", "rpd", "rpm", "tpm", "used")

    def __init__(self, now: float, share: int) -> None:
        self.rpm: Window | None = None
        self.tpm: Window | None = None
        self.rpd: Window | None = None
        self.day: Budget | None = None
        self.month: Budget | None = None
        self.parallel = 0
        self.used = now
        self.learned = now
        """When the database last told of it."""
        self._share = share
        self._terms: Terms | None = None

    def terms(self, holder: Holder, wall: float) -> "Terms | None":
        """What the limits of the holder ask for at a Unix time; None while the database must tell what was used so far."""
        terms = self._terms
        if terms is None or terms.holder is not holder or not terms.since <= wall < terms.until:
            terms = self._terms = self._agreed(holder, today(holder.zone, wall))
        return terms

    def learn(self, past: Past, now: float) -> None:
        """Take over what the database says."""
        self.learned = now
        self._terms = None
        self.day = _learned(self.day, past.day)
        self.month = _learned(self.month, past.month)
        if past.requests is not None and self.rpd is None:
            self.rpd = Window(DAY)
            for age, count in past.requests:
                self.rpd.add(count, now - age)

    def _agreed(self, holder: Holder, days: Today) -> "Terms | None":
        day, month = self.day if holder.has_day else None, self.month if holder.has_month else None
        is_unseeded = (
            (holder.has_day and (day is None or day.period != days.day))
            or (holder.has_month and (month is None or month.period != days.month))
            or (holder.rpd is not None and self.rpd is None)
        )
        if is_unseeded:
            return None
        # Windows of a minute begin empty.
        if holder.rpm is not None and self.rpm is None:
            self.rpm = Window(MINUTE)
        if holder.tpm is not None and self.tpm is None:
            self.tpm = Window(MINUTE)
        return Terms(
            self,
            holder,
            days,
            [*_rates("rpm", self.rpm, holder.rpm), *_rates("rpd", self.rpd, holder.rpd)],
            _rates("tpm", self.tpm, holder.tpm),
            [
                *_allowances("daily", day, holder.daily_tokens, holder.daily_cost, self._share),
                *_allowances("monthly", month, holder.monthly_tokens, holder.monthly_cost, self._share),
            ],
        )


class Terms:
    """What the limits of a holder ask of its account, put together once for all of its requests while they stay.

    `now` is in monotonic seconds. All is looked at before anything is taken: `room`, then `take`.
    """

    __slots__ = (
        "_account",
        "_allowances",
        "_most_parallel",
        "_rates",
        "_requests",
        "_tokens",
        "holder",
        "since",
        "until",
    )

    def __init__(
        self,
        account: Account,
        holder: Holder,
        days: Today,
        requests: list[Rate],
        tokens: list[Rate],
        allowances: list[Allowance],
    ) -> None:
        self.holder = holder
        # Budgets are those of one day, and of its month.
        self.since, self.until = (days.day_start, days.day_end) if allowances else (-math.inf, math.inf)
        """The Unix times between which they hold."""
        self._account = account
        self._most_parallel = math.inf if holder.max_parallel is None else holder.max_parallel
        self._requests = requests
        self._tokens = tokens
        """The limit of tokens a minute, if there is one."""
        self._rates = requests + tokens
        self._allowances = allowances

    def room(self, ask: Ask, room: Room, now: float) -> Room | Refusal:
        """`room`, or less where that is all that is left of tokens or money, but never less than the least asked."""
        account = self._account
        account.used = now
        if account.parallel >= self._most_parallel:
            return self._refusal("max_parallel", account.parallel, 1, 1.0)
        for name, window, limit in self._requests:
            if now >= window.slides_at:
                window.slide(now)
            if window.total >= limit:
                return self._refusal(name, window.total, 1, window.wait(window.total + 1 - limit, now))
        tokens, cost = room
        for name, window, limit in self._tokens:
            if now >= window.slides_at:
                window.slide(now)
            left = limit - window.total
            if left < ask.least:
                return self._refusal(name, window.total, ask.least, window.wait(ask.least - left, now))
            tokens = min(tokens, left)
        return self._within_budgets(ask, tokens, cost)

    def _within_budgets(self, ask: Ask, tokens: int, cost: int) -> Room | Refusal:
        for period, budget, token_limit, cost_limit in self._allowances:
            if token_limit is not None:
                left = token_limit - budget.tokens - budget.open_tokens
                if left < ask.least:
                    return self._overdrawn(f"{period}_tokens", left, ask.least)
                if left < tokens:
                    tokens = left
            if cost_limit is not None:
                left = cost_limit - budget.cost - budget.open_cost
                # A budget of money that is spent admits nothing, not even what is free.
                if left < max(ask.least_cost, 1):
                    return self._overdrawn(f"{period}_cost", left, ask.least_cost)
                if left < cost:
                    cost = left
        return tokens, cost

    def take(self, tokens: int, cost: int, now: float) -> list[Part]:
        """Take one request with its tokens and cost; of each window the part, for `close` and `give_back`."""
        self._account.parallel += 1
        for _, budget, _, _ in self._allowances:
            budget.open(tokens, cost)
        parts = [window.add(1, now) for _, window, _ in self._requests]
        for _, window, _ in self._tokens:
            parts.append(window.add(tokens, now))
        return parts

    def close(self, parts: list[Part], reserved: Room, tokens: int, cost: int) -> None:
        """Put true counts in place of those reserved."""
        self._account.parallel -= 1
        for _, window, _ in self._tokens:
            window.adjust(parts[-1], tokens - reserved[0])
        for _, budget, _, _ in self._allowances:
            budget.close(reserved, tokens, cost)

    def give_back(self, parts: list[Part]) -> None:
        """Take the request itself out of the windows again."""
        for (_, window, _), part in zip(self._requests, parts, strict=False):
            window.adjust(part, -1)

    def of_windows(self, now: float) -> list[Standing]:
        """How the limits of requests and of tokens a minute stand."""
        kind, found = self.holder.kind, []
        for name, window, limit in self._rates:
            if now >= window.slides_at:
                window.slide(now)
            found.append(Standing(kind, name, limit, window.total, max(0.0, window.whole_at - now)))
        return found

    def of_budgets(self, days: Today, wall: float) -> list[Standing]:
        """How the limit of parallel requests and the budgets stand, open reservations included."""
        holder, found = self.holder, []
        if holder.max_parallel is not None:
            found.append(Standing(holder.kind, "max_parallel", holder.max_parallel, self._account.parallel, 0.0))
        for period, budget, tokens, cost in self._allowances:
            left = (days.day_end if period == "daily" else days.month_end) - wall
            if tokens is not None:
                used = budget.tokens + budget.open_tokens
                found.append(Standing(holder.kind, name := f"{period}_tokens", getattr(holder, name), used, left))
            if cost is not None:
                used = budget.cost + budget.open_cost
                found.append(Standing(holder.kind, name := f"{period}_cost", getattr(holder, name), used, left))
        return found

    def _overdrawn(self, name: str, left: int, asked: int) -> Refusal:
        return self._refusal(name, getattr(self.holder, name) - left, asked, None)

    def _refusal(self, name: str, used: int, asked: int, wait: float | None) -> Refusal:
        return Refusal(self.holder.kind, name, getattr(self.holder, name), used, asked, wait)


def _rates(name: str, window: Window | None, limit: int | None) -> list[Rate]:
    """The limit, if there is one."""
    return [] if window is None or limit is None else [Rate(name, window, limit)]


def _allowances(
    period: str, budget: Budget | None, tokens: int | None, cost: int | None, share: int
) -> list[Allowance]:
    return [] if budget is None else [Allowance(period, budget, *budget.parts(tokens, cost, share))]


def _learned(budget: Budget | None, past: Spending | None) -> Budget | None:
    if past is None:
        return budget
    if budget is None or budget.period != past.period:
        return Budget(past)
    budget.learn(past)
    return budget
