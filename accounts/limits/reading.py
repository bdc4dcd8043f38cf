"""What a token may read of its own usage: the totals by day and model."""

from datetime import date
from typing import Any

from accounts import metering
from accounts.models import UsageTotal

_COLUMNS = (
    *("day", "model", "gemini_model", "requests", "errors", "prompt_tokens", "cached_tokens", "tool_prompt_tokens"),
    *("completion_tokens", "reasoning_tokens", "total_tokens", "cost"),
)


def totals_of(user_id: int, token_id: int | None, since: date) -> list[dict[str, Any]]:
    """The totals of one token (None: of the user's requests by open access) from a UTC day on, newest first.

    What was settled a moment ago is in them. Asks the database; raises django.db.Error.
    """
    metering.flush_now()
    rows = UsageTotal.objects.filter(user_id=user_id, token_id=token_id, day__gte=since)
    return list(rows.order_by("-day", "model", "gemini_model").values(*_COLUMNS))
