"""Waiting in line for a slot of a full pool: first come, first served, and not too many."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

_LONGEST = 500


class _Line:
    """The requests that wait for the same models."""

    def __init__(self) -> None:
        self.turns = asyncio.Lock()
        self.waiting = 0


_lines: dict[tuple[asyncio.AbstractEventLoop, tuple[str, ...]], _Line] = {}
"""Those that somebody stands in."""


@asynccontextmanager
async def turn(models: Sequence[str], seconds: float) -> AsyncIterator[bool]:
    """Wait in the line of these models until everybody before has gone.

    False when that takes longer, or the line is too long to join.
    """
    key = asyncio.get_running_loop(), tuple(models)
    line = _lines.get(key) or _Line()
    if line.waiting >= _LONGEST or seconds <= 0:
        yield False
        return
    _lines[key] = line
    line.waiting += 1
    try:
        # An asyncio.Lock wakes its waiters in the order in which they came.
        async with asyncio.timeout(seconds):
            await line.turns.acquire()
    except TimeoutError:
        yield False
    else:
        try:
            yield True
        finally:
            line.turns.release()
    finally:
        line.waiting -= 1
        if not line.waiting:
            del _lines[key]


def is_line(models: Sequence[str]) -> bool:
    """True while anybody stands in the line of these models, in this event loop."""
    return bool(_lines) and (asyncio.get_running_loop(), tuple(models)) in _lines


def is_anybody_waiting(models: Sequence[str]) -> bool:
    """True while a request stands in a line for any of these models, in this event loop."""
    here = asyncio.get_running_loop()
    return any(loop is here and not set(models).isdisjoint(asked) for loop, asked in _lines)
