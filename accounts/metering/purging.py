"""Old usage records deleted in small ranges; the totals stay."""

from datetime import datetime

from django.db import transaction

from accounts.models import UsageRecord, UsageTotal

ROWS_AT_ONCE = 1000


@transaction.atomic
def purge_oldest(end: datetime) -> int:
    """Delete the oldest records before `end`, at most ROWS_AT_ONCE: how many. Their totals say so from then on."""
    oldest = UsageRecord.objects.filter(created__lt=end).order_by("created").values_list("pk", "created")
    chosen = list(oldest[:ROWS_AT_ONCE])
    if chosen:
        first, last = chosen[0][1].date(), chosen[-1][1].date()
        UsageTotal.objects.filter(day__range=(first, last), rows_purged=False).update(rows_purged=True)
        UsageRecord.objects.filter(pk__in=[pk for pk, _ in chosen]).delete()
    return len(chosen)
