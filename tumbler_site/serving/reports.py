"""Where the workers of one start report what they did: a directory that is gone with their supervisor."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "workers-"


@contextlib.contextmanager
def report_directory(parent: Path) -> Iterator[Path]:
    """A new directory in `parent` for the reports of one start. Those that killed supervisors left there are removed.

    It is locked (flock) as long as its supervisor lives, and so is `parent` while one is made: no other start takes it for
    a leftover.
    """
    with contextlib.ExitStack() as held:
        with _locked(parent):
            _remove_leftovers(parent)
            directory = Path(tempfile.mkdtemp(dir=parent, prefix=_PREFIX))
            held.enter_context(_locked(directory))
        held.callback(shutil.rmtree, directory, ignore_errors=True)
        yield directory


def _remove_leftovers(parent: Path) -> None:
    for directory in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), _locked(directory, fcntl.LOCK_NB):
            shutil.rmtree(directory)


@contextlib.contextmanager
def _locked(directory: Path, wait: int = 0) -> Iterator[None]:
    """Hold the lock of a directory."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | wait)
        yield
    finally:
        os.close(handle)
