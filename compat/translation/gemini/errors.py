"""Our errors in the envelope of Google's APIs (google.rpc.Status, as its JSON APIs show it)."""

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode

_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""status → its name; others are the client's mistake."""
_TYPE = "type.googleapis.com/google.rpc."
_DOMAIN = "gemini-tumbler"


def to_error(error: dict[str, Any], status: int, retry_after: str | None = None) -> dict[str, Any]:
    """The error object for one of OpenAI's: our code as the reason, the member at fault, the seconds to wait."""
    details: list[dict[str, Any]] = []
    if error["code"]:
        details.append({"@type": f"{_TYPE}ErrorInfo", "reason": error["code"].upper(), "domain": _DOMAIN})
    if error["param"] is not None:
        named = {"field": error["param"]} if error["param"] else {}
        violation = {**named, "description": error["message"]}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if retry_after:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{retry_after}s"})
    found = {"code": status, "message": error["message"], "status": _NAMES.get(status, "INVALID_ARGUMENT")}
    return {**found, "details": details} if details else found


def to_envelope(error: dict[str, Any], status: int, retry_after: str | None = None) -> bytes:
    """The body of an error status, and an event of a stream that broke."""
    return _encode({"error": to_error(error, status, retry_after)})
