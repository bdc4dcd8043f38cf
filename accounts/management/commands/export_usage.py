"""export_usage: usage records to standard output, as CSV or as one JSON array."""

import argparse
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime

from accounts import audit
from accounts.metering import flush_now
from accounts.metering.exporting import FIELDS, ROWS_AT_ONCE, as_row, csv_lines
from accounts.models import UsageRecord, User


class Command(BaseCommand):
    """Writes usage records, oldest first, a few at a time whatever their number."""

    help = (
        "Writes usage records to standard output, oldest first. Requests of a running server are there half a second "
        "after their end. Dates and times without a zone are UTC."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """--format, --since, --until, --user."""
        parser.add_argument("--format", choices=("csv", "json"), default="csv", help="csv (default) or one JSON array")
        parser.add_argument("--since", type=_moment, metavar="D", help="from this date or ISO time on")
        parser.add_argument("--until", type=_moment, metavar="D", help="up to this date or ISO time, itself left out")
        parser.add_argument("--user", metavar="U", help="only this username")

    def handle(self, *args: Any, **options: Any) -> None:
        """Flush what ended processes left, then write."""
        records = _chosen(options["since"], options["until"], options["user"])
        flush_now()
        name = f"{options['format']}, {options['user'] or 'all users'}"
        audit.record(None, "exported", table="usage record", name=name)
        write = self._write_csv if options["format"] == "csv" else self._write_json
        write(_rows(records))

    def _write_csv(self, rows: Iterable[dict[str, Any]]) -> None:
        self.stdout.write(csv_lines([FIELDS]), ending="")
        for row in rows:
            self.stdout.write(csv_lines([row.values()]), ending="")

    def _write_json(self, rows: Iterable[dict[str, Any]]) -> None:
        before = "["
        for row in rows:
            # The cost is a number as it is stored, not a float.
            line = msgspec.json.encode(row | {"cost": msgspec.Raw(f"{row['cost']:f}".encode())})
            self.stdout.write(f"{before}\n{line.decode()}", ending="")
            before = ","
        self.stdout.write("[]" if before == "[" else "\n]")


def _chosen(since: datetime | None, until: datetime | None, username: str | None) -> QuerySet[UsageRecord]:
    records = UsageRecord.objects.order_by("created", "id")
    if since is not None:
        records = records.filter(created__gte=since)
    if until is not None:
        records = records.filter(created__lt=until)
    if username is not None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"No user is called {username!r}.")
        records = records.filter(user=user)
    return records


def _rows(records: QuerySet[UsageRecord]) -> Iterator[dict[str, Any]]:
    yield from map(as_row, records.values_list(*FIELDS.values()).iterator(chunk_size=ROWS_AT_ONCE))


def _moment(text: str) -> datetime:
    """The time in `text`: an ISO time, or a date for its first moment; UTC unless it names a zone."""
    try:
        day = parse_date(text)
        moment = datetime(day.year, day.month, day.day) if day else parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a date (2026-11-22) nor an ISO time.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
