"""One request and its answer on a connection of uvicorn's: the app's `scope`, `receive` and `send`.

uvicorn's own makes two writes of an answer, searches every name and value of its headers with a regular expression, and keeps a
timer and a callback a request: a third of what a whole answer costs here.
"""

import asyncio
import http
import logging
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

from tumbler_site.serving.dates import http_date
from tumbler_site.serving.refusals import BROKEN

logger = logging.getLogger("uvicorn.error")

Application = Callable[[dict[str, Any], Any, Any], Any]
Headers = dict[str, str] | Iterable[tuple[bytes, bytes]]
"""Text by names, as our own answers have it (`compat.answers.HEADERS_IN_TEXT`), or what any app of ASGI's has."""

_NOT_OF_NAMES = re.compile(r"[^!#$%&'*+\-.^_`|~0-9a-z]")
_CONTROLS = bytes((*range(9), *range(10, 32), 127))
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LENGTH, _ENCODING, _CONNECTION = "content-length", "transfer-encoding", "connection"
_FRAMING = frozenset({_LENGTH, _ENCODING, _CONNECTION})
_BODILESS = frozenset({204, 304})


class Exchange:
    """What uvicorn's protocol calls a cycle; it reads and sets what is set here without an underscore."""

    _task: asyncio.Task[None]
    """Set when it begins."""

    def __init__(
        self,
        scope: dict[str, Any],
        transport: asyncio.Transport,
        flow: FlowControl,
        on_response: Callable[[], None],
        *,
        keep_alive: bool,
    ) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False
        self.body = b""
        self.more_body = True
        self._transport = transport
        self._flow = flow
        self._on_response = on_response
        self._expects = True
        """Whether the client may be waiting to be told to go on with its body."""
        self._head: bytes | None = None
        """The head of the answer while it waits for the beginning of its body."""
        self._is_told = False
        """Whether there is something to receive."""
        self._telling: asyncio.Event | None = None
        """Made when somebody has to wait for that: the body of most requests came with their head."""
        self._begun = False
        self._is_chunked = False
        self._left: int | None = None
        """Bytes of the answer that its length still promises."""

    @property
    def is_untold(self) -> bool:
        """True while its body is read and nothing of its answer is out."""
        return self.more_body and not self._begun

    def run(self, loop: asyncio.AbstractEventLoop, app: Application, tasks: set[asyncio.Task[None]]) -> None:
        """Let the app answer; an answer that it does not give or finish is a 500 or cut off. `tasks` are those that run."""
        self._task = loop.create_task(self._run(app, tasks))
        tasks.add(self._task)

    async def _run(self, app: Application, tasks: set[asyncio.Task[None]]) -> None:
        try:
            await app(self.scope, self.receive, self.send)
            if not (self.response_complete or self.disconnected):
                logger.error("The app returned before the end of its answer.")
        except BaseException:
            logger.exception("The app failed in a request.")
        finally:
            if not (self.response_complete or self.disconnected):
                self._break_off()
            tasks.discard(self._task)

    def _break_off(self) -> None:
        if self._begun:
            self._transport.close()
        else:
            self._head, self._is_chunked, self._left = None, False, None
            self.keep_alive = False
            self._start({"type": "http.response.start", "status": BROKEN.status, "headers": BROKEN.begin()})
            self._go_on({"type": "http.response.body", "body": BROKEN.body})

    async def receive(self) -> dict[str, Any]:
        """What came of the request, or that the client has left."""
        if self._expects and self.more_body:
            self._tell_to_go_on()
        if not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
            if not self._is_told:
                await self._something()
            self._is_told = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, b""
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    def _tell_to_go_on(self) -> None:
        """Have a client send its body that waits for a word before it does (RFC 9110, 10.1.1)."""
        self._expects = False
        waits = any(name == b"expect" and value.lower() == b"100-continue" for name, value in self.scope["headers"])
        if waits and not self._transport.is_closing():
            self._transport.write(_CONTINUE)

    def tell(self) -> None:
        """There is something to receive: a stretch of the body, its end, or the end of the whole exchange."""
        self._is_told = True
        if self._telling is not None:
            self._telling.set()

    async def _something(self) -> None:
        """Wait until there is something to receive."""
        if self._telling is None:
            self._telling = asyncio.Event()
        self._telling.clear()
        await self._telling.wait()

    async def send(self, message: dict[str, Any]) -> None:
        """Take the head of the answer, or a stretch of its body. The head goes out with the first stretch (ASGI, HTTP)."""
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        if self.response_complete:
            raise RuntimeError(f"{message['type']} after the end of the answer")
        if self._begun or self._head is not None:
            self._go_on(message)
        else:
            self._start(message)

    def _start(self, message: dict[str, Any]) -> None:
        if message["type"] != "http.response.start":
            raise RuntimeError(f"{message['type']} before the head of the answer")
        self._expects = False
        status = message["status"]
        head = self._lines(status, message.get("headers", ()))
        if not self.keep_alive and b"\r\nconnection: close" not in head:
            head += b"\r\nconnection: close"
        if not self._is_chunked and self._left is None:
            self._is_chunked = self.scope["method"] != "HEAD" and status not in _BODILESS
            if self._is_chunked:
                head += b"\r\ntransfer-encoding: chunked"
        self._head = head + b"\r\n\r\n"

    def _lines(self, status: int, headers: Headers) -> bytes:
        """The status, the date and these headers as they go over the wire; notes what they say. Raises RuntimeError."""
        names, told = (tuple(headers), headers.values()) if isinstance(headers, dict) else _in_text(headers)
        values = [_status_line(status), http_date(), *told]
        pieces, framing = _form(names)
        for name, place in framing:
            self._frame(name, values[place].lower())
        pieces = pieces.copy()
        pieces[1::2] = values
        lines = "".join(pieces).encode("latin-1")
        # All at once: what is lost without control characters are the ends of our own lines.
        if len(lines) - len(lines.translate(None, _CONTROLS)) != 2 * len(values) - 2:
            raise RuntimeError("Invalid HTTP header value.")
        return lines

    def _frame(self, name: str, value: str) -> None:
        """Note what a header says of the end of the answer, or of the connection."""
        if name == _CONNECTION:
            self.keep_alive = self.keep_alive and "close" not in value
        elif name == _ENCODING:
            self._is_chunked = self._is_chunked or value == "chunked"
        elif not self._is_chunked:
            self._left = int(value)

    def _go_on(self, message: dict[str, Any]) -> None:
        if message["type"] != "http.response.body":
            raise RuntimeError(f"{message['type']} within the body of the answer")
        more = message.get("more_body", False)
        stretch = self._framed(message.get("body", b""), more=more)
        if self._head is not None:
            stretch, self._head, self._begun = self._head + stretch, None, True
        self._transport.write(stretch)
        if not more:
            self.response_complete = True
            self.tell()
            if not self.keep_alive:
                self._transport.close()
            self._on_response()

    def _framed(self, body: bytes, *, more: bool) -> bytes:
        """A stretch of the body as it goes over the wire."""
        if self.scope["method"] == "HEAD":
            return b""
        if self._is_chunked:
            stretch = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return stretch if more else stretch + b"0\r\n\r\n"
        self._left = (self._left or 0) - len(body)
        if self._left < 0 or (self._left and not more):
            raise RuntimeError("The answer is not as long as its Content-Length.")
        return body


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}"


def _in_text(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, ...], list[str]]:
    """The names and the values of any app's headers."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    return tuple(name for name, _ in pairs), [value for _, value in pairs]


@lru_cache(maxsize=512)
def _form(names: tuple[str, ...]) -> tuple[list[str], list[tuple[str, int]]]:
    """What answers with the same headers have in common; most have one of a few sets of them. Raises RuntimeError.

    First the text of their heads, in pieces. Every second one is empty, for a value: the status, the date, then the headers'.
    Then the headers that say where the answer ends, each with the place of its value among these.
    """
    names = tuple(map(_checked, names))
    pieces = ["", "", "\r\ndate: ", ""]
    for name in names:
        pieces += [f"\r\n{name}: ", ""]
    return pieces, [(name, place) for place, name in enumerate(names, 2) if name in _FRAMING]


def _checked(name: str) -> str:
    """A header's name in lower case. Raises RuntimeError for what is none (RFC 9110, 5.1)."""
    name = name.lower()
    if not name or _NOT_OF_NAMES.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    return name
