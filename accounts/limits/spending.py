"""What a holder has used so far, as the database knows it: the beginning of its windows and budgets here."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncMinute

from accounts import metering
from accounts.limits.asking import Past, Spending
from accounts.limits.holders import Holder
from accounts.limits.periods import today
from accounts.models import UsageRecord, UsageTotal
from accounts.money import NANO

_DAY = timedelta(days=1)


def look_up(holder: Holder, now: float, *, everything: bool) -> Past:
    """What the holder has used until `now` (Unix time). With `everything`, also what only the journal knows yet.

    Without it the requests of the last day are left out as well. Asks the database; raises django.db.Error.
    """
    if everything:
        metering.flush_now()
    days = today(holder.zone, now)
    return Past(
        day=_spent(holder, days.day, days.day_start, days.day_end) if holder.has_day else None,
        month=_spent(holder, days.month, days.month_start, days.month_end) if holder.has_month else None,
        requests=_requests(holder, now) if everything and holder.rpd is not None else None,
    )


def _spent(holder: Holder, period: str, since: float, until: float) -> Spending:
    """Tokens and money of a period that has not ended.

    Whole UTC days are from the totals. The totals know no hours, and in another zone a period begins within a UTC day:
    the hours before its first midnight are from the records. Those are kept 30 days by default, so at a long month's end
    these few hours may be missing from the sum.
    """
    start = datetime.fromtimestamp(since, UTC)
    first_day = (start + _DAY - timedelta(microseconds=1)).date()
    last_day = datetime.fromtimestamp(until, UTC).date()
    sums = [_sum(_of(holder, UsageTotal).filter(day__gte=first_day, day__lte=last_day))]
    midnight = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
    if start < midnight:
        sums.append(_sum(_of(holder, UsageRecord).filter(created__gte=start, created__lt=midnight)))
    return Spending(period, sum(tokens for tokens, _ in sums), sum(round(cost * NANO) for _, cost in sums))


def _requests(holder: Holder, now: float) -> tuple[tuple[float, int], ...]:
    """The requests of the last 24 hours that went upstream, by minute."""
    since = datetime.fromtimestamp(now, UTC) - _DAY
    asked = _of(holder, UsageRecord).filter(created__gte=since)
    asked = asked.filter(Q(attempts__gt=0) | Q(counts_from=UsageRecord.CountsFrom.INTERRUPTED))
    rows: Iterable[tuple[datetime, int]] = (
        asked.order_by().annotate(minute=TruncMinute("created")).values_list("minute").annotate(count=Count("pk"))
    )
    # The end of each minute: a request counts a little longer rather than shorter.
    return tuple((max(0.0, now - minute.timestamp() - 60), count) for minute, count in sorted(rows))


def _of(holder: Holder, model: type[UsageRecord] | type[UsageTotal]) -> QuerySet[Any]:
    # By the user in any case: that is what the tables are indexed by.
    mine = model._default_manager.filter(user_id=holder.user_id)
    return mine if holder.token_id is None else mine.filter(token_id=holder.token_id)


def _sum(rows: QuerySet[Any]) -> tuple[int, Decimal]:
    sums = rows.aggregate(tokens=Sum("total_tokens", default=0), cost=Sum("cost", default=Decimal(0)))
    return sums["tokens"], sums["cost"]
