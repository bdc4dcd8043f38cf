"""The usage journal: one file a process, a line when a request is admitted and one when it is settled."""

import contextlib
import errno
import fcntl
import logging
import os
import uuid
from collections import deque
from itertools import islice
from pathlib import Path
from threading import Event, Lock

from accounts.metering.lines import Admission, Checkpoint, Finished, Mark, Settlement, to_bytes

logger = logging.getLogger(__name__)

BATCH_ROWS = 500
# So many settled requests may wait for an absent database: about 60 MB of journal and 150 MB of memory.
BACKLOG_LIMIT = 200_000
# A file that has grown by this much is written anew, with only what is still owed in it.
ROTATE_BYTES = 1 << 20


class StorageUnavailable(Exception):
    """Usage cannot be kept at the moment, so no request may be admitted."""


class Journal:
    """The journal file of this process, and in memory what in it the database does not have yet.

    Each append is unbuffered, so a line outlives the process the moment that `admit`, `settle` or `write_owed` returns. The
    file is locked (flock) as long as this process lives: whoever gets the lock knows that its owner has ended.
    """

    def __init__(self, directory: Path) -> None:
        """Begin a new file in `directory`, which is made when it is missing. Raises OSError."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self.some_settled = Event()
        self.batch_settled = Event()
        self._lock = Lock()
        self._path, self._file = _begin_file(directory)
        self._size_at_start = 0
        self._owed = b""
        """Lines of settlements that are not in the file yet."""
        self._write_failed = False
        self._unfinished: dict[str, tuple[Admission, Checkpoint | None]] = {}
        self._settled: deque[Finished] = deque()

    @property
    def waiting(self) -> int:
        """How many settled requests the database does not have yet."""
        return len(self._settled)

    def admit(self, admission: Admission) -> None:
        """Append the line. Raises StorageUnavailable when it cannot be kept, or too much waits for the database."""
        line = to_bytes(admission)
        with self._lock:
            if len(self._settled) >= BACKLOG_LIMIT:
                raise StorageUnavailable("Too much usage waits for the database.")
            try:
                self._append(line)
            except OSError as error:
                self._note_failure(error)
                raise StorageUnavailable("The usage journal cannot be written.") from None
            self._unfinished[admission.id] = (admission, None)

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep the counts so far of an unfinished request. Never raises: a later checkpoint or the end tells more."""
        line = to_bytes(checkpoint)
        with self._lock:
            admission, _ = self._unfinished.get(checkpoint.id, (None, None))
            if admission is not None:
                self._unfinished[checkpoint.id] = (admission, checkpoint)
                with contextlib.suppress(OSError):
                    self._append(line)

    def settle(self, settlement: Settlement) -> None:
        """End a request; a second settlement of it changes nothing. Never raises.

        Its line waits for the next one, or for `write_owed`: that is to be called before anybody hears of this end.
        """
        line = to_bytes(settlement)
        with self._lock:
            admission, _ = self._unfinished.pop(settlement.id, (None, None))
            if admission is None:
                return
            self._settled.append((admission, settlement))
            self._owed += line
            waiting = len(self._settled)
        if waiting == 1:
            self.some_settled.set()
        elif waiting == BATCH_ROWS:
            self.batch_settled.set()

    def write_owed(self) -> None:
        """Append the lines that wait, all in one piece. Never raises: what cannot be written now goes out with the next."""
        if self._owed:
            with self._lock:
                self._write_owed()

    def batch(self) -> list[Finished]:
        """The oldest settled requests that the database does not have yet, at most BATCH_ROWS."""
        with self._lock:
            return list(islice(self._settled, BATCH_ROWS))

    def forget(self, batch: list[Finished]) -> None:
        """The database has `batch`, the one that `batch()` gave last: a mark in the file says so.

        Without the mark a replay would ask the database for each id. With it, records that were purged in the
        meantime are not taken for new ones.
        """
        with self._lock:
            for _ in batch:
                self._settled.popleft()
            with contextlib.suppress(OSError):
                self._append(to_bytes(Mark(batch[-1][0].id)))

    def rotate_when_grown(self) -> None:
        """Keep the file small: what is still owed is written to a new file that takes its place in one step.

        Without space for the new file the old one stays.
        """
        draft = self._path.with_suffix(".new")
        try:
            if self._size() < self._size_at_start + ROTATE_BYTES:
                return
            fresh = _create_locked(draft)
        except OSError:
            return
        with self._lock:
            content = self._still_owed()
            try:
                complete = os.write(fresh, content) == len(content)
                if complete:
                    os.rename(draft, self._path)
            except OSError:
                complete = False
            if complete:
                fresh, self._file = self._file, fresh
                self._size_at_start = len(content)
                self._owed = b""
        if not complete:
            draft.unlink(missing_ok=True)
        os.close(fresh)

    def close(self) -> None:
        """Give the file up; it is removed unless somebody will have to replay it."""
        with self._lock:
            self._write_owed()
            if not self._unfinished and not self._settled:
                self._path.unlink(missing_ok=True)
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file and leave it as it is. In a forked child the parent's lock on it stays."""
        os.close(self._file)
        # The number may soon be another file's: a late line must fail, not land there.
        self._file = -1

    def _write_owed(self) -> None:
        if self._owed:
            try:
                self._append(b"")
            except OSError as error:
                self._note_failure(error)

    def _append(self, line: bytes) -> None:
        """Write what is owed and `line` in one append, or nothing. Raises OSError."""
        content = self._owed + line
        written = os.write(self._file, content)
        if written != len(content):
            # The disk filled up midway. Only the last line of a journal may be torn, so the piece goes.
            os.ftruncate(self._file, self._size() - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._owed, self._write_failed = b"", False

    def _size(self) -> int:
        return os.fstat(self._file).st_size

    def _still_owed(self) -> bytes:
        lines: list[bytes] = []
        for admission, settlement in self._settled:
            lines += (to_bytes(admission), to_bytes(settlement))
        for admission, checkpoint in self._unfinished.values():
            lines.append(to_bytes(admission))
            if checkpoint is not None:
                lines.append(to_bytes(checkpoint))
        return b"".join(lines)

    def _note_failure(self, error: OSError) -> None:
        if not self._write_failed:
            self._write_failed = True
            logger.error("The usage journal cannot be written, no request is admitted: %s", error.strerror or error)


def _begin_file(directory: Path) -> tuple[Path, int]:
    """A new locked file of this process: its path and file descriptor. Raises OSError."""
    while True:
        path = directory / f"{os.getpid()}-{uuid.uuid4().hex}.jsonl"
        # A process that replays may come between making and locking it, take it for a leftover and remove it.
        with contextlib.suppress(BlockingIOError):
            file = _create_locked(path)
            if os.fstat(file).st_nlink:
                return path, file
            os.close(file)


def _create_locked(path: Path) -> int:
    """The descriptor of a new file, open for appending and locked. Raises OSError."""
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file
