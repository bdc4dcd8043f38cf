"""Our errors in Anthropic's envelope."""

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode

_TYPES = {
    "upstream_unavailable": "overloaded_error",
    "storage_unavailable": "overloaded_error",
    "upstream_timeout": "timeout_error",
    "insufficient_quota": "billing_error",
    "rate_limit_exceeded": "rate_limit_error",
    "pool_exhausted": "rate_limit_error",
    "invalid_api_key": "authentication_error",
    "model_not_allowed": "permission_error",
    "insufficient_permissions": "permission_error",
    "model_not_found": "not_found_error",
    "not_found": "not_found_error",
    "request_too_large": "request_too_large",
}
"""code → type (Anthropic API, errors)."""


def to_error(error: dict[str, Any], status: int) -> dict[str, Any]:
    """The error object for one of OpenAI's. Its message names the member at fault, for there is no `param` here."""
    kind = _TYPES.get(error["code"] or "")
    if kind is None:
        kind = "authentication_error" if status == 401 else error["type"]
    message = error["message"]
    if error["param"] and error["param"] not in message:
        message = f"{error['param']}: {message}"
    return {"type": kind if kind != "server_error" else "api_error", "message": message}


def to_envelope(error: dict[str, Any], status: int, request_id: str) -> bytes:
    """The body of an error status."""
    return _encode({"type": "error", "error": to_error(error, status), "request_id": request_id})
