"""Whether this process is on its way out: then it is alive but no longer ready."""

import asyncio
import threading
from typing import Any

_begun = threading.Event()
_background: list["asyncio.Task[Any]"] = []


def begin_draining() -> None:
    """Say that no new work is wanted here, and end what nobody waits for. There is no way back."""
    _begun.set()
    for task in _background:
        task.get_loop().call_soon_threadsafe(task.cancel)


def is_draining() -> bool:
    """True from SIGTERM on: readiness answers 503 meanwhile."""
    return _begun.is_set()


def ends_with_draining(task: "asyncio.Task[Any]") -> None:
    """The task is cancelled when no new work is wanted."""
    _background.append(task)
