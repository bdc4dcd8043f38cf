"""Whom limits hold for: a token with its own limits, and its user with theirs or their plan's. Both must admit."""

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from accounts.money import NANO


@dataclass(frozen=True, slots=True)
class LimitSet:
    """One value a name in LIMIT_FIELDS; None is no limit."""

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    max_parallel: int | None = None
    daily_tokens: int | None = None
    monthly_tokens: int | None = None
    daily_cost: Decimal | None = None
    monthly_cost: Decimal | None = None


NO_LIMITS = LimitSet()
_DIVIDED = ("rpm", "tpm", "rpd", "max_parallel")


@dataclass(frozen=True, slots=True)
class Holder:
    """One token or one user, and the limits that its requests must keep together. Costs are in nanodollars."""

    kind: str
    """`token` or `user`."""
    key: str
    user_id: int
    token_id: int | None
    zone: str
    """The time zone whose days and months the budgets go by."""
    rpm: int | None
    tpm: int | None
    rpd: int | None
    max_parallel: int | None
    daily_tokens: int | None
    monthly_tokens: int | None
    daily_cost: int | None
    monthly_cost: int | None
    has_day: bool
    has_month: bool
    has_cost: bool

    def divided(self, share: int) -> "Holder":
        """The limits of windows and of parallel requests for one of `share` processes that cannot count together."""
        parts = {name: max(1, limit // share) for name in _DIVIDED if (limit := getattr(self, name)) is not None}
        return replace(self, **parts)


def holders_of(
    user_id: int, token_id: int | None, token_limits: LimitSet, user_limits: LimitSet, zone: str
) -> tuple[Holder, ...]:
    """Those that have any limit, of a request by this token (None: open access) of this user."""
    found = []
    if token_id is not None and token_limits != NO_LIMITS:
        found.append(_holder("token", f"t{token_id}", user_id, token_id, token_limits, zone))
    if user_limits != NO_LIMITS:
        found.append(_holder("user", f"u{user_id}", user_id, None, user_limits, zone))
    return tuple(found)


# The same object for the same limits: what they ask of an account is kept by it, and a user has several tokens.
@lru_cache(maxsize=4096)
def _holder(kind: str, key: str, user_id: int, token_id: int | None, limits: LimitSet, zone: str) -> Holder:
    return Holder(
        kind,
        key,
        user_id,
        token_id,
        zone,
        rpm=limits.rpm,
        tpm=limits.tpm,
        rpd=limits.rpd,
        max_parallel=limits.max_parallel,
        daily_tokens=limits.daily_tokens,
        monthly_tokens=limits.monthly_tokens,
        daily_cost=_nanodollars(limits.daily_cost),
        monthly_cost=_nanodollars(limits.monthly_cost),
        has_day=limits.daily_tokens is not None or limits.daily_cost is not None,
        has_month=limits.monthly_tokens is not None or limits.monthly_cost is not None,
        has_cost=limits.daily_cost is not None or limits.monthly_cost is not None,
    )


def _nanodollars(dollars: Decimal | None) -> int | None:
    return None if dollars is None else round(dollars * NANO)
