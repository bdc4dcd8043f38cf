"""The refusals that a server makes before or instead of the app, in OpenAI's envelope."""

import json
from typing import NamedTuple


class Refusal(NamedTuple):
    """An HTTP status and the JSON body that goes with it."""

    status: int
    body: bytes


def refusal(status: int, message: str, code: str | None = None) -> Refusal:
    """The refusal with this message; its type follows from the status."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    envelope = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return Refusal(status, json.dumps(envelope).encode())


def too_large(max_body_bytes: int) -> Refusal:
    """413 for a body over the limit."""
    return refusal(413, f"The request body is larger than {max_body_bytes} bytes.", "request_too_large")


MALFORMED = refusal(400, "This is not a well-formed HTTP/1.1 request.")
WRONG_HOST = refusal(400, "A request must have exactly one Host header.")
BROKEN = refusal(500, "The server had an error while processing your request.")
