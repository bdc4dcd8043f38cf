"""purge_usage: delete old usage records; the totals stay."""

import time
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import audit
from accounts.metering import flush_now
from accounts.metering.purging import purge_oldest
from accounts.models import UsageRecord

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
        while count := purge_oldest(end):
            deleted += count
            self.stderr.write(f"{deleted} of {max(left, deleted)} deleted")
            time.sleep(_PAUSE_SECONDS)
        audit.record(None, "purged", table="usage record", name=f"{deleted} records")
        self.stdout.write(f"{deleted} usage records deleted.")
