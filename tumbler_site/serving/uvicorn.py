"""uvicorn with the limits it lacks: deadlines for slow requests, for clients that take no answer, and JSON refusals."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tumbler_site.serving.draining import begin_draining, is_draining
from tumbler_site.serving.guard import guarded
from tumbler_site.serving.limits import Limits
from tumbler_site.serving.refusals import MALFORMED

logger = logging.getLogger("uvicorn.error")


def serve(application: Any, sock: socket.socket, limits: Limits, ready: Callable[[], None]) -> None:
    """Serve `application` on the listening `sock` until SIGTERM or SIGINT; running requests get their grace."""
    config = uvicorn.Config(
        guarded(application, limits),
        loop="uvloop",
        http=type("LimitedProtocol", (Protocol,), {"limits": limits}),
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=limits.backlog,
        ws_max_size=limits.websocket_bytes,
        timeout_keep_alive=round(limits.idle_seconds),
    )
    Server(config, limits, ready).run([sock])


class Server(uvicorn.Server):
    """uvicorn's server that ends with status 0, sweeps its connections, and is in a hurry when told twice."""

    def __init__(self, config: uvicorn.Config, limits: Limits, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.limits = limits
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept."""
        await super().startup(sockets)
        self.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; on the second signal cut what still runs. The base class would raise the signal again."""
        begin_draining()
        self.force_exit, self.should_exit = self.should_exit, True

    async def on_tick(self, counter: int) -> bool:
        """Once a second, drop the connections that are past their deadline."""
        if counter % 10 == 0:
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Protocol) and connection.due < now:
                    connection.transport.abort()
        return await super().on_tick(counter)

    async def _wait_tasks_to_complete(self) -> None:
        """Give running requests their grace, then close on them and let them settle, then cancel.

        uvicorn itself would cancel them twice within a moment, and so break into whatever they do last.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.grace_seconds):
                await super()._wait_tasks_to_complete()
        for connection in list(self.server_state.connections):
            connection.transport.close()
        if late := await self._still_running(self.limits.settle_seconds):
            logger.warning("%d requests were still running at the end and were cancelled.", len(late))
            for task in late:
                task.cancel()
            await self._still_running(1)

    async def _still_running(self, seconds: float) -> set[asyncio.Task[None]]:
        tasks = self.server_state.tasks
        return (await asyncio.wait(tasks, timeout=seconds))[1] if tasks else set()


NEVER = float("inf")
HEAD_BYTES = 64 * 1024


class Protocol(HttpToolsProtocol):
    """One connection; `due` is the time by which the client must have done what we wait for."""

    limits = Limits()
    due = NEVER
    head_bytes: int | None = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin with a deadline for the first request, and with a limit for a client that takes no answer."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=self.limits.unsent_bytes)
        self.flow = StallLimit(transport, self.limits.stall_seconds)
        self.due = time.monotonic() + self.limits.head_seconds

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which would take headers without end."""
        super().data_received(data)
        if self.head_bytes is not None:
            self.head_bytes += len(data)
            if self.head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        """A request begins: its headers must be whole in time."""
        super().on_message_begin()
        self.due = time.monotonic() + self.limits.head_seconds
        self.head_bytes = 0

    def on_headers_complete(self) -> None:
        """The headers are whole: now the body."""
        self.due = time.monotonic() + self.limits.body_seconds
        self.head_bytes = None
        super().on_headers_complete()
        if is_draining() and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A stretch of the body: it earns the client time."""
        self.due += len(body) / self.limits.body_rate
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: from here the time is ours."""
        self.due = NEVER
        super().on_message_complete()

    def shutdown(self) -> None:
        """Take no further request; but a connection that has not asked anything yet may be a moment old."""
        if self.cycle is None:
            self.loop.call_later(self.limits.newcomer_seconds, self.close_if_silent)
        else:
            super().shutdown()

    def close_if_silent(self) -> None:
        """Close a connection on which no request came."""
        if self.cycle is None:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """What the parser refuses, refused in OpenAI's envelope."""
        head = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(head % len(MALFORMED.body) + MALFORMED.body)
        self.transport.close()


class StallLimit(FlowControl):
    """Flow control that gives up on a client which takes none of its answer."""

    def __init__(self, transport: asyncio.Transport, stall_seconds: float) -> None:
        super().__init__(transport)
        self.stall_seconds = stall_seconds

    async def drain(self) -> None:
        """Wait until there is room again; abort the connection when nothing at all moved for the limit."""
        while not self._is_writable_event.is_set():
            unsent = self._transport.get_write_buffer_size()
            try:
                async with asyncio.timeout(self.stall_seconds):
                    await self._is_writable_event.wait()
            except TimeoutError:
                if self._transport.get_write_buffer_size() >= unsent:
                    logger.warning(
                        "A client took nothing of its answer for %g s; its connection was cut.", self.stall_seconds
                    )
                    self._transport.abort()
                    return
