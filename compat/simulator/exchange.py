"""One request and its answer over ASGI, with an eye on the client that leaves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, NoReturn, TypeAlias

from compat.simulator.refusals import Refused

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

Header: TypeAlias = tuple[bytes, bytes]

JSON = b"application/json; charset=UTF-8"
EVENT_STREAM = b"text/event-stream"
HTML = b"text/html; charset=UTF-8"
MOST_BODY_BYTES = 100 * 1024 * 1024
# The server may offer this ASGI extension: a function that ends the connection at once, by a reset if told so.
CLOSE_EXTENSION = "fakegemini.close"


class ClientLeft(Exception):
    """The client closed the connection before it had its answer."""


class ConnectionCut(Exception):
    """The simulator has ended the connection, or its server will when the application returns."""


class Exchange:
    """The request's parts one needs, and ways to answer: whole, piecemeal, late, cut or never."""

    __slots__ = ("_leaving", "_receive", "_send", "path", "query", "received", "scope", "status")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.status = 0
        self.received = 0
        """How many bytes of the body have come."""
        self._receive = receive
        self._send = send
        self._leaving: asyncio.Task[None] | None = None

    async def read_body(self) -> bytes:
        """The whole body; raises Refused when it is too large and ClientLeft when it ends early."""
        chunks, size = [], 0
        async for chunk in self.read_pieces():
            chunks.append(chunk)
            size += len(chunk)
            if size > MOST_BODY_BYTES:
                raise Refused(400, f"Request payload size exceeds the limit: {MOST_BODY_BYTES} bytes.")
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def read_pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, however long it is; raises ClientLeft when it ends early."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            more, piece = message.get("more_body", False), message.get("body", b"")
            self.received += len(piece)
            yield piece

    async def answer(self, status: int, body: bytes, content_type: bytes = JSON, *further: Header) -> None:
        """Send a whole answer, with further headers if any."""
        await self.start(status, content_type, len(body), *further)
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, content_type: bytes, length: int | None = None, *further: Header) -> None:
        """Send the head of an answer; without a length it will be chunked."""
        headers = [(b"content-type", content_type), (b"server", b"fakegemini"), *further]
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, chunk: bytes) -> None:
        """Send some bytes of a started answer; raises ClientLeft when that is known."""
        if self._leaving is not None and self._leaving.done():
            raise ClientLeft
        await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self) -> None:
        """End a started answer properly."""
        await self._send({"type": "http.response.body", "body": b""})

    async def pause(self, seconds: float | None) -> None:
        """Wait so long, or for ever; raises ClientLeft as soon as the client has gone."""
        done, _ = await asyncio.wait({self.watch()}, timeout=seconds)
        if done:
            raise ClientLeft

    def watch(self) -> asyncio.Task[None]:
        """Listen for the client's leaving from now on; the body must have been read. The task ends when it leaves."""
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._wait_for_leaving())
        return self._leaving

    async def cut(self, *, reset: bool = False) -> NoReturn:
        """End the connection with what has been sent so far, or with a TCP reset; raises ConnectionCut."""
        close = self.scope.get("extensions", {}).get(CLOSE_EXTENSION)
        if close is not None:
            close(reset)
            with suppress(ClientLeft):
                await self.pause(5)
        raise ConnectionCut

    def close(self) -> None:
        """Stop listening; the exchange is over."""
        if self._leaving is not None:
            self._leaving.cancel()

    async def _wait_for_leaving(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
