"""Whether this process is on its way out: then it is alive but no longer ready."""

import threading

_begun = threading.Event()


def begin_draining() -> None:
    """Say that no new work is wanted here. There is no way back."""
    _begun.set()


def is_draining() -> bool:
    """True from SIGTERM on: readiness answers 503 meanwhile."""
    return _begun.is_set()
