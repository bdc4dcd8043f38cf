"""Lets the batches of this event loop be looked at soon: a new one need not wait until somebody looks by itself."""

import asyncio
import contextlib
from weakref import WeakKeyDictionary

_told: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Event]" = WeakKeyDictionary()


def wake() -> None:
    """There is something to do."""
    _event().set()


async def nap(seconds: float) -> None:
    """Wait so long, or until there is something to do."""
    event = _event()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()


def _event() -> asyncio.Event:
    return _told.setdefault(asyncio.get_running_loop(), asyncio.Event())
