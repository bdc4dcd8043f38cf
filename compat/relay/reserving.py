"""A request before the limits: what it may use, and what they answer, in OpenAI's words and headers."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from accounts import limits, pricing
from accounts.limits import Ask, Headroom, Holder, Refusal
from compat.errors import CompatError, QuotaSpent, RateLimited
from compat.translation.families import family_of

# What an answer is expected to take at most when the client does not say.
USUAL_ANSWER = 4_096

_RATES: Final = {
    "rpm": "requests per min (RPM)",
    "rpd": "requests per day (RPD)",
    "tpm": "tokens per min (TPM)",
    "max_parallel": "parallel requests",
}
_HEADERS: Final = [
    (f"x-ratelimit-limit-{unit}", f"x-ratelimit-remaining-{unit}", f"x-ratelimit-reset-{unit}")
    for unit in ("requests", "tokens")
]
_BUDGETS: Final = {
    "daily_tokens": "daily budget of tokens",
    "monthly_tokens": "monthly budget of tokens",
    "daily_cost": "daily budget of money",
    "monthly_cost": "monthly budget of money",
}


def to_ask(holders: Sequence[Holder], targets: tuple[str, ...], prompt: int, answers: int, longest: int | None) -> Ask:
    """What a request for so many answers may use: the prompt, and each answer as long as the client and the model let it.

    `longest` is the client's limit in tokens of one answer, None when it gave none. Then the usual length is reserved
    where there is room for it, and one token must fit. Tokens of both dialects are the same: Gemini's.
    """
    most = prompt + answers * min(longest or USUAL_ANSWER, _output_limit(targets))
    least = most if longest else prompt + answers
    for holder in holders:
        if holder.has_cost:
            prices = [pricing.price_of(target) for target in targets]
            costs = [max(price.cost(prompt, tokens - prompt) for price in prices) for tokens in (least, most)]
            return Ask(least, most, *costs)
    return Ask(least, most)


@lru_cache(maxsize=1024)
def _output_limit(targets: tuple[str, ...]) -> int:
    """The most that one of the models answers."""
    return max(family_of(target).output_limit for target in targets)


def to_error(refusal: Refusal, model: str) -> CompatError:
    """The client's error. The SDKs and tools read the wait out of the message's last words as well as from headers."""
    whose = "your API key" if refusal.holder == "token" else "your user"
    if refusal.name in _BUDGETS:
        limit, used = (_amount(refusal.name, amount) for amount in (refusal.limit, refusal.used))
        return QuotaSpent(
            f"You exceeded your current quota: the {_BUDGETS[refusal.name]} of {whose} has no room for this request "
            f"(limit {limit}, used or reserved {used})."
        )
    what = _RATES[refusal.name]
    if refusal.wait is None:
        return RateLimited(
            f"Request too large for `{model[:100]}` on {what} of {whose}: Limit {refusal.limit}, Requested {refusal.asked}. "
            "Send a shorter prompt or a smaller max_tokens.",
            math.inf,
        )
    return RateLimited(
        f"Rate limit reached for `{model[:100]}` on {what} of {whose}: Limit {refusal.limit}, Used {refusal.used}, "
        f"Requested {refusal.asked}. Please try again in {_in_seconds(refusal.wait)}.",
        refusal.wait,
    )


def to_headers(headroom: Headroom) -> dict[str, str]:
    """OpenAI's x-ratelimit headers: of several limits on requests or on tokens, the one that leaves least."""
    headers: dict[str, str] = {}
    for names, limits_of_unit in zip(_HEADERS, headroom, strict=True):
        if limits_of_unit:
            left, limit, reset = min(limits_of_unit)
            headers.update(zip(names, (str(limit), str(max(0, left)), to_duration(reset)), strict=True))
    return headers


# Asked for twice in a row: limits of requests and of tokens are most often whole at the same time.
@lru_cache(maxsize=8)
def to_duration(seconds: float) -> str:
    """A duration as Go writes it and OpenAI sends it: 12ms, 8.64s, 6m0s, 1h2m3s. Rounded up, never less than told."""
    if seconds <= 0.999:
        return f"{math.ceil(max(0.0, seconds) * 1000)}ms"
    if seconds <= 59.99:
        return f"{math.ceil(seconds * 100) / 100:g}s"
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s"


def _in_seconds(wait: float) -> str:
    """In one unit, for those who read the wait out of the message."""
    return to_duration(wait) if wait < 1 else f"{math.ceil(wait)}s"


def _amount(name: str, amount: int) -> str:
    return f"${limits.to_dollars(amount):.4f}" if name.endswith("_cost") else f"{amount} tokens"
