"""A budget: what is spent of one day or month."""

from accounts.limits.asking import Spending


class Budget:
    """Tokens and nanodollars of one period: those of settled requests, and those that reservations hold open."""

    __slots__ = ("cost", "open_cost", "open_tokens", "period", "started_cost", "started_tokens", "tokens")

    def __init__(self, past: Spending) -> None:
        self.period = past.period
        self.tokens = self.started_tokens = past.tokens
        self.cost = self.started_cost = past.cost
        self.open_tokens = self.open_cost = 0

    def learn(self, past: Spending) -> None:
        """Take over what the database knows by now. It lags behind, so it never makes less of what is known here."""
        self.tokens = self.started_tokens = max(self.tokens, past.tokens)
        self.cost = self.started_cost = max(self.cost, past.cost)

    def parts(self, tokens: int | None, cost: int | None, share: int) -> tuple[int | None, int | None]:
        """What one of `share` processes may use of these limits: its share of what the database left."""
        if share == 1:
            return tokens, cost
        return (
            None if tokens is None else self.started_tokens + (tokens - self.started_tokens) // share,
            None if cost is None else self.started_cost + (cost - self.started_cost) // share,
        )

    def open(self, tokens: int, cost: int) -> None:
        """Hold so much open for a request."""
        self.open_tokens += tokens
        self.open_cost += cost

    def close(self, reserved: tuple[int, int], tokens: int, cost: int) -> None:
        """Spend so much instead of what was reserved."""
        self.open_tokens -= reserved[0]
        self.open_cost -= reserved[1]
        self.tokens += tokens
        self.cost += cost
