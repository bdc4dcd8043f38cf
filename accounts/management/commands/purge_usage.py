"""purge_usage: delete old usage records; the totals stay."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.metering import flush_now
from accounts.models import UsageRecord, UsageTotal

_ROWS_AT_ONCE = 1000
# SQLite lets one process write at a time: between two ranges the server gets its turn.
_PAUSE_SECONDS = 0.01


class Command(BaseCommand):
    """Deletes usage records oldest first, in small transactions; it may be stopped and started again."""

    help = "Deletes usage records older than D days, oldest first, a thousand at a time. The daily totals stay."

    def add_arguments(self, parser: CommandParser) -> None:
        """--older-than-days."""
        parser.add_argument("--older-than-days", type=int, required=True, metavar="D", help="keep the last D days")

    def handle(self, *args: Any, **options: Any) -> None:
        """Flush first: the journal of an ended process must not bring back what is deleted here."""
        if options["older_than_days"] < 0:
            raise CommandError("--older-than-days must be 0 or more.")
        flush_now()
        end = timezone.now() - timedelta(days=options["older_than_days"])
        left = UsageRecord.objects.filter(created__lt=end).count()
        self.stderr.write(f"{left} usage records are older than {end:%Y-%m-%d %H:%M} UTC.")
        deleted = 0
        while count := _purge_oldest(end):
            deleted += count
            self.stderr.write(f"{deleted} of {max(left, deleted)} deleted")
            time.sleep(_PAUSE_SECONDS)
        audit.record(None, "purged", table="usage record", name=f"{deleted} records")
        self.stdout.write(f"{deleted} usage records deleted.")


@transaction.atomic
def _purge_oldest(end: datetime) -> int:
    """Delete the oldest records before `end`, at most _ROWS_AT_ONCE: how many. Their totals say so from then on."""
    oldest = UsageRecord.objects.filter(created__lt=end).order_by("created").values_list("pk", "created")
    chosen = list(oldest[:_ROWS_AT_ONCE])
    if chosen:
        first, last = chosen[0][1].date(), chosen[-1][1].date()
        UsageTotal.objects.filter(day__range=(first, last), rows_purged=False).update(rows_purged=True)
        UsageRecord.objects.filter(pk__in=[pk for pk, _ in chosen]).delete()
    return len(chosen)
