"""Failed attempts: how often an address, or the prefix of a token, may be wrong in a minute before nobody looks any more.

They are counted in memory, each process for itself. Tokens that were good a while ago are not held up by others' mistakes.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from accounts.limits.windows import MINUTE, Window

PER_ADDRESS = 30
PER_PREFIX = 10
# So many of one address are looked up at once; of a flood the others wait, and find the limit reached.
AT_ONCE = 8
_REMEMBERED_AT_MOST = 10_000


class TooManyFailures(Exception):
    """The database is not to be asked about this token now; `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = wait


_failures: dict[str, Window] = {}
_gates: dict[str, tuple[asyncio.Semaphore, list[None]]] = {}


@asynccontextmanager
async def attempt(address: str, prefix: str) -> AsyncIterator[Callable[[], None]]:
    """Around a look-up of a token: gives what to call when it failed. Raises TooManyFailures."""
    gate, inside = _gates.setdefault(address, (asyncio.Semaphore(AT_ONCE), []))
    inside.append(None)
    try:
        async with gate:
            _refuse_at(f"address {address}", PER_ADDRESS)
            _refuse_at(f"prefix {prefix}", PER_PREFIX)
            yield lambda: _count(f"address {address}", f"prefix {prefix}")
    finally:
        inside.pop()
        if not inside:
            # A gate belongs to an event loop: the next comer makes a new one.
            _gates.pop(address, None)


def forget() -> None:
    """Forget every failure: for tests."""
    _failures.clear()


def _refuse_at(name: str, limit: int) -> None:
    window = _failures.get(name)
    now = time.monotonic()
    if window is not None:
        window.slide(now)
        if window.total >= limit:
            raise TooManyFailures(window.wait(window.total - limit + 1, now) or 0.0)


def _count(*names: str) -> None:
    now = time.monotonic()
    for name in names:
        window = _failures.pop(name, None) or Window(MINUTE)
        while len(_failures) >= _REMEMBERED_AT_MOST:
            del _failures[next(iter(_failures))]
        _failures[name] = window
        window.slide(now)
        window.add(1, now)
