"""Metering: every admitted request becomes exactly one usage record, whatever happens to the process.

`admit` before the upstream is called, `settle` when the request has ended, whichever way. Both append one line to the
journal of this process and touch no database; a thread stores what was settled. docs/usage.md tells the whole story.
"""

import atexit
import os
from decimal import Decimal
from pathlib import Path
from threading import Lock

from django.conf import settings

from accounts.in_db import in_db
from accounts.live.traffic import traffic
from accounts.metering import lines
from accounts.metering.journal import StorageUnavailable
from accounts.metering.leftovers import replay_leftovers
from accounts.metering.lines import NO_COUNTS, Admission, TokenCounts, Tried
from accounts.metering.totals import Spent, spent
from accounts.metering.writer import Writer

__all__ = [
    "NO_COUNTS",
    "Admission",
    "Spent",
    "StorageUnavailable",
    "TokenCounts",
    "Tried",
    "admit",
    "checkpoint",
    "close",
    "flush",
    "flush_now",
    "is_behind",
    "settle",
    "spent",
    "start",
]

_CLOSE_SECONDS = 3.0

_writer: Writer | None = None
_starting = Lock()


def admit(
    caller_user_id: int,
    caller_token_id: int | None,
    endpoint: str,
    model: str,
    stream: bool,
    sub_user: str = "",
    prompt: int = 0,
) -> Admission:
    """Let a request in: it will have a usage record even if the process is killed right now.

    `prompt` is how many tokens its prompt has, by estimate: they are charged in that case.

    Call it before the first upstream call. Raises StorageUnavailable: then nothing may be sent upstream.
    """
    admission = lines.admission(caller_user_id, caller_token_id, endpoint, model, stream, sub_user, prompt)
    (_writer or start()).journal.admit(admission)
    return admission


def checkpoint(admission: Admission, counts: TokenCounts) -> None:
    """Keep the counts so far of a long request: they are charged if the process is killed. Never raises."""
    if _writer is not None:
        _writer.journal.checkpoint(lines.checkpoint(admission, counts))


def settle(
    admission: Admission,
    *,
    status: int,
    error_code: str = "",
    gemini_model: str = "",
    attempts: int = 0,
    counts: TokenCounts,
    counts_from: str,
    queue_ms: int,
    first_byte_ms: int,
    total_ms: int,
    cost: Decimal = Decimal(0),
    paid: Decimal = Decimal(0),
    tried: tuple[Tried, ...] = (),
) -> None:
    """End a request: its status and counts (`counts_from` is one of UsageRecord.CountsFrom), times in milliseconds.

    `cost` is what the price list says of it, in USD, `paid` what of that paid keys answered. `tried` holds its attempts in
    order; it is empty where one attempt answered.

    The first settlement counts, later ones change nothing. Never raises and never waits.
    """
    settlement = lines.settlement(
        admission,
        status=status,
        error_code=error_code,
        gemini_model=gemini_model,
        attempts=attempts,
        counts=counts,
        counts_from=counts_from,
        cost=cost,
        paid=paid,
        queue_ms=queue_ms,
        first_byte_ms=first_byte_ms,
        total_ms=total_ms,
        tried=tried,
    )
    if _writer is not None:
        _writer.journal.settle(settlement)
    traffic.ended(admission, settlement)


def is_behind() -> bool:
    """True while the database takes no usage records of this process: they wait in the journal."""
    return _writer is not None and _writer.is_behind


def start() -> Writer:
    """Begin the journal and the writer of this process, which first stores what ended processes left.

    The first `admit` does it as well. Raises StorageUnavailable.
    """
    global _writer
    with _starting:
        if _writer is None:
            try:
                writer = Writer(_directory())
            except OSError as error:
                raise StorageUnavailable(f"The usage journal cannot be begun: {error.strerror}.") from None
            writer.start()
            _writer = writer
            atexit.register(close)
    return _writer


def flush_now() -> None:
    """Everything settled so far in this process, or left by ended ones, is in the database afterwards.

    Uses the connection of the calling thread, outside any transaction. Raises django.db.Error.
    """
    if _writer is not None:
        _writer.drain()
    replay_leftovers(_directory())


async def flush() -> None:
    """`flush_now` off the event loop."""
    await in_db(flush_now)


def close(seconds: float = _CLOSE_SECONDS) -> None:
    """Store what is settled, for at most `seconds`, and end the writer. The next `admit` begins a new one."""
    global _writer
    with _starting:
        writer, _writer = _writer, None
    if writer is not None:
        atexit.unregister(close)
        writer.close(seconds)


def _directory() -> Path:
    return Path(settings.DATA_DIR) / "journal"


def _forget_the_parents() -> None:
    """A forked child has no writer thread, and the journal is its parent's: it begins its own when it admits."""
    global _writer, _starting
    if _writer is not None:
        _writer.journal.abandon()
        _writer = None
    _starting = Lock()


os.register_at_fork(after_in_child=_forget_the_parents)
