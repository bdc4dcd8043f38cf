"""uvicorn with the limits it lacks: deadlines for slow requests, for clients that take no answer, and JSON refusals."""

import asyncio
import contextlib
import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from types import FrameType
from typing import Any
from urllib.parse import unquote

import httptools
import uvicorn
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from compat.answers import HEADERS_IN_TEXT
from compat.turns import TurnTransport, turn
from tumbler_site.serving.draining import begin_draining, is_draining
from tumbler_site.serving.exchange import Exchange
from tumbler_site.serving.guard import guarded
from tumbler_site.serving.limits import Limits
from tumbler_site.serving.neighbours import Sockets, waiting
from tumbler_site.serving.refusals import MALFORMED

logger = logging.getLogger("uvicorn.error")


def serve(application: Any, sockets: Sockets, limits: Limits, ready: Callable[[], None]) -> None:
    """Serve `application` on its own socket until SIGTERM or SIGINT; running requests get their grace."""
    config = uvicorn.Config(
        guarded(application, limits),
        loop="uvloop",
        http=partial(Protocol, limits),  # type: ignore[arg-type]
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=limits.backlog,
        ws_max_size=limits.websocket_bytes,
    )
    Server(config, sockets.neighbours, limits, ready).run([sockets.own])


class Server(uvicorn.Server):
    """uvicorn's server that ends with status 0, sweeps its connections, and is in a hurry when told twice."""

    def __init__(
        self, config: uvicorn.Config, neighbours: Sequence[socket.socket], limits: Limits, ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.neighbours = neighbours
        self.limits = limits
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, unless told meanwhile to end."""
        turn().tells_clients = True
        await super().startup(sockets)
        if is_draining():
            self.should_exit = True
        else:
            self.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; on the second signal cut what still runs. The base class would raise the signal again."""
        begin_draining(self.limits)
        self.force_exit, self.should_exit = self.should_exit, True

    async def on_tick(self, counter: int) -> bool:
        """Every LOOK_SECONDS take who waits at a neighbour's; once a second drop connections that are past their deadline."""
        for client in waiting(self.neighbours):
            await asyncio.get_running_loop().connect_accepted_socket(self.new_connection, client)
        if counter % 10 == 0:
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Protocol) and connection.due < now:
                    connection.expire()
        return await super().on_tick(counter)

    def new_connection(self) -> asyncio.Protocol:
        """The protocol of a connection that uvicorn has not accepted itself."""
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, at no socket, and end."""
        await super().shutdown([*(sockets or []), *self.neighbours])

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
_SHORT_URL = 200
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_EXTENSIONS: dict[str, Any] = {HEADERS_IN_TEXT: {}}


class Protocol(HttpToolsProtocol):
    """One connection; `due` is the time by which the client must have done what we wait for."""

    scope: dict[str, Any]  # type: ignore[assignment]
    cycle: Exchange | None  # type: ignore[assignment]

    def __init__(self, limits: Limits, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self.limits = limits
        self.due = NEVER
        self.head_bytes: int | None = 0
        self.now = 0.0
        """When the bytes came that are read."""
        self.upgrades = False
        """Whether the request that is read wants to go on as a WebSocket."""
        self.is_idle = False
        """Whether the last answer is out and no other request has begun."""
        self.open: deque[Exchange] = deque()
        """The requests whose answers are not out, in order: the first is being answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin with a deadline for the first request, and with a limit for a client that takes no answer."""
        transport = TurnTransport(transport)
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=self.limits.unsent_bytes)
        self.flow = StallLimit(transport, self.limits.stall_seconds)
        self.now = time.monotonic()
        self.due = self.now + self.limits.head_seconds

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which would take headers without end."""
        self.now = time.monotonic()
        # Not super().data_received(): it looks for a timer that nobody sets here.
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self.upgrades:
                self.handle_websocket_upgrade()
            else:
                self._unsupported_upgrade_warning()
        except httptools.HttpParserError:
            logger.warning("Invalid HTTP request received.")
            self.send_400_response("Invalid HTTP request received.")
        if self.head_bytes is not None:
            self.head_bytes += len(data)
            if self.head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        """A request begins: its headers must be whole in time."""
        self.url = b""
        self.headers = []
        self.is_idle = False
        self.due = NEVER if len(self.open) > 1 else self.now + self.limits.head_seconds
        self.head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is whole."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The headers are whole: now the body, and the app may begin."""
        self.due = self.now + self.limits.body_seconds
        self.head_bytes = None
        parser, version = self.parser, self.parser.get_http_version()
        path, raw_path, query = _target(self.url) if len(self.url) <= _SHORT_URL else _parsed(self.url)
        self.scope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "scheme": self.scheme,
            "path": path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "client": self.client,
            "server": self.server,
            "extensions": _EXTENSIONS,
        }
        self.upgrades = bool(parser.should_upgrade() and self._should_upgrade())
        if self.upgrades:
            if self.open:
                raise ValueError("No WebSocket begins within an answer.")
            return
        self.cycle = Exchange(
            self.scope,
            self.transport,
            self.flow,
            self.on_response_complete,
            keep_alive=version != "1.0" and parser.should_keep_alive() and not is_draining(),
        )
        self.open.append(self.cycle)
        if len(self.open) == 1:
            self.cycle.run(self.loop, self.app, self.tasks)
        elif len(self.open) <= self.limits.pipelined:
            # The answer before it is not finished: no more is read until then, and nothing can be late.
            self.flow.pause_reading()
            self.due = NEVER
        else:
            self.transport.abort()

    def on_body(self, body: bytes) -> None:
        """A stretch of the body: it earns the client time."""
        cycle = self.cycle
        if self.upgrades or cycle is None or cycle.response_complete:
            return
        self.due += len(body) / self.limits.body_rate
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.tell()

    def on_message_complete(self) -> None:
        """The request is whole: from here the time is ours, unless its answer is out already."""
        self.due = NEVER
        cycle = self.cycle
        if self.upgrades or cycle is None:
            return
        if cycle.response_complete:
            self.rest()
            return
        cycle.more_body = False
        cycle.tell()

    def on_response_complete(self) -> None:
        """The answer is out: the next request may begin, or must come in time."""
        self.server_state.total_requests += 1
        self.open.popleft()
        if self.transport.is_closing():
            return
        if self.open:
            if len(self.open) == 1:
                self.due = self.due_again()
            self.open[0].run(self.loop, self.app, self.tasks)
            return
        self.flow.resume_reading()
        if self.due == NEVER:
            self.rest()

    def due_again(self) -> float:
        """By when the client must have sent what it has begun, now that nothing ahead of it keeps us from reading on."""
        if self.head_bytes is not None:
            return time.monotonic() + self.limits.head_seconds
        is_whole = self.cycle is None or not self.cycle.more_body
        return NEVER if is_whole else time.monotonic() + self.limits.body_seconds

    def rest(self) -> None:
        """Nothing is to be heard of the last request, or told: the next must come in time."""
        self.due = time.monotonic() + self.limits.idle_seconds
        self.is_idle = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request of it: nobody waits for any of their answers."""
        for cycle in self.open:
            cycle.disconnected = True
            cycle.tell()
        self.open.clear()
        self.cycle = None
        super().connection_lost(exc)

    def expire(self) -> None:
        """Close a connection on which nothing is asked, when all of its last answer is out; cut one that keeps us waiting."""
        if self.is_idle:
            self.transport.close()
        else:
            self.transport.abort()

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
        """What the parser refuses, in OpenAI's envelope; no word where that would be taken for another request's answer."""
        if self.open and not (len(self.open) == 1 and self.open[0].is_untold):
            self.transport.close()
            return
        self.transport.write(MALFORMED.written())
        self.transport.close()


def _parsed(url: bytes) -> tuple[str, bytes, bytes]:
    """The path, the path as it came, and the query of a request's target. Raises httptools.HttpParserInvalidURLError."""
    parts = httptools.parse_url(url)
    raw: bytes = parts.path
    path = raw.decode("ascii")
    return unquote(path) if "%" in path else path, raw, parts.query or b""


_target = lru_cache(maxsize=256)(_parsed)
"""The same for short ones: most requests ask for one of a few."""


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
