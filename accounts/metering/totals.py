"""Reading the totals: what a user or a token has used."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Sum

from accounts.models import UsageTotal


class Spent(NamedTuple):
    """Sums over some days; `cost` in USD."""

    requests: int
    total_tokens: int
    cost: Decimal


def spent(since: date, *, user_id: int | None = None, token_id: int | None = None) -> Spent:
    """What a user or (with `token_id`) a token has used from the UTC day `since` on, as far as it is stored.

    What was settled in the last half second, or waits for an absent database, is not in it.
    """
    wanted = {"token_id": token_id} if token_id is not None else {"user_id": user_id}
    sums = UsageTotal.objects.filter(day__gte=since, **wanted).aggregate(
        requests=Sum("requests", default=0),
        total_tokens=Sum("total_tokens", default=0),
        cost=Sum("cost", default=Decimal(0)),
    )
    return Spent(**sums)
