"""What usage answers, for the API document."""

from datetime import date
from typing import Literal

from msgspec import Struct

from compat.schemas.answers import Count


class Limit(Struct):
    """A limit of the token, its user or their plan. Limits whose names end in _cost are in USD."""

    of: str
    name: str
    limit: float
    used: float
    remaining: float
    resets_in: float


class UsageSums(Struct):
    """Sums of the days asked for; cost in USD by the price list, whichever keys answered."""

    requests: Count
    errors: Count
    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count
    cost: float


class UsageDay(UsageSums):
    """The sums of one UTC day and pair of models."""

    day: date
    model: str
    gemini_model: str
    cached_tokens: Count
    tool_prompt_tokens: Count
    reasoning_tokens: Count


class Usage(Struct):
    """What the token has used, and what is left to it."""

    object: Literal["usage"]
    user: str
    time_zone: str
    limits: list[Limit]
    since: date
    totals: UsageSums
    data: list[UsageDay]
