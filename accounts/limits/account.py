"""The account of one holder in memory: its windows, its budgets, and how many of its requests run."""

import math

from accounts.limits.asking import COMPARE_SECONDS, Past
from accounts.limits.budgets import Budget
from accounts.limits.holders import Holder
from accounts.limits.periods import Today, today
from accounts.limits.terms import Limit, Running, Terms
from accounts.limits.windows import DAY, MINUTE, Window

# Of each limit that has a budget: the period, by its name in Today and Past, and what of its Spending counts.
_BUDGETS = (
    ("daily_tokens", "day", "tokens"),
    ("monthly_tokens", "month", "tokens"),
    ("daily_cost", "day", "cost"),
    ("monthly_cost", "month", "cost"),
)


class Account:
    """What is known of one holder. A window or budget is kept once a limit asks for it. Times are monotonic seconds."""

    __slots__ = ("_budgets", "_share", "_since", "_terms", "_until", "_windows", "compare_at", "running", "used")

    def __init__(self, now: float, share: int) -> None:
        self.running = Running()
        self.used = now
        self.compare_at = math.inf
        """From this time on its budgets, if there are any, are to be compared with the database."""
        self._windows: dict[str, Window] = {}
        self._budgets: dict[str, Budget] = {}
        """Both by the names of their limits."""
        self._share = share
        self._terms: Terms | None = None
        self._since, self._until = -math.inf, math.inf
        """The Unix times between which the terms hold."""

    def terms(self, holder: Holder, wall: float) -> Terms | None:
        """What the limits of the holder ask for at a Unix time; None while the database must tell what was used so far."""
        terms = self._terms
        if terms is None or terms.holder is not holder or not self._since <= wall < self._until:
            terms = self._terms = self._agreed(holder, today(holder.zone, wall))
        return terms

    def learn(self, holder: Holder, past: Past, now: float) -> None:
        """Take over what the database says."""
        self.compare_at = now + COMPARE_SECONDS if holder.has_day or holder.has_month else math.inf
        self._terms = None
        for name, period, unit in _BUDGETS:
            spending = getattr(past, period)
            if spending is not None and getattr(holder, name) is not None:
                self._learn_budget(name, spending.period, getattr(spending, unit))
        if past.requests is not None and "rpd" not in self._windows:
            window = self._windows["rpd"] = Window(DAY)
            for age, count in past.requests:
                window.slide(now - age)
                window.add(count, now - age)

    def _learn_budget(self, name: str, period: str, spent: int) -> None:
        budget = self._budgets.get(name)
        if budget is not None and budget.period == period:
            budget.learn(spent)
        else:
            self._budgets[name] = Budget(period, spent)

    def _agreed(self, holder: Holder, days: Today) -> Terms | None:
        self._forget_unlimited(holder)
        if not self._is_seeded(holder, days):
            return None
        # Budgets are those of one day, and of its month.
        has_budget = holder.has_day or holder.has_month
        self._since, self._until = (days.day_start, days.day_end) if has_budget else (-math.inf, math.inf)
        return Terms(
            holder,
            self.running,
            request_rates=self._rates(holder, "rpm", "rpd"),
            token_rates=self._rates(holder, "tpm"),
            token_budgets=self._allowances(holder, "daily_tokens", "monthly_tokens"),
            cost_budgets=self._allowances(holder, "daily_cost", "monthly_cost"),
            compare_at=self.compare_at,
        )

    def _forget_unlimited(self, holder: Holder) -> None:
        """What no limit asks for any more is not counted on: should one ask again, it must be looked up."""
        for counted in (self._windows, self._budgets):
            for name in [name for name in counted if getattr(holder, name) is None]:
                del counted[name]

    def _is_seeded(self, holder: Holder, days: Today) -> bool:
        """True when nothing has to be looked up first."""
        if holder.rpd is not None and "rpd" not in self._windows:
            return False
        for name, period, _ in _BUDGETS:
            if getattr(holder, name) is not None:
                budget = self._budgets.get(name)
                if budget is None or budget.period != getattr(days, period):
                    return False
        return True

    def _rates(self, holder: Holder, *names: str) -> list[Limit[Window]]:
        """Those limits that there are. Windows of a minute begin empty; that of a day was looked up."""
        return [
            Limit(name, self._windows.setdefault(name, Window(MINUTE)), most)
            for name in names
            if (most := getattr(holder, name)) is not None
        ]

    def _allowances(self, holder: Holder, *names: str) -> list[Limit[Budget]]:
        return [
            Limit(name, self._budgets[name], self._budgets[name].part(most, self._share))
            for name in names
            if (most := getattr(holder, name)) is not None
        ]
