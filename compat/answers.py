"""What a view answers: a whole body, one in parts, or a stream of events.

Plain objects rather than Django's HttpResponse, whose making, header by header, costs a tenth of a request here.
"""

from collections.abc import AsyncIterator
from typing import Protocol

HEADERS_IN_TEXT = "tumbler.http.response.headers_in_text"
"""An extension of ASGI: a server that has it takes the headers of an answer as they are here, text by names in lower case."""


class Answer:
    """A whole body of JSON, unless `headers` say otherwise; without a body there is nothing to say of it (RFC 9110, 8.6)."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.body = body
        self.status = status
        self.headers = {"content-type": "application/json", "content-length": str(len(body))} if status != 204 else {}
        if headers:
            self.headers |= headers


EVENTS = "text/event-stream; charset=utf-8"


class Source(Protocol):
    """Where the events of a stream come from: a pump, whose account is closed in every ending, or the log of one."""

    is_cut: bool
    """True when the stream is to end as a broken one."""

    def events(self) -> AsyncIterator[bytes]:
        """Its events."""

    def abandon(self) -> None:
        """They are wanted no more."""


class EventStream:
    """Server-Sent Events, or the bytes of another type."""

    __slots__ = ("headers", "pump", "status")

    def __init__(self, pump: Source, content_type: str = EVENTS) -> None:
        self.pump = pump
        self.status = 200
        # The last header keeps nginx and its like from holding events back.
        self.headers = {"content-type": content_type, "x-accel-buffering": "no"}


class Download:
    """A whole body whose size is known and that comes in parts, so that none of it waits in memory."""

    __slots__ = ("headers", "parts", "status")

    def __init__(self, parts: AsyncIterator[bytes], size: int, headers: dict[str, str]) -> None:
        self.parts = parts
        self.status = 200
        self.headers = {**headers, "content-length": str(size)}


Response = Answer | EventStream | Download
