"""What is asked of the limits and what they answer."""

from typing import NamedTuple

from accounts.limits.holders import Holder


class Ask(NamedTuple):
    """What one request may use: `least` tokens must fit, `most` are reserved where there is room for them.

    The costs of both are in nanodollars. A client that says how long its answer may be makes both the same.
    """

    least: int
    most: int
    least_cost: int = 0
    most_cost: int = 0


class Standing(NamedTuple):
    """How one limit stands: what of it is used (reservations included), and in how many seconds it is whole again."""

    holder: str
    name: str
    limit: int
    used: int
    reset: float

    @property
    def remaining(self) -> int:
        """What is left."""
        return max(0, self.limit - self.used)


class Refusal(NamedTuple):
    """The limit that did not admit a request: of it `used` is taken and `asked` did not fit any more."""

    holder: str
    """`token` or `user`."""
    name: str
    """One of LIMIT_FIELDS."""
    limit: int
    used: int
    asked: int
    wait: float | None
    """Seconds until it may fit; None when it never will."""
    standings: tuple[Standing, ...] = ()


class Unseeded(NamedTuple):
    """Nothing was decided: what these holders have used so far must be looked up first."""

    holders: tuple[Holder, ...]


class Spending(NamedTuple):
    """What was used in one day or month: its name (2026-11-22, 2026-11), tokens, nanodollars."""

    period: str
    tokens: int
    cost: int


class Past(NamedTuple):
    """What a holder has used so far, from the database. None: not asked for."""

    day: Spending | None = None
    month: Spending | None = None
    requests: tuple[tuple[float, int], ...] | None = None
    """The requests of the last 24 hours: (seconds ago, how many), oldest first."""
