"""Finished requests as the journal hands them to the database."""

from datetime import UTC, datetime

from accounts.metering import lines
from accounts.metering.lines import TokenCounts

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def finished(user_id, token_id=None, *, at=NOON, model="gpt", **changes):
    """A request as the journal gives it, admitted at `at`."""
    admitted = lines.admission(user_id, token_id, "chat/completions", model, False)
    admitted = lines.Admission(
        admitted.id, int(at.timestamp() * 1_000_000), user_id, token_id, admitted.endpoint, admitted.model, False
    )
    ended = {
        "status": 200,
        "error_code": "",
        "gemini_model": "gemini",
        "attempts": 1,
        "counts": TokenCounts(10, 2, 3, 5, 4, 22),
        "counts_from": "upstream",
        "cost": 123_450,
        "paid": 23_450,
        "queue_ms": 0,
        "first_byte_ms": 1,
        "total_ms": 2,
    }
    return admitted, lines.settlement(admitted, **(ended | changes))
