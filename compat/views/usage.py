"""GET usage: what a token has used, and what is left to it."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
from django.utils import timezone
from rest_framework.request import Request

from accounts import limits
from accounts.in_db import in_db_soon
from accounts.limits import Standing
from accounts.limits.reading import totals_of
from accounts.models import IssuedToken
from compat.answers import Answer, Response
from compat.asyncview import AsyncAPIView
from compat.query import number_in, query_of

_DAYS, _MOST_DAYS = 30, 366
_encode = msgspec.json.Encoder(decimal_format="number").encode


class OwnUsage(AsyncAPIView):
    """The token that asks, never another one."""

    needs = IssuedToken.Scope.USAGE
    endpoint = "usage"

    async def get(self, request: Request) -> Response:
        """Limits with what is left of them, and the totals of the last `days` (query, 1 to 366) by day and model."""
        caller = self.caller
        since = timezone.now().date() - timedelta(days=number_in(query_of(request), "days", _DAYS, 1, _MOST_DAYS) - 1)
        rows = await in_db_soon(totals_of, caller.user_id, caller.token_id, since)
        usage = {
            "object": "usage",
            "user": caller.username,
            "time_zone": caller.time_zone,
            "limits": [_limit(standing) for standing in await limits.standings(caller.holders)],
            "since": since,
            "totals": _sums(rows),
            "data": rows,
        }
        return Answer(_encode(usage))


def _limit(standing: Standing) -> dict[str, Any]:
    """One limit; money in dollars, times in seconds."""
    in_money = standing.name.endswith("_cost")
    limit, used, remaining = (
        limits.to_dollars(amount) if in_money else amount
        for amount in (standing.limit, standing.used, standing.remaining)
    )
    return {
        "of": standing.holder,
        "name": standing.name,
        "limit": limit,
        "used": used,
        "remaining": remaining,
        "resets_in": round(standing.reset, 3),
    }


def _sums(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    names = ("requests", "errors", "prompt_tokens", "completion_tokens", "total_tokens", "cost")
    rows = list(rows)
    return {name: sum(row[name] for row in rows) for name in names}
