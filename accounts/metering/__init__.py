"""Metering: every admitted request becomes exactly one usage record, whatever happens to the process.

`admit` an `admission` before the upstream is called, `settle` it by a `settlement` when the request has ended, whichever
way. Both append one line to the journal of this process and touch no database; a thread stores what was settled.
docs/usage.md tells the whole story.
"""

import atexit
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from django.conf import settings

from accounts.in_db import in_db
from accounts.live.traffic import traffic
from accounts.metering.journal import StorageUnavailable
from accounts.metering.leftovers import replay_leftovers
from accounts.metering.lines import (
    NO_COUNTS,
    Admission,
    Checkpoint,
    Settlement,
    TokenCounts,
    Tried,
    admission,
    settlement,
)
from accounts.metering.totals import Spent, spent
from accounts.metering.writer import Writer

__all__ = [
    "NO_COUNTS",
    "Admission",
    "Settlement",
    "Spent",
    "StorageUnavailable",
    "TokenCounts",
    "Tried",
    "admission",
    "admit",
    "checkpoint",
    "close",
    "flush",
    "flush_now",
    "is_behind",
    "settle",
    "settlement",
    "spent",
    "start",
]

_CLOSE_SECONDS = 3.0

Act: TypeAlias = Callable[[], None]

_writer: Writer | None = None
_starting = Lock()


def _at_once(act: Act) -> None:
    act()


def admit(admission: Admission) -> None:
    """Let a request in: it will have a usage record even if the process is killed right now.

    Call it before the first upstream call. Raises StorageUnavailable: then nothing may be sent upstream.
    """
    (_writer or start()).journal.admit(admission)


def checkpoint(admission: Admission, counts: TokenCounts) -> None:
    """Keep the counts so far of a long request: they are charged if the process is killed. Never raises."""
    if _writer is not None:
        _writer.journal.checkpoint(Checkpoint(admission.id, counts))


def settle(admission: Admission, settlement: Settlement, put_off: Callable[[Act], None] = _at_once) -> None:
    """End a request. The first settlement counts, later ones change nothing. Never raises and never waits.

    `put_off` calls what writes its line, or lines, before the client hears of the end: one append does for all that wait.
    """
    if _writer is not None:
        _writer.journal.settle(settlement)
        put_off(_writer.journal.write_owed)
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
