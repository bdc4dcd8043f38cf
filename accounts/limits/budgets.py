"""A budget: what is used of one day or month, in tokens or in nanodollars."""


class Budget:
    """What the requests of one period took, those that run included. It counts as windows do, but time lets nothing go."""

    __slots__ = ("_open", "_started", "period", "total")

    def __init__(self, period: str, spent: int) -> None:
        self.period = period
        """Its name: 2026-11-22, 2026-11."""
        self.total = self._started = spent
        """What counts: what is spent, and what is reserved."""
        self._open = 0
        """What of it is reserved."""

    def learn(self, spent: int) -> None:
        """Take over what the database knows by now. It lags behind, so it never makes less of what is known here."""
        self._started = max(self.total - self._open, spent)
        self.total = self._started + self._open

    def part(self, limit: int, share: int) -> int:
        """What one of `share` processes may use of this limit: its share of what the database left."""
        return self._started + (limit - self._started) // share

    def add(self, amount: int, now: float) -> None:
        """Reserve so much."""
        self.total += amount
        self._open += amount

    def settle(self, at: float, reserved: int, used: int) -> None:
        """Spend so much instead of what was reserved."""
        self.total += used - reserved
        self._open -= reserved

    def wait(self, excess: int, now: float) -> None:
        """Nothing is free again before the period is over."""
