"""Whether this process is on its way out: then it is alive but no longer ready, and gone in time whatever holds it up."""

import asyncio
import faulthandler
import time
from typing import Any

from tumbler_site.serving.limits import Limits

_STANDARD_ERROR = 2  # the descriptor: what holds the process up may be Python's own stream

_begun = False
_due = float("inf")
_background: list["asyncio.Task[Any]"] = []


def begin_draining(limits: Limits) -> None:
    """Say that no new work is wanted here, and end what nobody waits for. There is no way back; told twice, it hurries.

    It is for handlers of signals, which may come in the midst of one another: so it takes no lock.
    """
    global _begun
    end_within(limits.hurried_seconds if _begun else limits.end_seconds)
    _begun = True
    for task in _background:
        task.get_loop().call_soon_threadsafe(task.cancel)


def is_draining() -> bool:
    """True from SIGTERM on: readiness answers 503 meanwhile."""
    return _begun


def ends_with_draining(task: "asyncio.Task[Any]") -> None:
    """The task is cancelled when no new work is wanted."""
    _background.append(task)
    if _begun:
        task.cancel()


def end_within(seconds: float) -> None:
    """Have this process gone in so many seconds at the latest, and not later than was said before.

    If it comes to that, its status is 1 and it says on standard error where each of its threads was: in a driver that
    waits for a silent database, as a rule.
    """
    global _due
    due = time.monotonic() + seconds
    if due < _due:
        _due = due
        faulthandler.dump_traceback_later(seconds, file=_STANDARD_ERROR, exit=True)
