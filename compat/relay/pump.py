"""Streamed answers: one task a request owns its upstream calls and its account, whatever becomes of the response."""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Awaitable
from typing import Any, NamedTuple, Protocol

from django.conf import settings

from accounts import pool
from compat.errors import CompatError, InternalError, UpstreamError, from_refusal
from compat.gemini.client import ReplyStream
from compat.gemini.failures import CUT_OFF, EMPTY, Facts, GeminiFailure
from compat.relay.attempts import Attempts
from compat.relay.calls import Call
from compat.relay.channel import Channel
from compat.relay.job import CLIENT_LEFT, Job
from compat.relay.open_streams import open_streams
from compat.relay.telling import client_error
from compat.relay.upstream import gemini
from compat.relay.whole import refuse_blocked
from compat.schemas.gemini import Reply
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.refusals import Untranslatable
from compat.translation.sse import KEEP_ALIVE
from compat.translation.substance import is_finished, reasons
from compat.translation.usage import NO_USAGE, Usage

logger = logging.getLogger(__name__)


Events = bytes | Awaitable[bytes]
"""Events, or what will be some: where making them takes so long that it is done off the event loop."""


class Writer(Protocol):
    """What turns replies into the events of one dialect."""

    def read(self, first_choice: int, reply: Reply) -> Events:
        """The events that a reply adds."""

    def close(self, usage: Usage) -> Events:
        """The events that end the stream; EmptyAnswer when nothing came."""

    def error(self, error: dict[str, Any], status: int) -> bytes:
        """The event that ends a stream which broke, of an error that would have had this status.

        b"" where a client cannot be told: its connection is cut, so that nobody takes the half for the whole.
        """

    def unfinished(self) -> bool:
        """True when the stream was cut off."""

    @property
    def text_length(self) -> int:
        """Characters of text so far."""


class _Opened(NamedTuple):
    """A stream whose first replies are in hand."""

    stream: ReplyStream
    replies: list[Reply]


class Pump:
    """Reads upstream, writes events into a channel, settles in every ending."""

    keep_alive = KEEP_ALIVE
    """What is sent in a silence; a dialect that knows no comments has another, or none."""

    def __init__(self, job: Job, writer: Writer) -> None:
        self._job = job
        self._writer = writer
        self._channel = Channel()
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopped: CompatError | None = None
        self.is_cut = False
        """True when the response is to end as a broken one: there was no other way to tell the client."""
        self.caller = job.caller
        # A context of its own: what the request's context holds must not outlive it here.
        self._task = asyncio.get_running_loop().create_task(self._run(), context=contextvars.Context())
        open_streams.add(self)

    async def first(self, seconds: float | None) -> None:
        """Wait for the first events, at most so many seconds if any. Raises CompatError when the request failed before them."""
        try:
            await asyncio.wait((self._first,), timeout=seconds)
        except asyncio.CancelledError:
            self.abandon()
            raise
        if not self._first.done():
            # The response begins without them: what goes wrong from now on is an event in it.
            self._first.set_result(None)
        self._first.result()

    def abandon(self) -> None:
        """The response is over, read or not: stop the upstream calls."""
        self._task.cancel()

    def stop(self, error: CompatError) -> None:
        """End with this error: stop the upstream calls, tell the client, account for what was sent."""
        self._stopped = error
        self._task.cancel()

    async def events(self) -> AsyncIterator[bytes]:
        """The events as they come, several at once when they wait; a sign of life after each silence."""
        try:
            while (data := await self._channel.get(settings.KEEP_ALIVE_SECONDS)) is not None:
                if events := data or self.keep_alive:
                    yield events
        finally:
            self.abandon()

    async def _run(self) -> None:
        job, error, status = self._job, None, 200
        try:
            await self._read_calls()
            self._put(await _made(self._writer.close(job.estimated(self._writer.text_length))))
        except asyncio.CancelledError:
            if self._stopped is None:
                status = CLIENT_LEFT
                raise
            error = self._stopped
        except BaseExceptionGroup as group:
            error = _client_error(group, job)
        except Exception as found:  # noqa: BLE001 (whatever it is, the client must be told and the account closed)
            error = _client_error(found, job)
        finally:
            open_streams.remove(self)
            job.settle(status, error, characters=self._writer.text_length)
            self._end(error)

    def _end(self, error: CompatError | None) -> None:
        if error is not None and not self._first.done():
            self._first.set_exception(error)
            self._first.exception()  # read once, so that nobody complains when the client has left
        elif error is not None:
            events = self._writer.error(error.body(), error.status)
            self.is_cut = not events
            self._put(events)
        self._channel.close()
        if not self._first.done():
            self._first.set_result(None)

    async def _read_calls(self) -> None:
        calls = self._job.calls
        if len(calls) == 1:
            await self._read_call(calls[0])
        else:
            async with asyncio.TaskGroup() as group:
                for call in calls:
                    group.create_task(self._read_call(call))
        if self._writer.unfinished():
            raise GeminiFailure(CUT_OFF, Facts(502))

    async def _read_call(self, call: Call) -> None:
        opened, lease = await Attempts(self._job, call, self._open).first_success()
        usage = NO_USAGE
        try:
            replies: list[Reply] | None = opened.replies
            while replies is not None:
                usage = _counted(usage, replies)
                self._job.heard(call, usage, lease)
                await self._write(call, replies)
                replies.clear()  # they are not held while the next are waited for
                await self._channel.room()
                replies = await opened.stream.read()
        finally:
            pool.give_back(lease, *usage.totals())
            opened.stream.close()

    async def _write(self, call: Call, replies: list[Reply]) -> None:
        events = b""
        for reply in replies:
            events += await _made(self._writer.read(call.first_choice, reply))
        self._put(events)

    def _put(self, events: bytes) -> None:
        if not events:
            return
        self._channel.put(events)
        if not self._first.done():
            self._first.set_result(None)

    async def _open(self, model: str, key: str, body: bytes) -> _Opened:
        """Open a stream and read on until it says something: until then another key may still take over unseen."""
        stream = await gemini().stream(model, key, body)
        try:
            return _Opened(stream, await self._beginning(stream))
        except BaseException:
            stream.close()
            raise

    async def _beginning(self, stream: ReplyStream) -> list[Reply]:
        replies: list[Reply] = []
        while (more := await stream.read()) is not None:
            replies += more
            if any(self._job.says_something(reply) or reasons(reply) for reply in more):
                return replies
            refuse_blocked(self._job, more[0])
        # An end without anything to show: of a whole answer that is empty, or of one that was cut off.
        raise GeminiFailure(EMPTY if any(is_finished(reply) for reply in replies) else CUT_OFF, Facts(502))


def _counted(usage: Usage, replies: list[Reply]) -> Usage:
    for reply in replies:
        usage = usage.merged(reply.usageMetadata)
    return usage


async def open_stream(job: Job, writer: Writer, keep_alive: bytes = KEEP_ALIVE) -> Pump:
    """A pump whose first events are in hand, or that has been silent for as long as a keep-alive comment waits.

    Raises CompatError: nothing has been sent yet, so the client gets a true status.
    """
    pump = Pump(job, writer)
    pump.keep_alive = keep_alive
    await pump.first(settings.KEEP_ALIVE_SECONDS if keep_alive else None)
    return pump


async def _made(events: Events) -> bytes:
    return events if isinstance(events, bytes) else await events


def _client_error(found: BaseException, job: Job) -> CompatError:
    """The client's error for whatever ended the pump; of several, the first."""
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    if isinstance(found, CompatError):
        return found
    if isinstance(found, GeminiFailure):
        return client_error(found, job.model)
    if isinstance(found, Untranslatable):
        return from_refusal(found)
    if isinstance(found, EmptyAnswer):
        return UpstreamError(f"{job.model} gave no usable answer (empty).")
    logger.error("a stream broke", exc_info=found)
    return InternalError("The server had an error while processing your request.")
