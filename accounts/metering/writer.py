"""The writer: a thread that moves settled requests from the journal into the database, off the request's path."""

import contextlib
import logging
import time
from pathlib import Path
from threading import Event, Lock, Thread

from django.db import DatabaseError, InterfaceError, connection

from accounts.metering.journal import BATCH_ROWS, Journal
from accounts.metering.ledger import store
from accounts.metering.leftovers import replay_leftovers
from accounts.purging import purge_some

logger = logging.getLogger(__name__)

# A batch is stored when it is full or its first request has waited so long.
BATCH_SECONDS = 0.5
# So long after the last request the thread gives its database connection back,
IDLE_SECONDS = 10.0
# and so often it looks whether another process ended and left its journal behind.
LEFTOVERS_SECONDS = 60.0
# So often it looks for what is older than it is to be, and then deletes range by range.
PURGE_SECONDS = 60 * 60.0
# Not at the start, when there is enough to do.
FIRST_PURGE_SECONDS = 60.0
# While the database is away it is tried again after twice the time before, at most this.
LONGEST_PAUSE = 10.0


class Writer:
    """One journal's way into the database. `drain` may be called from any thread; `start` gives it one of its own."""

    def __init__(self, directory: Path) -> None:
        """Begin a journal in `directory`. Raises OSError."""
        self.journal = Journal(directory)
        self._draining = Lock()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="usage-writer", daemon=True)
        self._leftovers_due = 0.0
        self._purge_due = time.monotonic() + FIRST_PURGE_SECONDS
        self._pause = 0.0

    @property
    def is_behind(self) -> bool:
        """True while the database takes no records, so that they wait in the journal."""
        return self._pause > 0

    def start(self) -> None:
        """Let the thread run. It begins with the journals that ended processes left."""
        self._thread.start()

    def drain(self) -> None:
        """Everything settled so far is in the database afterwards. Raises django.db.Error."""
        with self._draining:
            rest = self.journal.waiting
            while rest > 0:
                batch = self.journal.batch()
                store(batch)
                self.journal.forget(batch)
                rest -= len(batch)
            self.journal.rotate_when_grown()

    def close(self, seconds: float) -> None:
        """Drain once more, for at most `seconds`, and end. What does not get through stays in the file for a replay."""
        self._stopping.set()
        self.journal.some_settled.set()
        self.journal.batch_settled.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        self.journal.close()

    def _run(self) -> None:
        while True:
            stopping = self._stopping.is_set()
            try:
                self._one_round()
            except Exception as error:  # noqa: BLE001 - whatever it is, the records are safe and the next round may do
                self._note_failure(error)
            else:
                if self._pause:
                    self._pause = 0.0
                    logger.warning("The database is back, usage records are stored again.")
            if stopping:
                connection.close()
                return
            self._rest()

    def _one_round(self) -> None:
        self.journal.write_owed()
        self.drain()
        now = time.monotonic()
        if now >= self._leftovers_due:
            replay_leftovers(self.journal.directory)
            self._leftovers_due = now + LEFTOVERS_SECONDS
        if now >= self._purge_due:
            self._purge_due = now if purge_some() else now + PURGE_SECONDS

    def _rest(self) -> None:
        """Sleep until there is something to do: no wake-up for nothing but one a minute."""
        if self._pause:
            self._stopping.wait(self._pause)
            return
        self.journal.some_settled.clear()
        self.journal.batch_settled.clear()
        if self._stopping.is_set():
            return  # `close` may have set the two events before they were cleared
        if not self.journal.waiting and not self.journal.some_settled.wait(IDLE_SECONDS):
            connection.close()
            self.journal.some_settled.wait(LEFTOVERS_SECONDS)
        if self.journal.waiting < BATCH_ROWS:
            self.journal.batch_settled.wait(BATCH_SECONDS)

    def _note_failure(self, error: Exception) -> None:
        if not self._pause:
            expected = isinstance(error, (DatabaseError, InterfaceError))
            logger.warning(
                "The database takes no usage records (%s); they wait in the journal.",
                type(error).__name__,
                exc_info=None if expected else error,
            )
        self._pause = min(max(self._pause * 2, BATCH_SECONDS), LONGEST_PAUSE)
        # A connection that failed may be dead, and would fail again.
        with contextlib.suppress(DatabaseError, InterfaceError):
            connection.close()
