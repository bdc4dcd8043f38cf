"""verify_usage: do the totals agree with the records they were made of?"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.models import Count, Max, Min, Q, Sum

from accounts.metering.ledger import TOTAL_KEY, TOTAL_SUMS
from accounts.models import UsageRecord, UsageTotal

# SQLite adds decimals as floats: their last digits are not drift.
_COST_TOLERANCE = Decimal("0.000001")

Sums: TypeAlias = dict[str, Any]


class Command(BaseCommand):
    """Recomputes each day's totals from its records, except where some of these were purged."""

    help = (
        "Recomputes the daily totals from the usage records, prints where they differ, and exits with 1 if any do. "
        "Totals of which records were purged are left out."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """One line for each total that differs."""
        checked = drifted = 0
        for day in _days():
            stored, recomputed, purged = _both(day)
            for key in sorted((stored.keys() | recomputed.keys()) - purged):
                checked += 1
                for name, total, rows in _differences(stored.get(key, {}), recomputed.get(key, {})):
                    self.stdout.write(f"{day} {' '.join(map(repr, key))} {name}: total {total}, records {rows}")
                    drifted += 1
        if drifted:
            raise CommandError(f"{drifted} sums differ in {checked} totals.")
        self.stdout.write(f"{checked} totals agree with their records.")


def _days() -> Iterator[date]:
    """Each UTC day between the first and the last that has a record, or a total of which none was purged."""
    rows = UsageRecord.objects.aggregate(first=Min("created"), last=Max("created"))
    totals = UsageTotal.objects.filter(rows_purged=False).aggregate(first=Min("day"), last=Max("day"))
    ends = [rows[end].astimezone(UTC).date() for end in rows if rows[end]] + [day for day in totals.values() if day]
    if ends:
        for distance in range((max(ends) - min(ends)).days + 1):
            yield min(ends) + timedelta(days=distance)


@transaction.atomic
def _both(day: date) -> tuple[dict[tuple[str, ...], Sums], dict[tuple[str, ...], Sums], set[tuple[str, ...]]]:
    """The stored sums of a day, those of its records, and the keys of which records were purged.

    All as of one moment, though the server goes on: SQLite's transaction keeps writers out (settings.py), PostgreSQL's
    sees one snapshot.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    key_names = TOTAL_KEY[1:]
    totals = list(UsageTotal.objects.filter(day=day).values(*key_names, *TOTAL_SUMS, "rows_purged"))
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    records = UsageRecord.objects.filter(created__gte=begin, created__lt=begin + timedelta(days=1))
    recomputed = (
        records.order_by()
        .values(*key_names)
        .annotate(
            requests=Count("pk"),
            errors=Count("pk", filter=Q(status__gte=400)),
            **{f"sum_{name}": Sum(name) for name in TOTAL_SUMS[2:]},
        )
    )
    return (
        {_key(row): {name: row[name] for name in TOTAL_SUMS} for row in totals},
        {_key(row): {name: row.get(f"sum_{name}", row.get(name)) for name in TOTAL_SUMS} for row in recomputed},
        {_key(row) for row in totals if row["rows_purged"]},
    )


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in TOTAL_KEY[1:])


def _differences(stored: Sums, recomputed: Sums) -> Iterator[tuple[str, Any, Any]]:
    for name in TOTAL_SUMS:
        total, rows = stored.get(name, 0), recomputed.get(name, 0)
        if abs(total - rows) > (_COST_TOLERANCE if name == "cost" else 0):
            yield name, total, rows
