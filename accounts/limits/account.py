"""The account of one holder in memory: its windows, its budgets, and how many of its requests run."""

from typing import NamedTuple

from accounts.limits.asking import Ask, Past, Refusal, Spending, Standing
from accounts.limits.budgets import Budget
from accounts.limits.holders import Holder
from accounts.limits.periods import Today
from accounts.limits.windows import DAY, MINUTE, Part, Window

Room = tuple[int, int]
"""How much one request may reserve: tokens, nanodollars."""


class Taken(NamedTuple):
    """What one request took from an account."""

    account: "Account"
    requests: tuple[Part | None, Part | None]
    """Its parts of the windows of requests, a minute's and a day's."""
    tokens: Part | None
    """Its part of the window of tokens."""
    budgets: tuple[Budget | None, Budget | None]


class Account:
    """What is known of one holder. A window or budget is kept once a limit asks for it. Times are monotonic seconds."""

    __slots__ = ("day", "learned", "month", "parallel", "rpd", "rpm", "tpm", "used")

    def __init__(self, now: float) -> None:
        self.rpm: Window | None = None
        self.tpm: Window | None = None
        self.rpd: Window | None = None
        self.day: Budget | None = None
        self.month: Budget | None = None
        self.parallel = 0
        self.used = now
        self.learned = now
        """When the database last told of it."""

    def is_unseeded(self, holder: Holder, days: Today) -> bool:
        """True while the database must be asked what was used so far."""
        return (
            (holder.has_day and (self.day is None or self.day.period != days.day))
            or (holder.has_month and (self.month is None or self.month.period != days.month))
            or (holder.rpd is not None and self.rpd is None)
        )

    def learn(self, past: Past, now: float) -> None:
        """Take over what the database says."""
        self.learned = now
        self.day = _learned(self.day, past.day)
        self.month = _learned(self.month, past.month)
        if past.requests is not None and self.rpd is None:
            self.rpd = Window(DAY)
            for age, count in past.requests:
                self.rpd.add(count, now - age)

    def open_windows(self, holder: Holder, now: float) -> None:
        """Bring the windows up to now; those of a minute begin empty."""
        self.used = now
        if holder.rpm is not None:
            if self.rpm is None:
                self.rpm = Window(MINUTE)
            self.rpm.slide(now)
        if holder.tpm is not None:
            if self.tpm is None:
                self.tpm = Window(MINUTE)
            self.tpm.slide(now)
        if self.rpd is not None:
            self.rpd.slide(now)

    def refuses_now(self, holder: Holder, least: int, now: float) -> Refusal | None:
        """The limit of requests or tokens that a request of at least so many tokens would break."""
        if holder.max_parallel is not None and self.parallel >= holder.max_parallel:
            return Refusal(holder.kind, "max_parallel", holder.max_parallel, self.parallel, 1, 1.0)
        for name, window, limit, asked in (
            ("rpm", self.rpm, holder.rpm, 1),
            ("rpd", self.rpd, holder.rpd, 1),
            ("tpm", self.tpm, holder.tpm, least),
        ):
            if limit is not None and window is not None and window.total + asked > limit:
                wait = window.wait(window.total + asked - limit, now)
                return Refusal(holder.kind, name, limit, window.total, asked, wait)
        return None

    def room(self, holder: Holder, ask: Ask, room: Room, share: int) -> Room | Refusal:
        """`room`, or less where that is all that is left for tokens or money; never less than the least asked."""
        tokens, cost = room
        if holder.tpm is not None and self.tpm is not None:
            tokens = min(tokens, holder.tpm - self.tpm.total)
        for budget, names, token_limit, cost_limit in (
            (self.day, ("daily_tokens", "daily_cost"), holder.daily_tokens, holder.daily_cost),
            (self.month, ("monthly_tokens", "monthly_cost"), holder.monthly_tokens, holder.monthly_cost),
        ):
            if budget is None:
                continue
            if token_limit is not None:
                left = budget.tokens_left(token_limit, share)
                if left < ask.least:
                    return Refusal(holder.kind, names[0], token_limit, token_limit - left, ask.least, None)
                tokens = min(tokens, left)
            if cost_limit is not None:
                left = budget.cost_left(cost_limit, share)
                # A budget of money that is spent admits nothing, not even what is free.
                if left < max(ask.least_cost, 1):
                    return Refusal(holder.kind, names[1], cost_limit, cost_limit - left, ask.least_cost, None)
                cost = min(cost, left)
        return tokens, cost

    def take(self, holder: Holder, tokens: int, cost: int, now: float) -> Taken:
        """Take one request with its tokens and cost; everything was looked at before."""
        self.parallel += 1
        day, month = self.day if holder.has_day else None, self.month if holder.has_month else None
        if day is not None:
            day.open(tokens, cost)
        if month is not None:
            month.open(tokens, cost)
        return Taken(
            self,
            (
                self.rpm.add(1, now) if holder.rpm is not None and self.rpm is not None else None,
                self.rpd.add(1, now) if holder.rpd is not None and self.rpd is not None else None,
            ),
            self.tpm.add(tokens, now) if holder.tpm is not None and self.tpm is not None else None,
            (day, month),
        )

    def close(self, taken: Taken, reserved: Room, tokens: int, cost: int) -> None:
        """Put true counts in place of those reserved."""
        self.parallel -= 1
        if taken.tokens is not None and self.tpm is not None and tokens != reserved[0]:
            self.tpm.adjust(taken.tokens, tokens - reserved[0])
        for budget in taken.budgets:
            if budget is not None:
                budget.close(reserved, tokens, cost)

    def give_back(self, taken: Taken) -> None:
        """Take the request itself out of the windows again."""
        for window, part in zip((self.rpm, self.rpd), taken.requests, strict=True):
            if window is not None and part is not None:
                window.adjust(part, -1)

    def of_windows(self, holder: Holder, now: float) -> list[Standing]:
        """How the limits of requests and of tokens a minute stand; see open_windows first."""
        return [
            Standing(holder.kind, name, limit, window.total, window.reset(now))
            for name, window, limit in (
                ("rpm", self.rpm, holder.rpm),
                ("rpd", self.rpd, holder.rpd),
                ("tpm", self.tpm, holder.tpm),
            )
            if limit is not None and window is not None
        ]

    def of_budgets(self, holder: Holder, days: Today, wall: float) -> list[Standing]:
        """How the limit of parallel requests and the budgets stand, open reservations included."""
        found = []
        if holder.max_parallel is not None:
            found.append(Standing(holder.kind, "max_parallel", holder.max_parallel, self.parallel, 0.0))
        for budget, end, token_limit, cost_limit, name in (
            (self.day, days.day_end, holder.daily_tokens, holder.daily_cost, "daily"),
            (self.month, days.month_end, holder.monthly_tokens, holder.monthly_cost, "monthly"),
        ):
            if budget is not None and token_limit is not None:
                used = budget.tokens + budget.open_tokens
                found.append(Standing(holder.kind, f"{name}_tokens", token_limit, used, end - wall))
            if budget is not None and cost_limit is not None:
                used = budget.cost + budget.open_cost
                found.append(Standing(holder.kind, f"{name}_cost", cost_limit, used, end - wall))
        return found


def _learned(budget: Budget | None, past: Spending | None) -> Budget | None:
    if past is None:
        return budget
    if budget is None or budget.period != past.period:
        return Budget(past)
    budget.learn(past)
    return budget
