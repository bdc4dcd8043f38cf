"""Usage records as tables for other programs: the columns, and cells that no spreadsheet takes for a formula."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

# The columns of an export (its contract), and where each comes from.
FIELDS = {
    "id": "id",
    "created": "created",
    "user": "user__username",
    "token": "token__prefix",
    **{
        name: name
        for name in (
            *("endpoint", "stream", "model", "gemini_model", "status", "error_code", "attempts"),
            *("prompt_tokens", "cached_tokens", "tool_prompt_tokens", "completion_tokens", "reasoning_tokens"),
            *("total_tokens", "counts_from", "cost", "queue_ms", "first_byte_ms", "total_ms"),
        )
    },
}
ROWS_AT_ONCE = 2000
# A cell that begins with one of these is a formula to a spreadsheet (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_row(values: Iterable[Any]) -> dict[str, Any]:
    """The values of FIELDS as a dict; the user or token of a record is null once it was deleted."""
    row = dict(zip(FIELDS, values, strict=True))
    created: datetime = row["created"]
    row["created"] = created.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if row["token"] is not None:
        row["token"] = f"tumbler-{row['token']}"
    return row


def csv_lines(rows: Iterable[Iterable[Any]]) -> str:
    """CSV, every cell quoted."""
    text = io.StringIO()
    table = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A CSV cell: true and false in lower case, cost without exponent, text that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
