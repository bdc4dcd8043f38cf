"""Every error that a client can see, and the one body they all have.

CompatError
    InvalidRequest          400  the request is wrong; `param` names the member
        ContextTooLong      400
        ContentFiltered     400
    MissingToken            401
    InvalidToken            401
    ModelNotAllowed         403
    NotPermitted            403
    UnknownModel            404
    UnknownRoute            404
    NotFound                404
    LinkOver                404
    WrongMethod             405
    BodyTooLarge            413
    UnsupportedMedia        415
    RateLimited             429
    QuotaSpent              429
    PoolExhausted           429
    InternalError           500
    UpstreamError           502
    UpstreamUnavailable     503
    NoUpstreamKey           503
    StorageUnavailable      503
    UpstreamTimeout         504
"""

import math
from typing import Any

import msgspec

from compat.translation.refusals import Untranslatable

_encode = msgspec.json.Encoder().encode

# The SDKs sleep as long as they are told, so a longer wait is not told as one to retry after.
_LONGEST_RETRY = 60.0


class CompatError(Exception):
    """An error in OpenAI's terms. Its message is ours and holds no secret."""

    status = 500
    type = "server_error"
    code: str | None = None

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code

    def body(self) -> dict[str, Any]:
        """The error object, all four members always present."""
        return {"message": self.message, "type": self.type, "param": self.param, "code": self.code}

    def headers(self) -> dict[str, str]:
        """Headers that go with it."""
        return {}


class InvalidRequest(CompatError):
    """The request is wrong in itself."""

    status = 400
    type = "invalid_request_error"


class ContextTooLong(InvalidRequest):
    """The prompt is longer than the model's context."""

    code = "context_length_exceeded"


class ContentFiltered(InvalidRequest):
    """The prompt was blocked by the upstream's safety filter."""

    code = "content_filter"


class MissingToken(InvalidRequest):
    """No token came with the request."""

    status = 401

    def headers(self) -> dict[str, str]:
        """How to bring one."""
        return {"www-authenticate": "Bearer"}


class InvalidToken(MissingToken):
    """The token is unknown, revoked or expired."""

    code = "invalid_api_key"


class ModelNotAllowed(InvalidRequest):
    """The token may not use this model."""

    status = 403
    code = "model_not_allowed"


class NotPermitted(InvalidRequest):
    """The token is not for this: another scope, or another network."""

    status = 403
    code = "insufficient_permissions"


class UnknownModel(InvalidRequest):
    """No model has this name."""

    status = 404
    code = "model_not_found"


class UnknownRoute(InvalidRequest):
    """No route has this path."""

    status = 404
    code = "unknown_url"


class NotFound(InvalidRequest):
    """Nothing that the caller has stored here has this id."""

    status = 404
    code = "not_found"


class LinkOver(InvalidRequest):
    """The link is broken, or its time is over."""

    status = 404
    code = "link_over"


class WrongMethod(InvalidRequest):
    """The route has other methods."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, method: str, allowed: list[str]) -> None:
        super().__init__(f"Not allowed to {method} here. Allowed: {', '.join(allowed)}.")
        self.allowed = allowed

    def headers(self) -> dict[str, str]:
        """The methods it has."""
        return {"allow": ", ".join(self.allowed)}


class BodyTooLarge(InvalidRequest):
    """The body is over the limit."""

    status = 413
    code = "request_too_large"


class UnsupportedMedia(InvalidRequest):
    """The body is not what the endpoint takes: JSON in UTF-8, or a form."""

    status = 415
    code = "unsupported_media_type"


class Retryable(CompatError):
    """An error that a wait may mend. `wait` is in seconds; None: nobody knows; infinite: no wait will."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait

    def headers(self) -> dict[str, str]:
        """How long to wait, told only while a retry by the SDK makes sense."""
        if self.wait is None:
            return {}
        if math.isinf(self.wait):
            return {"x-should-retry": "false"}
        seconds = {"retry-after": str(max(1, math.ceil(self.wait))), "retry-after-ms": str(math.ceil(self.wait * 1000))}
        return (
            seconds
            if self.wait <= _LONGEST_RETRY
            else {"retry-after": seconds["retry-after"], "x-should-retry": "false"}
        )


class RateLimited(Retryable):
    """The token or its user has reached a limit."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class PoolExhausted(Retryable):
    """Every usable key is out of quota."""

    status = 429
    type = "rate_limit_error"
    code = "pool_exhausted"


class QuotaSpent(CompatError):
    """A budget of the token, its user or their plan is spent."""

    status = 429
    type = code = "insufficient_quota"

    def headers(self) -> dict[str, str]:
        """A retry would not help."""
        return {"x-should-retry": "false"}


class InternalError(CompatError):
    """Our own fault."""


class UpstreamError(CompatError):
    """The upstream's answer made no sense, or there was none to give."""

    status = 502
    code = "upstream_error"


class UpstreamTimeout(CompatError):
    """The upstream took too long."""

    status = 504
    code = "upstream_timeout"


class UpstreamUnavailable(Retryable):
    """The upstream is overloaded or out of reach."""

    status = 503
    code = "upstream_unavailable"


class NoUpstreamKey(CompatError):
    """There is no key that may be used."""

    status = 503
    code = "no_upstream_key"


class StorageUnavailable(Retryable):
    """Usage cannot be recorded now, so nothing may be asked upstream."""

    status = 503
    code = "storage_unavailable"


def from_refusal(refusal: Untranslatable) -> InvalidRequest:
    """The client's error for what the translation refuses."""
    return InvalidRequest(refusal.message, param=refusal.param, code=refusal.code)


def error_json(error: CompatError) -> bytes:
    """The envelope as bytes."""
    return _encode({"error": error.body()})
