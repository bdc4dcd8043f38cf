"""One HTTP/1.1 connection to the upstream, in the event loop itself: no thread, no task, and closed once nobody waits.

Bytes are parsed by llhttp (httptools). docs/decisions/0007-client-cancellation.md says why this is no library's client.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from compat.gemini.failures import CUT_OFF, NONSENSE, TOO_SLOW, Facts, Failure, GeminiFailure

# More of an answer than this waits in the kernel, and then with the upstream, while a client reads slowly.
_UNREAD_BYTES = 256 * 1024
_HEAD_BYTES = 64 * 1024


class Connection(asyncio.Protocol):
    """Carries one exchange after another: `ask`, `status`, `read` until None, and `end` in every ending."""

    transport: asyncio.Transport
    """Set before anybody has the connection."""

    def __init__(self, keep: Callable[["Connection"], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._keep = keep
        self._parser = HttpResponseParser(self)
        self._reader: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        """One serves every exchange: it looks whether a limit is reached, and else when it will be."""
        self._looks_at = math.inf
        self._is_asked = self._is_full = False
        self.upload_url = ""
        """Where the bytes of an upload go that was announced (X-Goog-Upload-URL)."""
        self._ends = self._patience = self._due = math.inf
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[bytes] = []
        self._size = self._head = 0
        self._paused = self._framed = self._whole = self._persistent = False
        self._status = 0
        self._failure: Failure | None = None

    # --- one exchange ----------------------------------------------------------------------------------------

    def ask(self, head: bytes, body: bytes, *, total: float, patience: float = math.inf) -> None:
        """Send a request. Its answer may take `total` seconds, and no wait for more of it longer than `patience`."""
        self._begin()
        self._is_asked = True
        self._patience, self._due = patience, math.inf
        self._ends = self._loop.time() + total
        self._look_by(self._ends)
        self.transport.writelines((head, body))

    async def send(self, pieces: AsyncIterator[bytes]) -> bool:
        """Send a body that `ask` left out, as fast as the upstream takes it; False when it answered before the end.

        Then the connection is no good for another exchange: `drop` it. Raises GeminiFailure.
        """
        async for piece in pieces:
            if self._status or self._failure is not None:
                return False
            self.transport.write(piece)
            while self._is_full and not self._status:
                await self._more()
        return True

    async def status(self) -> int:
        """The status of the answer. Raises GeminiFailure."""
        while not self._status:
            await self._more()
        return self._status

    async def read(self) -> bytes | None:
        """The bytes of the answer's body that came meanwhile, else those that come next; None at its end.

        Raises GeminiFailure.
        """
        while not self._pieces:
            if self._whole:
                return None
            await self._more()
        return self._take()

    def rest(self) -> bytes | None:
        """What was not read of the answer's body, if all of that is here; else None. It is never long: see _UNREAD_BYTES."""
        return self._take() if self._whole else None

    def _take(self) -> bytes:
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        return data

    def be_patient_for(self, seconds: float) -> None:
        """From now on no wait for more may last longer."""
        self._patience = seconds

    def end(self) -> None:
        """Keep the connection if the answer came whole, else close it now: what was not sent is not generated."""
        self._is_asked = False
        if self._may_serve_another():
            self._keep(self)
        else:
            self.transport.abort()

    def drop(self) -> None:
        """Close the connection, whatever came."""
        self._is_asked = False
        self.transport.abort()

    def _may_serve_another(self) -> bool:
        transport = self.transport
        return (
            self._whole
            and self._failure is None
            and self._persistent
            and not transport.get_write_buffer_size()
            and not transport.is_closing()
        )

    # --- what the event loop tells ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It is open."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Feed the parser; whoever reads is woken once for all that came."""
        if not self._status:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._break(NONSENSE)
        if not self._is_asked or (not self._status and self._head > _HEAD_BYTES):
            # Nobody asked, or it is a head without end.
            self._break(NONSENSE)
        if self._size > _UNREAD_BYTES and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def pause_writing(self) -> None:
        """More waits to be sent than the upstream takes just now."""
        self._is_full = True

    def resume_writing(self) -> None:
        """It has taken most of it; whoever sends is woken."""
        self._is_full = False
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The upstream closed. That is the end of an answer that said neither its length nor that it is chunked."""
        if self._status and not self._framed and exc is None and self._failure is None:
            self._whole = True
        elif not self._whole:
            self._failure = self._failure or CUT_OFF
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    # --- what the parser tells -------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """An answer begins; a second one to the same request is nonsense."""
        if self._whole:
            self._failure = NONSENSE

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note whether the answer says where it ends, and where an upload goes on."""
        if len(name) in (14, 17):
            name = name.lower()
            if name in (b"content-length", b"transfer-encoding"):
                self._framed = True
            elif name == b"x-goog-upload-url":
                self.upload_url = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note the status, unless a final one follows (RFC 9110, 15.2)."""
        status = self._parser.get_status_code()
        if status >= 200:
            self._status = status

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._pieces.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        """Note that the answer is whole; only here the parser knows whether another may follow."""
        self._whole = self._status > 0
        self._persistent = self._parser.should_keep_alive()

    # --- waiting ---------------------------------------------------------------------------------------------

    async def _more(self) -> None:
        """Wait until something came. Raises GeminiFailure."""
        if self._failure is not None:
            raise GeminiFailure(self._failure, Facts(504 if self._failure is TOO_SLOW else 502))
        if self._patience < math.inf:
            self._due = self._loop.time() + self._patience
            self._look_by(self._due)
        self._reader = self._loop.create_future()
        try:
            await self._reader
        finally:
            self._reader = None
            self._due = math.inf

    def _look_by(self, due: float) -> None:
        """Have the timer look at that time at the latest."""
        if due < self._looks_at:
            if self._timer is not None:
                self._timer.cancel()
            self._looks_at = due
            self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        """See whether the answer takes too long, or is silent for too long while somebody waits for more of it."""
        self._timer, self._looks_at = None, math.inf
        if not self._is_asked:
            return
        due = min(self._ends, self._due)
        if self._loop.time() >= due:
            self._break(TOO_SLOW)
        else:
            self._look_by(due)

    def _break(self, failure: Failure) -> None:
        self._failure = self._failure or failure
        self.transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
