"""Usage records as a file to download."""

from collections.abc import AsyncIterator
from typing import Any

from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from accounts.in_db import in_db
from accounts.metering.exporting import FIELDS, ROWS_AT_ONCE, as_row, csv_lines
from accounts.models import UsageRecord


def usage_csv(records: QuerySet[UsageRecord]) -> StreamingHttpResponse:
    """These records as CSV, the newest first, a few in memory at a time whatever their number."""
    name = f"usage-{timezone.now():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        _csv(records.order_by("-created", "-id")),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _csv(records: QuerySet[UsageRecord]) -> AsyncIterator[str]:
    yield csv_lines([FIELDS])
    batch = await in_db(_batch, records)
    while batch:
        yield csv_lines(as_row(values).values() for values in batch)
        row = dict(zip(FIELDS, batch[-1], strict=True))
        further = Q(created__lt=row["created"]) | Q(created=row["created"], id__lt=row["id"])
        batch = await in_db(_batch, records.filter(further))


def _batch(records: QuerySet[UsageRecord]) -> list[tuple[Any, ...]]:
    return list(records.values_list(*FIELDS.values())[:ROWS_AT_ONCE])
