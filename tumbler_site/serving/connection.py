"""One connection of daphne: what its client may take in bytes and seconds, and what becomes of one that takes more."""

# daphne has no types and Twisted has them by halves.
# mypy: disable-error-code="misc,no-untyped-call,override,assignment,method-assign"

import asyncio
import logging
import time
from typing import Any

from daphne.http_protocol import HTTPFactory
from twisted.web import http

from tumbler_site.serving.refusals import MALFORMED, Refusal
from tumbler_site.serving.request import Request

logger = logging.getLogger("daphne.server")

NEVER = float("inf")


class Channel(http.HTTPChannel):
    """One connection. `due` is the time by which the client must have done what we wait for; `full` is backpressure."""

    transport: Any
    due = NEVER
    full = False
    refused = served = False
    unsent_before = NEVER

    def connectionMade(self) -> None:
        """Begin with a deadline for the first request."""
        super().connectionMade()
        self.limits = self.factory.server.limits
        self.transport.bufferSize = self.limits.unsent_bytes
        self.room = asyncio.Event()
        self.due = time.monotonic() + self.limits.head_seconds
        self.factory.channels.add(self)

    def connectionLost(self, reason: Any) -> None:
        """Let go of everything that waits for this client."""
        self.leave()
        super().connectionLost(reason)

    def leave(self) -> None:
        """No longer ours to watch: lost, or a WebSocket now."""
        self.factory.channels.discard(self)
        self.full = False
        self.room.set()

    # --- Reading ---------------------------------------------------------------------------------------------

    def lineReceived(self, line: bytes) -> None:
        """Refuse a header that goes on in the next line (RFC 9112, 5.2), which not everybody on the way reads alike."""
        if line[:1] in {b" ", b"\t"}:
            self._respondToBadRequestAndDisconnect()
        else:
            super().lineReceived(line)

    def allHeadersReceived(self) -> None:
        """Now the body: it has its own deadline, which moves on as bytes come."""
        self.due = time.monotonic() + self.limits.body_seconds
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        """The request is whole: from here the time is ours."""
        if not self.refused:
            self.due = NEVER
            super().allContentReceived()

    def requestDone(self, request: Request) -> None:
        """Wait for the next request, but not for ever."""
        self.due = time.monotonic() + self.limits.idle_seconds
        self.served = True
        super().requestDone(request)

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """Keep the connection for another request unless the server is ending."""
        if self.factory.draining:
            request.say_close()
            return False
        return bool(super().checkPersistence(request, version))

    def refuse(self, refusal: Refusal) -> None:
        """Answer a request that is still on its way, and read past the rest for a moment so that the answer arrives."""
        self.refused = True
        self.transport.write(refusal.written())
        self.transport.loseWriteConnection()
        self.dataReceived = lambda data: None
        self.due = time.monotonic() + self.limits.linger_seconds

    def lineLengthExceeded(self, line: bytes) -> None:
        """A header that never ends, refused aloud."""
        self._respondToBadRequestAndDisconnect()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.transport.write(MALFORMED.written())
        self.loseConnection()

    # --- Writing ---------------------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """Twisted's write buffer is full."""
        self.full = True
        self.room.clear()
        super().pauseProducing()

    def resumeProducing(self) -> None:
        """Twisted's write buffer is empty again."""
        self.full = False
        self.room.set()
        super().resumeProducing()

    def send(self, data: bytes) -> None:
        """Write now what the socket takes now: Twisted would ask the event loop first, twice for every chunk."""
        transport, sent = self.transport, 0
        waiting = transport._tempDataBuffer or transport.dataBuffer
        if transport.connected and not transport.disconnecting and not waiting:
            try:
                sent = transport.socket.send(data)
            except OSError:
                sent = 0  # full, or broken, which Twisted will find out
        if sent < len(data):
            transport.write(data[sent:])

    async def wait_for_room(self) -> None:
        """Wait until the client has taken what was written; cut it off when nothing at all moved for the limit."""
        while self.full:
            unsent = self.unsent()
            try:
                async with asyncio.timeout(self.limits.stall_seconds):
                    await self.room.wait()
            except TimeoutError:
                if self.unsent() >= unsent:
                    logger.warning(
                        "A client took nothing of its answer for %g s and was cut.", self.limits.stall_seconds
                    )
                    self.transport.abortConnection()
                    return

    def unsent(self) -> int:
        """The bytes that Twisted holds for this client."""
        transport = self.transport
        return len(transport.dataBuffer) - int(transport.offset) + int(transport._tempDataLen)

    # --- Ending ----------------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """Past due: cut the connection, unless a finished answer is still moving out."""
        unsent, before = self.unsent(), self.unsent_before
        if 0 < unsent < before:
            self.unsent_before = unsent
            self.due = now + self.limits.stall_seconds
        else:
            self.transport.abortConnection()

    def cut(self, request: Request) -> None:
        """Close in the middle of an answer: what was written still goes out, but it must not look complete."""
        self.due = time.monotonic() + self.limits.stall_seconds
        if request.clientproto == b"HTTP/1.1":
            self.loseConnection()
        else:
            self.transport.abortConnection()  # before HTTP/1.1 an orderly close is how an answer ends

    def finish_up(self) -> None:
        """Take no further request: an idle connection closes now, a busy one after its answer.

        A connection that has not asked anything yet may be a moment old, with its request on the way.
        """
        if self.requests:
            self.persistent = 0
            self.requests[0].say_close()
        elif self.served:
            self.loseConnection()
        else:
            self.due = time.monotonic() + self.limits.newcomer_seconds


class Factory(HTTPFactory):
    """Makes the channels and knows those that are open. Nothing is written to an access log."""

    protocol = Channel

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.timeOut = None  # `due` takes its place
        self.channels: set[Channel] = set()
        self.draining = False

    def buildProtocol(self, addr: Any) -> Channel:
        """A channel whose requests are ours."""
        channel: Channel = super().buildProtocol(addr)
        channel.requestFactory = Request
        return channel

    def startFactory(self) -> None:
        """No log file, and no clock for one."""

    def stopFactory(self) -> None:
        """Nothing was opened."""

    def log(self, request: Any) -> None:
        """No access log: a query string may hold a secret."""

    def sweep(self, now: float) -> None:
        """Cut the connections that are past due."""
        for channel in [channel for channel in self.channels if channel.due < now]:
            channel.expire(now)

    def finish_up(self) -> None:
        """Take no further request on any connection."""
        self.draining = True
        for channel in list(self.channels):
            channel.finish_up()
