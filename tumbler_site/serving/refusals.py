"""The refusals that a server makes before or instead of the app, in OpenAI's envelope."""

import json
from http import HTTPStatus
from typing import NamedTuple

from accounts.live.traffic import traffic
from compat.ids import new_hex


class Refusal(NamedTuple):
    """An HTTP status, the JSON body that goes with it, and the code in it."""

    status: int
    body: bytes
    code: str | None = None

    def begin(self) -> list[tuple[bytes, bytes]]:
        """Count one answer of it, and give its headers. Scripts of any site may read it, for it tells of nobody."""
        traffic.erred("", self.status, self.code)
        return [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(self.body)),
            (b"x-request-id", f"req_{new_hex()}".encode()),
            (b"access-control-allow-origin", b"*"),
            (b"access-control-expose-headers", b"x-request-id"),
        ]

    def written(self) -> bytes:
        """One answer of it, counted, as the last on a connection."""
        first = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}".encode()
        fields = [b"%b: %b" % pair for pair in [*self.begin(), (b"connection", b"close")]]
        return b"\r\n".join([first, *fields, b"", self.body])


def refusal(status: int, message: str, code: str | None = None) -> Refusal:
    """The refusal with this message; its type follows from the status."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    envelope = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return Refusal(status, json.dumps(envelope).encode(), code)


def too_large(max_body_bytes: int) -> Refusal:
    """413 for a body over the limit."""
    return refusal(413, f"The request body is larger than {max_body_bytes} bytes.", "request_too_large")


MALFORMED = refusal(400, "This is not a well-formed HTTP/1.1 request.")
WRONG_HOST = refusal(400, "A request must have exactly one Host header.")
BROKEN = refusal(500, "The server had an error while processing your request.")
