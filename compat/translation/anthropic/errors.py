"""Our errors in Anthropic's envelope."""

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""status → type (Anthropic API, errors); others are the client's mistake."""
_BY_CODE = {"insufficient_quota": "billing_error", "no_upstream_key": "api_error"}
"""What Anthropic tells apart by more than the status."""


def to_error(error: dict[str, Any], status: int) -> dict[str, Any]:
    """The error object for one of OpenAI's. Its message names the member at fault, for there is no `param` here."""
    kind = _BY_CODE.get(error["code"]) or _TYPES.get(status, "invalid_request_error")
    message = error["message"]
    if error["param"] and error["param"] not in message:
        message = f"{error['param']}: {message}"
    return {"type": kind, "message": message}


def to_envelope(error: dict[str, Any], status: int, request_id: str) -> bytes:
    """The body of an error status."""
    return _encode({"type": "error", "error": to_error(error, status), "request_id": request_id})
