"""What a request is charged: its tokens as Gemini counted them, or by estimate, and their price by the list."""

from collections.abc import Collection
from typing import TypeAlias

from msgspec import Struct

from accounts import pricing
from accounts.metering import NO_COUNTS, TokenCounts
from accounts.models import UsageRecord
from compat.translation.usage import Usage

_UPSTREAM, _ESTIMATED = UsageRecord.CountsFrom.UPSTREAM.value, UsageRecord.CountsFrom.ESTIMATED.value

Heard: TypeAlias = tuple[Usage, str, bool]
"""What came of one call: its counts, the model that answered, and whether a paid key did."""


class Charge(Struct, frozen=True, gc=False):
    """What one request is charged; money in nanodollars."""

    counts: TokenCounts = NO_COUNTS
    counts_from: str = _UPSTREAM
    cost: int = 0
    paid: int = 0
    """What of the cost paid keys answered."""


def charge_of(heard: Collection[Heard], usage: Usage, *, exact: bool) -> Charge:
    """The charge for `usage`, all calls together: `exact` where Gemini counted it, else an estimate."""
    counts = to_counts(usage)
    if heard and not exact:
        heard = [_as_one(heard, usage)]
    cost = paid = 0
    for counted, model, is_paid in heard:
        price = _price(counted, model)
        cost += price
        if is_paid:
            paid += price
    return Charge(counts, _UPSTREAM if exact or not counts.total else _ESTIMATED, cost, paid)


def to_counts(usage: Usage) -> TokenCounts:
    """The counts as a usage record has them."""
    prompt, completion = usage.totals()
    return TokenCounts(prompt, usage.cached, usage.tool_prompt, completion, usage.reasoning, prompt + completion)


def _as_one(heard: Collection[Heard], usage: Usage) -> Heard:
    """An estimate tells no call from another: all cost what the first one's model does, and who paid for one paid for all."""
    _, model, _ = next(iter(heard))
    return usage, model, any(is_paid for _, _, is_paid in heard)


def _price(usage: Usage, model: str) -> int:
    prompt, completion = usage.totals()
    return pricing.price_of(model, usage.tier).cost(prompt, completion, usage.cached, usage.audio_in)
