"""The journals of processes that ended without emptying them: taken over, stored, removed."""

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from accounts.metering.journal import BATCH_ROWS
from accounts.metering.ledger import store
from accounts.metering.lines import read_lines

logger = logging.getLogger(__name__)


def replay_leftovers(directory: Path) -> int:
    """Store what the journals of ended processes in `directory` still owe: how many requests that were.

    A journal whose process lives is left to it. A replay that is cut off, or done twice, counts nothing twice.
    Raises django.db.Error; the file then stays for the next time.
    """
    stored = 0
    for path in sorted([*directory.glob("*.jsonl"), *directory.glob("*.new")]):
        try:
            with _taken_over(path) as taken:
                if taken:
                    stored += _replay(path)
        except OSError as error:
            logger.error("The usage journal %s cannot be replayed: %s.", path.name, error.strerror)  # noqa: TRY400
    return stored


def _replay(path: Path) -> int:
    if path.suffix == ".new":
        # A rotation that did not come to its end: all of it is still in the file it was to replace.
        path.unlink()
        return 0
    finished, unreadable = read_lines(path.read_bytes())
    for start in range(0, len(finished), BATCH_ROWS):
        store(finished[start : start + BATCH_ROWS])
    if unreadable:
        damaged = path.with_suffix(".damaged")
        logger.error("%d lines of a usage journal are unreadable; it is kept as %s.", unreadable, damaged.name)
        path.rename(damaged)
    else:
        path.unlink()
    return len(finished)


@contextlib.contextmanager
def _taken_over(path: Path) -> Iterator[bool]:
    """Hold the lock of a journal whose process has ended; False when it lives, or another took the file over."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            # Between opening and locking it, another process may have stored and removed it, or its owner rotated.
            yield os.fstat(file).st_nlink > 0
    finally:
        os.close(file)
