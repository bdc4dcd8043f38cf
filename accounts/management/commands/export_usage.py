"""export_usage: usage records to standard output, as CSV or as one JSON array."""

import argparse
import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime

from accounts import audit
from accounts.metering import flush_now
from accounts.models import UsageRecord, User

# The columns of the export (its contract), and where each comes from.
FIELDS = {
    "id": "id",
    "created": "created",
    "user": "user__username",
    "token": "token__prefix",
    **{
        name: name
        for name in (
            "endpoint",
            "stream",
            "model",
            "gemini_model",
            "status",
            "error_code",
            "attempts",
            "prompt_tokens",
            "cached_tokens",
            "tool_prompt_tokens",
            "completion_tokens",
            "reasoning_tokens",
            "total_tokens",
            "counts_from",
            "cost",
            "queue_ms",
            "first_byte_ms",
            "total_ms",
        )
    },
}
# A cell that begins with one of these is a formula to a spreadsheet (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_ROWS_AT_ONCE = 2000


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
        table = csv.writer(self.stdout, quoting=csv.QUOTE_ALL, lineterminator="\n")
        table.writerow(FIELDS)
        for row in rows:
            table.writerow([_cell(value) for value in row.values()])

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
    """A dict a record, keys as in FIELDS; the user or token of a record is null once it was deleted."""
    for values in records.values_list(*FIELDS.values()).iterator(chunk_size=_ROWS_AT_ONCE):
        row = dict(zip(FIELDS, values, strict=True))
        row["created"] = row["created"].astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        if row["token"] is not None:
            row["token"] = f"tumbler-{row['token']}"
        yield row


def _cell(value: Any) -> Any:
    """A CSV cell: true and false in lower case, cost without exponent, text that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


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
