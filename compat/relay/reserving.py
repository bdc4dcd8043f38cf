"""A request before the limits: what it may use, and what they answer, in OpenAI's words and headers."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from accounts import limits, pricing
from accounts.limits import Ask, Headroom, Holder, Left, Refusal
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
_OF_REQUESTS, _OF_TOKENS = (
    (f"x-ratelimit-limit-{unit}", f"x-ratelimit-remaining-{unit}", f"x-ratelimit-reset-{unit}")
    for unit in ("requests", "tokens")
)
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


def tell_headroom(headroom: Headroom, headers: dict[str, str]) -> None:
    """Put OpenAI's x-ratelimit headers among those of an answer."""
    requests, tokens = headroom
    if requests is not None:
        _tell(requests, _OF_REQUESTS, headers)
    if tokens is not None:
        _tell(tokens, _OF_TOKENS, headers)


def _tell(tightest: Left, names: tuple[str, str, str], headers: dict[str, str]) -> None:
    left, limit, reset = tightest
    of_limit, of_left, of_reset = names
    headers[of_limit] = str(limit)
    headers[of_left] = str(left if left > 0 else 0)
    headers[of_reset] = to_duration(reset)


def to_duration(seconds: float) -> str:
    """A duration as Go writes it and OpenAI sends it: 12ms, 8.64s, 6m0s, 1h2m3s. Rounded up, never less than told."""
    if seconds <= 0.999:
        return f"{math.ceil(max(0.0, seconds) * 1000)}ms"
    if seconds <= 59.99:
        return f"{math.ceil(seconds * 100) / 100:g}s"
    return _in_minutes(math.ceil(seconds))


# Most are told right after a request that counts, so that all of a minute or of a day is still to come.
@lru_cache(maxsize=1024)
def _in_minutes(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s"


def _in_seconds(wait: float) -> str:
    """In one unit, for those who read the wait out of the message."""
    return to_duration(wait) if wait < 1 else f"{math.ceil(wait)}s"


def _amount(name: str, amount: int) -> str:
    return f"${limits.to_dollars(amount):.4f}" if name.endswith("_cost") else f"{amount} tokens"
