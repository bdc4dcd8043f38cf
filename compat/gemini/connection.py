"""One HTTP/1.1 connection to the upstream, in the event loop itself: no thread, no task, and closed once nobody waits.

Bytes are parsed by llhttp (httptools). docs/decisions/0007-client-cancellation.md says why this is no library's client.
"""

import asyncio
from collections.abc import AsyncIterator
from math import inf
from typing import TypeAlias

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from compat.gemini.failures import CUT_OFF, NONSENSE, TOO_LARGE, TOO_SLOW, Facts, Failure, GeminiFailure, failure_of
from compat.turns import TurnTransport

# More of an answer than this waits in the kernel, and then with the upstream, while a client reads slowly.
_UNREAD_BYTES = 256 * 1024
_HEAD_BYTES = 64 * 1024
_REPLY_BYTES = 32 * 1024 * 1024
_KEPT_AT_MOST = 256
# Google keeps an idle connection for some minutes, a proxy in between perhaps not.
_KEPT_SECONDS = 60.0

Idle: TypeAlias = "dict[Connection, None]"
"""The connections on which nothing is under way, the one used last behind the others."""


class Connection(asyncio.Protocol):
    """Carries one exchange after another: `ask`, then `answer`, or `begun` and `read` until None, and `end` in every ending."""

    transport: TurnTransport
    """Set before anybody has the connection."""

    def __init__(self, idle: Idle) -> None:
        self.status = 0
        """Of the answer; 0 until its head is here."""
        self._loop = asyncio.get_running_loop()
        self._idle = idle
        self._timer: asyncio.TimerHandle | None = None
        """One serves every exchange, and the rest between them: it looks whether a limit is reached, and else when it will be."""
        self._looks_at = self._ends = self._patience = self._due = inf
        self._reader: asyncio.Future[None] | None = None
        self._failure: Failure | None = None
        """What became of the connection; no other exchange follows."""
        self._is_asked = self._is_full = self._is_paused = False
        self._is_whole = self._may_go_on = False
        self._unread = 0
        # The parser puts headers and pieces of the body where they are looked for: these two are called without us.
        self._headers: dict[bytes, bytes] = {}
        self._pieces: list[bytes] = []
        self.on_header = self._headers.__setitem__
        self.on_body = self._pieces.append
        self._parser = HttpResponseParser(self)

    # --- one exchange ----------------------------------------------------------------------------------------

    def ask(self, head: bytes, body: bytes, *, total: float, patience: float = inf) -> None:
        """Send a request. Its answer may take `total` seconds, and no wait for more of it longer than `patience`."""
        self._headers.clear()
        self.status = self._unread = 0
        self._is_whole = self._may_go_on = False
        self._is_asked = True
        self._patience = patience
        self._end_in(total)
        self.transport.write(head)
        self.transport.write(body)

    async def send(self, pieces: AsyncIterator[bytes]) -> bool:
        """Send a body that `ask` left out, as fast as the upstream takes it; False when it answered before the end.

        Then the connection is no good for another exchange: `drop` it. Raises GeminiFailure.
        """
        async for piece in pieces:
            if self.status or self._failure is not None:
                return False
            self.transport.write(piece)
            while self._is_full and not self.status:
                await self._more()
        return True

    async def begun(self) -> None:
        """Wait for the status of the answer. Raises GeminiFailure."""
        while not self.status:
            await self._more()

    async def answer(self) -> bytes:
        """The whole body of a good answer. Raises GeminiFailure for any other, and for more than a reply has reason to be."""
        taken: list[bytes] = []
        size = 0
        while not self._is_whole:
            await self._more()
            if self._is_paused:
                taken.append(self._take())
                size += len(taken[-1])
                if size > _REPLY_BYTES:
                    raise GeminiFailure(TOO_LARGE, Facts(200))
        taken.append(self._take())
        body = b"".join(taken)
        if self.status != 200:
            raise failure_of(self.status, body)
        return body

    def header(self, name: bytes) -> bytes | None:
        """A header of the answer by its name in lower case."""
        return next((value for given, value in self._headers.items() if given.lower() == name), None)

    async def read(self) -> bytes | None:
        """The bytes of the answer's body that came meanwhile, else those that come next; None at its end.

        Raises GeminiFailure.
        """
        while not self._pieces:
            if self._is_whole:
                return None
            await self._more()
        return self._take()

    def _take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._unread = 0
        if self._is_paused:
            self._is_paused = False
            self.transport.resume_reading()
        return data

    def be_patient_for(self, seconds: float) -> None:
        """From now on no wait for more may last longer."""
        self._patience = seconds

    def end(self) -> None:
        """Keep the connection if the answer came whole and was read, else close it now: what was not sent is not generated."""
        self._is_asked = False
        is_done = self._may_go_on and not self._pieces and not self.transport.get_write_buffer_size()
        if is_done and len(self._idle) < _KEPT_AT_MOST:
            self._idle[self] = None
            self._end_in(_KEPT_SECONDS)
        else:
            self.transport.abort()

    def drop(self) -> None:
        """Close the connection, whatever came."""
        self._is_asked = False
        self.transport.abort()

    # --- what the event loop tells ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It is open."""
        self.transport = TurnTransport(transport)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; whoever reads is woken once for all that came."""
        self._unread += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._break(NONSENSE)
        if not self._is_asked:
            self._break(NONSENSE)
        if self._unread > _HEAD_BYTES:
            self._hold_back()
        self._wake()

    def _hold_back(self) -> None:
        """Give up a head without end; have an upstream wait whose answer is not read."""
        if not self.status:
            self._break(NONSENSE)
        elif self._unread > _UNREAD_BYTES and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        """More waits to be sent than the upstream takes just now."""
        self._is_full = True

    def resume_writing(self) -> None:
        """It has taken most of it; whoever sends is woken."""
        self._is_full = False
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The upstream closed. That is the end of an answer that said neither its length nor that it is chunked."""
        self._may_go_on = False
        self._idle.pop(self, None)
        if not self._is_whole and self._failure is None:
            if self.status and exc is None and not self._is_framed():
                self._is_whole = True
            else:
                self._failure = CUT_OFF
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    def _is_framed(self) -> bool:
        """Whether the answer says where it ends."""
        return any(self.header(name) is not None for name in (b"content-length", b"transfer-encoding"))

    # --- what the parser tells, beside headers and body ------------------------------------------------------

    def on_message_begin(self) -> None:
        """An answer begins; a second one to the same request is nonsense."""
        if self._is_whole:
            self._break(NONSENSE)

    def on_headers_complete(self) -> None:
        """Note the status, unless a final one follows (RFC 9110, 15.2)."""
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status

    def on_message_complete(self) -> None:
        """Note that the answer is whole; only here the parser knows whether another may follow."""
        if self.status:
            self._is_whole = True
            self._may_go_on = self._parser.should_keep_alive()

    # --- waiting ---------------------------------------------------------------------------------------------

    def _more(self) -> asyncio.Future[None]:
        """To be awaited until something came. Raises GeminiFailure."""
        if self._failure is not None:
            raise GeminiFailure(self._failure, Facts(504 if self._failure is TOO_SLOW else 502))
        if self._patience < inf:
            self._due = self._loop.time() + self._patience
            if self._due < self._looks_at:
                self._look_at(self._due)
        self._reader = self._loop.create_future()
        return self._reader

    def _wake(self) -> None:
        reader = self._reader
        if reader is not None:
            self._reader, self._due = None, inf
            # Who left while waiting has cancelled it.
            if not reader.done():
                reader.set_result(None)

    def _end_in(self, seconds: float) -> None:
        """Set when an exchange, or the rest after it, is over at the latest."""
        self._ends = ends = self._loop.time() + seconds
        if ends < self._looks_at:
            self._look_at(ends)

    def _look_at(self, when: float) -> None:
        """Have the timer look then, and no later."""
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at = when
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        """See whether it rests for too long, or an answer takes too long, or is silent while somebody waits for more."""
        self._timer, self._looks_at = None, inf
        due = min(self._ends, self._due)
        if self._loop.time() >= due:
            self._break(TOO_SLOW)
        else:
            self._look_at(due)

    def _break(self, failure: Failure) -> None:
        self._failure = self._failure or failure
        self.transport.abort()
        self._wake()
