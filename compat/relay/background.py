"""Answers that go on when their client leaves: a pump each, the log of its events, and whoever listens to it."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable
from typing import Protocol
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import DatabaseError

from accounts.in_db import in_db
from accounts.stored import responses as stored
from accounts.stored.streams import Teller
from compat.errors import RateLimited
from compat.relay.job import Job
from compat.relay.pump import Pump, Writer
from compat.translation.sse import KEEP_ALIVE

MOST_OF_ONE_USER = 100
"""In one process."""
# So soon a cancellation is heard of that came to another process.
_BEAT_SECONDS = 5.0


class LoggedWriter(Writer, Protocol):
    """A writer of events that are numbered from 0, each ending with a blank line."""

    has_ended: bool
    """Whether the last event was written."""

    def cancelled(self) -> bytes:
        """The event that ends a stream which was cancelled."""


class Background:
    """One such answer. `ended` gets its events when it has ended, unless this process ends before it."""

    def __init__(
        self,
        response_id: str,
        job: Job,
        writer: LoggedWriter,
        state: Callable[[], bytes],
        ended: Callable[[bytes], None],
        *,
        streams: bool,
    ) -> None:
        self.id = response_id
        self.user_id = job.caller.user_id
        self.state = state
        """What is to be told of it now."""
        self.is_over = False
        self.stored: asyncio.Future[None] | None = None
        """Done when its beginning is in the database; None while nobody has asked for that."""
        self._log: list[bytes] = []
        # Streams alone can be read again.
        self._teller = Teller(response_id) if streams else None
        self._pump = Pump(job, writer)
        self._writer = writer
        self._ended = ended
        self._news = asyncio.Event()
        self._recording: asyncio.Task[None] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether anything has come."""
        return bool(self._log)

    async def begin(self) -> None:
        """Go on without whoever began it. Raises CompatError where it has failed already."""
        await self._pump.first(0)
        loop = asyncio.get_running_loop()
        self._recording = loop.create_task(self._record(), context=contextvars.Context())
        running[self.id] = self
        if loop not in _beats or _beats[loop].done():
            _beats[loop] = loop.create_task(_beat(), context=contextvars.Context())

    def cancel(self) -> None:
        """Stop the upstream calls: it ends as cancelled."""
        self._pump.abandon()

    async def events(self, after: int) -> AsyncIterator[bytes]:
        """The events behind that number, those to come as well; a sign of life after each silence."""
        told = after + 1
        while told < len(self._log) or not self.is_over:
            if told < len(self._log):
                fresh, told = self._log[told:], len(self._log)
                yield b"".join(fresh)
                continue
            try:
                async with asyncio.timeout(settings.KEEP_ALIVE_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                yield KEEP_ALIVE

    async def _record(self) -> None:
        try:
            async for data in self._pump.events():
                if data is not KEEP_ALIVE:
                    self._hear(data)
            if not self._writer.has_ended:
                self._hear(self._writer.cancelled())
            self._ended(b"".join(self._log))
        finally:
            del running[self.id]
            self.is_over = True
            self._news.set()

    def _hear(self, data: bytes) -> None:
        events = [event + b"\n\n" for event in data.split(b"\n\n") if event]
        self._log += events
        if self._teller is not None:
            self._teller.tell(events, is_last=self._writer.has_ended)
        self._news.set()
        self._news = asyncio.Event()


class Listener:
    """Events for one client, who may leave: nothing else ends with that."""

    is_cut = False

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        self._events = events

    def events(self) -> AsyncIterator[bytes]:
        """The events as they come."""
        return self._events

    def abandon(self) -> None:
        """The client has left."""


running: dict[str, Background] = {}
"""Those of this process, by the ids of their responses."""
_beats: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]]" = WeakKeyDictionary()


def require_room(user_id: int) -> None:
    """Raise RateLimited when as many of the user's run here as may."""
    if sum(run.user_id == user_id for run in running.values()) >= MOST_OF_ONE_USER:
        raise RateLimited(
            f"Too many responses run in the background: {MOST_OF_ONE_USER} at most. Wait for one to end.", 5
        )


async def _beat() -> None:
    """Say that they are worked on, and stop those that were cancelled or deleted elsewhere."""
    while running:
        await asyncio.sleep(_BEAT_SECONDS)
        known = [run for run in running.values() if run.stored is not None and run.stored.done()]
        try:
            wanted = await in_db(stored.still_running, [run.id for run in known])
        except DatabaseError:
            continue
        for run in known:
            if run.id not in wanted:
                run.cancel()
