"""What is asked of the limits and what they answer."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from accounts.limits.holders import Holder

# So often the budgets in use are compared with the database.
COMPARE_SECONDS = 60.0

Compare: TypeAlias = Callable[[Any, Holder], None]
"""What a store calls, with itself, when the budgets of a holder are to be compared."""


class Ask(Struct, frozen=True, gc=False):
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


Left: TypeAlias = tuple[int, int, float]
"""What a limit leaves, the limit, and in how many seconds it is whole again (0 or less: it is). The smallest leaves least."""

Headroom: TypeAlias = tuple[Left | None, Left | None]
"""What the tightest limit of requests leaves, and the tightest of tokens a minute: what answers tell their clients.

None where there is no such limit.
"""

NO_HEADROOM: Headroom = (None, None)


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
    headroom: Headroom = NO_HEADROOM


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
