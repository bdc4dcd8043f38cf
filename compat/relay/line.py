"""Waiting in line for a slot of a full pool: first come, first served, and not too many."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

_LONGEST = 500


class Line:
    """The requests that wait for the same models."""

    def __init__(self) -> None:
        self._turns = asyncio.Lock()
        self._waiting = 0

    @property
    def is_busy(self) -> bool:
        """True while anybody waits."""
        return self._waiting > 0

    @asynccontextmanager
    async def turn(self, seconds: float) -> AsyncIterator[bool]:
        """Wait until everybody before has gone; False when that takes longer, or the line is too long to join."""
        if self._waiting >= _LONGEST or seconds <= 0:
            yield False
            return
        self._waiting += 1
        try:
            # An asyncio.Lock wakes its waiters in the order in which they came.
            async with asyncio.timeout(seconds):
                await self._turns.acquire()
        except TimeoutError:
            yield False
        else:
            try:
                yield True
            finally:
                self._turns.release()
        finally:
            self._waiting -= 1


_lines: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ...], Line]]" = WeakKeyDictionary()


def line_for(models: Sequence[str]) -> Line:
    """The line of these models in this event loop; lines that nobody stands in are dropped when there are many."""
    lines = _lines.setdefault(asyncio.get_running_loop(), {})
    if len(lines) > 200:
        for key in [key for key, line in lines.items() if not line.is_busy]:
            del lines[key]
    return lines.setdefault(tuple(models), Line())


def is_anybody_waiting(models: Sequence[str]) -> bool:
    """True while a request stands in a line for any of these models, in this event loop."""
    lines = _lines.get(asyncio.get_running_loop(), {})
    return any(line.is_busy and not set(models).isdisjoint(key) for key, line in lines.items())
