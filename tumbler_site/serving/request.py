"""One request of daphne: checked before and while its body comes in, answered as JSON where the app is not asked."""

# daphne has no types.
# mypy: disable-error-code="misc"

from typing import Any

from daphne.http_protocol import WebRequest

from tumbler_site.serving.dates import http_date
from tumbler_site.serving.refusals import BROKEN, WRONG_HOST, Refusal, refusal, too_large


class Request(WebRequest):
    """One request, checked before and while its body comes in."""

    held = 0

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, *args: Any) -> None:
        # Twisted would read a form into memory a second time.
        super().__init__(*args, parsePOSTFormSubmission=False)

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that is declared too long before any of it is held."""
        if (length or 0) > self.channel.limits.max_body_bytes:
            self.requestHeaders.removeHeader(b"Expect")
            self.refuse_body()
            length = 0
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        """Hold a stretch of the body, unless the whole has become too long."""
        channel = self.channel
        if channel.refused:
            return
        self.held += len(data)
        channel.due += len(data) / channel.limits.body_rate
        if self.held > channel.limits.max_body_bytes:
            self.refuse_body()
        else:
            super().handleContentChunk(data)

    def refuse_body(self) -> None:
        """413."""
        self.channel.refuse(too_large(self.channel.limits.max_body_bytes))

    def process(self) -> Any:
        """Hand a whole request to the app. No header of a client's moves the site's root."""
        headers = self.requestHeaders
        if len(headers.getRawHeaders(b"Host", ())) != 1:
            return self.answer(WRONG_HOST)
        headers.removeHeader(b"Daphne-Root-Path")
        done = super().process()
        if self.transport is None:  # it is a WebSocket now
            self.channel.leave()
        return done

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Pass one message of the app on. A chunk of a stream takes the short way: no layer below has to look at it."""
        if self.chunked and message.get("more_body") and self.startedWriting and not self.finished:
            if data := message.get("body"):
                self.channel.send(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            if message["type"] == "http.response.start":
                self.responseHeaders.setRawHeaders(b"Date", [http_date().encode("ascii")])
            super().handle_reply(message)

    def answer(self, refusal: Refusal) -> None:
        """The whole answer to this request, in place of the app's."""
        self.handle_reply({"type": "http.response.start", "status": refusal.status, "headers": refusal.begin()})
        self.handle_reply({"type": "http.response.body", "body": refusal.body})

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """daphne's own refusals, as JSON."""
        self.answer(refusal(status, body))

    def handle_exception(self, exception: BaseException | None) -> None:
        """The app failed: 500 if nothing was sent, else a connection that breaks off."""
        if self._response_started:
            self.channel.cut(self)
        else:
            self.answer(BROKEN)

    def say_close(self) -> None:
        """Tell the client that the connection ends with this answer."""
        self.responseHeaders.setRawHeaders(b"Connection", [b"close"])
