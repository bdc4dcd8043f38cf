"""The connection of a scripted server: requests come in whole, every byte of an answer is the test's."""

import asyncio
import json
import re
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

_PATH = re.compile(r"/v1beta/models(?:/([^:/?]+))?(?::(\w+))?(?:\?(.*))?")
_REASONS = {200: "OK", 301: "Moved Permanently", 307: "Temporary Redirect"}
_RST = struct.pack("ii", 1, 0)


@dataclass
class Call:
    """One request as it came in, and what became of its connection."""

    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    model: str = ""
    method: str = ""
    began: float = field(default_factory=time.monotonic)
    left: float | None = None
    """The monotonic time at which the peer closed the connection before the answer was whole; None if it did not."""
    answered: bool = False

    @property
    def key(self) -> str:
        return self.headers.get("x-goog-api-key", "")

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def streamed(self) -> bool:
        return self.method == "streamGenerateContent"


class PeerLeft(Exception):
    """The gateway closed the connection while an answer was on its way."""


class Wire(asyncio.Protocol):
    """One connection: reads requests and lets the answer that is taken for each write whatever it wants."""

    def __init__(self, take: "Callable[[Call], Answer]", number: int) -> None:
        self._take = take
        self._number = number
        self._buffer = b""
        self._left = asyncio.Event()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._call: Call | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._task = asyncio.ensure_future(self._serve())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._arrived.set()

    def eof_received(self) -> None:
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _leave(self) -> None:
        if self._call is not None and not self._call.answered and self._call.left is None:
            self._call.left = time.monotonic()
        self._left.set()
        self._arrived.set()
        self._writable.set()

    async def send(self, data: bytes) -> None:
        """Write now, in a segment of its own; raises PeerLeft when nobody is there any more."""
        if self._left.is_set():
            raise PeerLeft
        self.transport.write(data)
        await self._writable.wait()
        await asyncio.sleep(0)

    async def pause(self, seconds: float) -> None:
        """Say nothing for so long, or until the peer leaves: then raises PeerLeft."""
        try:
            await asyncio.wait_for(self._left.wait(), seconds)
        except TimeoutError:
            return
        raise PeerLeft

    def reset(self) -> None:
        """Cut the connection with an RST."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        self.transport.abort()

    async def _serve(self) -> None:
        try:
            while (call := await self._next()) is not None:
                self._call = call
                await self._take(call)(call, self)
                call.answered = True
        except PeerLeft:
            pass
        finally:
            if not self.transport.is_closing():
                self.transport.close()

    async def _next(self) -> Call | None:
        while b"\r\n\r\n" not in self._buffer:
            if not await self._more():
                return None
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(rest) < length:
            if not await self._more():
                return None
            rest = self._buffer.partition(b"\r\n\r\n")[2]
        self._buffer = rest[length:]
        target = line.split(" ")[1]
        found = _PATH.fullmatch(target)
        return Call(
            target,
            headers,
            rest[:length],
            self._number,
            (found[1] or "") if found else "",
            (found[2] or "list") if found else "",
        )

    async def _more(self) -> bool:
        self._arrived.clear()
        if self._left.is_set():
            return False
        await self._arrived.wait()
        return not self._left.is_set()


Answer = Callable[[Call, Wire], Awaitable[None]]


def _slices(body: bytes, size: int | None) -> list[bytes]:
    return [body] if not size else [body[start : start + size] for start in range(0, len(body), size)]


def _framed(framing: str, length: int) -> dict[str, str]:
    if framing == "chunked":
        return {"Transfer-Encoding": "chunked"}
    if framing == "length":
        return {"Content-Length": str(length)}
    return {"Connection": "close"}


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Whatever')}", *(f"{n}: {v}" for n, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def send_whole(wire: Wire, status: int, headers: dict[str, str], payload: bytes, framing: str) -> None:
    """Send a whole answer; framing is length, chunked or close."""
    head = _head(status, {**headers, **_framed(framing, len(payload))})
    if framing == "chunked":
        payload = b"%x\r\n%b\r\n0\r\n\r\n" % (len(payload), payload) if payload else b"0\r\n\r\n"
    await wire.send(head + payload)
    if framing == "close":
        wire.transport.close()


@dataclass
class Streaming:
    """How a body is sent piece by piece, and how it ends; see ScriptedGemini.will_stream."""

    body: bytes
    slice: int | None = None
    delay: float = 0
    first: float = 0
    framing: str = "chunked"
    cut_after: int | None = None
    cut: str = "fin"
    terminator: bool = True
    content_type: str = "text/event-stream"

    async def __call__(self, _: Call, wire: Wire) -> None:
        """Send it."""
        await wire.send(_head(200, {"Content-Type": self.content_type, **_framed(self.framing, len(self.body))}))
        if self.first:
            await wire.pause(self.first)
        body = self.body if self.cut_after is None else self.body[: self.cut_after]
        for place, piece in enumerate(_slices(body, self.slice)):
            if self.delay and place:
                await wire.pause(self.delay)
            await wire.send(b"%x\r\n%b\r\n" % (len(piece), piece) if self.framing == "chunked" else piece)
        await self._end(wire)

    async def _end(self, wire: Wire) -> None:
        if self.cut_after is not None and self.cut == "hang":
            await wire.pause(600)
        elif self.cut_after is not None and self.cut == "rst":
            await wire.pause(0.05)
            wire.reset()
        elif self.framing == "chunked" and self.terminator and self.cut_after is None:
            await wire.send(b"0\r\n\r\n")
        elif self.framing != "length" or self.cut_after is not None:
            wire.transport.close()
