"""The account of one holder in memory: its windows, its budgets, and how many of its requests run."""

from typing import NamedTuple

from accounts.limits.asking import Ask, Past, Refusal, Spending, Standing
from accounts.limits.budgets import Budget
from accounts.limits.holders import Holder
from accounts.limits.periods import Today
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
    """A budget and the limits that hold for it."""

    period: str
    """`daily` or `monthly`."""
    budget: Budget
    tokens: int | None
    cost: int | None


class Taken(NamedTuple):
    """What one request took from an account: of each rate a part of its window, and something of each budget."""

    account: "Account"
    rates: tuple[Rate, ...]
    parts: list[Part]
    allowances: tuple[Allowance, ...]


class Account:
    """What is known of one holder. A window or budget is kept once a limit asks for it. Times are monotonic seconds."""

    __slots__ = ("_allowances", "_holder", "_rates", "day", "learned", "month", "parallel", "rpd", "rpm", "tpm", "used")

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
        self._holder: Holder | None = None
        self._rates: tuple[Rate, ...] = ()
        self._allowances: tuple[Allowance, ...] = ()
        """What of the above the limits of this holder ask for."""

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
        self._holder = None
        self.day = _learned(self.day, past.day)
        self.month = _learned(self.month, past.month)
        if past.requests is not None and self.rpd is None:
            self.rpd = Window(DAY)
            for age, count in past.requests:
                self.rpd.add(count, now - age)

    def open_windows(self, holder: Holder, now: float) -> None:
        """Bring the windows up to now; those of a minute begin empty."""
        self.used = now
        if holder is not self._holder:
            self._fit(holder)
        for _, window, _ in self._rates:
            if now >= window.slides_at:
                window.slide(now)

    def _fit(self, holder: Holder) -> None:
        """Put limits and what they hold for together, once for all requests of a holder whose limits stay."""
        self._holder = holder
        if holder.rpm is not None and self.rpm is None:
            self.rpm = Window(MINUTE)
        if holder.tpm is not None and self.tpm is None:
            self.tpm = Window(MINUTE)
        # Tokens come last: `close` relies on it.
        rates = (("rpm", self.rpm, holder.rpm), ("rpd", self.rpd, holder.rpd), ("tpm", self.tpm, holder.tpm))
        self._rates = tuple(
            Rate(name, window, limit) for name, window, limit in rates if window is not None and limit is not None
        )
        allowances = (
            ("daily", self.day if holder.has_day else None, holder.daily_tokens, holder.daily_cost),
            ("monthly", self.month if holder.has_month else None, holder.monthly_tokens, holder.monthly_cost),
        )
        self._allowances = tuple(
            Allowance(period, budget, *limits) for period, budget, *limits in allowances if budget is not None
        )

    def refuses_now(self, holder: Holder, least: int, now: float) -> Refusal | None:
        """The limit of requests or tokens that a request of at least so many tokens would break; see open_windows first."""
        if holder.max_parallel is not None and self.parallel >= holder.max_parallel:
            return Refusal(holder.kind, "max_parallel", holder.max_parallel, self.parallel, 1, 1.0)
        for name, window, limit in self._rates:
            asked = least if name == "tpm" else 1
            if window.total + asked > limit:
                wait = window.wait(window.total + asked - limit, now)
                return Refusal(holder.kind, name, limit, window.total, asked, wait)
        return None

    def room(self, holder: Holder, ask: Ask, room: Room, share: int) -> Room | Refusal:
        """`room`, or less where that is all that is left for tokens or money; never less than the least asked."""
        tokens, cost = room
        if holder.tpm is not None and self.tpm is not None:
            tokens = min(tokens, holder.tpm - self.tpm.total)
        for period, budget, token_limit, cost_limit in self._allowances:
            if token_limit is not None:
                left = budget.tokens_left(token_limit, share)
                if left < ask.least:
                    name, used = f"{period}_tokens", token_limit - left
                    return Refusal(holder.kind, name, token_limit, used, ask.least, None)
                tokens = min(tokens, left)
            if cost_limit is not None:
                left = budget.cost_left(cost_limit, share)
                # A budget of money that is spent admits nothing, not even what is free.
                if left < max(ask.least_cost, 1):
                    name, used = f"{period}_cost", cost_limit - left
                    return Refusal(holder.kind, name, cost_limit, used, ask.least_cost, None)
                cost = min(cost, left)
        return tokens, cost

    def take(self, tokens: int, cost: int, now: float) -> Taken:
        """Take one request with its tokens and cost; everything was looked at before."""
        self.parallel += 1
        for _, budget, _, _ in self._allowances:
            budget.open(tokens, cost)
        parts = [window.add(tokens if name == "tpm" else 1, now) for name, window, _ in self._rates]
        return Taken(self, self._rates, parts, self._allowances)

    def close(self, taken: Taken, reserved: Room, tokens: int, cost: int) -> None:
        """Put true counts in place of those reserved."""
        self.parallel -= 1
        if tokens != reserved[0] and taken.rates and taken.rates[-1].name == "tpm":
            taken.rates[-1].window.adjust(taken.parts[-1], tokens - reserved[0])
        for _, budget, _, _ in taken.allowances:
            budget.close(reserved, tokens, cost)

    def give_back(self, taken: Taken) -> None:
        """Take the request itself out of the windows again."""
        for (name, window, _), part in zip(taken.rates, taken.parts, strict=True):
            if name != "tpm":
                window.adjust(part, -1)

    def of_windows(self, holder: Holder, now: float) -> list[Standing]:
        """How the limits of requests and of tokens a minute stand; see open_windows first."""
        return [
            Standing(holder.kind, name, limit, window.total, window.reset(now)) for name, window, limit in self._rates
        ]

    def of_budgets(self, holder: Holder, days: Today, wall: float) -> list[Standing]:
        """How the limit of parallel requests and the budgets stand, open reservations included; see open_windows first."""
        found = []
        if holder.max_parallel is not None:
            found.append(Standing(holder.kind, "max_parallel", holder.max_parallel, self.parallel, 0.0))
        for period, budget, token_limit, cost_limit in self._allowances:
            left = (days.day_end if period == "daily" else days.month_end) - wall
            if token_limit is not None:
                used = budget.tokens + budget.open_tokens
                found.append(Standing(holder.kind, f"{period}_tokens", token_limit, used, left))
            if cost_limit is not None:
                used = budget.cost + budget.open_cost
                found.append(Standing(holder.kind, f"{period}_cost", cost_limit, used, left))
        return found


def _learned(budget: Budget | None, past: Spending | None) -> Budget | None:
    if past is None:
        return budget
    if budget is None or budget.period != past.period:
        return Budget(past)
    budget.learn(past)
    return budget
