"""What every answer of an OpenAI route carries, errors included: request id, timing, CORS, who answered."""

import time

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from compat.errors import CompatError, error_json
from compat.ids import new_hex
from compat.relay.job import Job

EXPOSED = (
    "x-request-id, openai-processing-ms, openai-version, x-tumbler-model, x-tumbler-attempts, x-tumbler-upstream, "
    "x-ratelimit-limit-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-requests, "
    "x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, x-ratelimit-reset-tokens, retry-after, retry-after-ms, "
    "x-should-retry"
)
_DAY = str(24 * 60 * 60)


def new_request_id() -> str:
    """`req_` and 32 hex digits, as OpenAI's."""
    return f"req_{new_hex()}"


def error_response(error: CompatError) -> HttpResponse:
    """The envelope with its status and headers."""
    return HttpResponse(
        error_json(error), status=error.status, content_type="application/json", headers=error.headers()
    )


def preflight(request: HttpRequest) -> HttpResponse:
    """The answer to a browser's OPTIONS: no token, and whichever headers it asked for (SDKs send new ones every year)."""
    response = HttpResponse(status=204)
    response["access-control-allow-methods"] = "GET, POST, DELETE, OPTIONS"
    asked = request.headers.get("access-control-request-headers", "")
    response["access-control-allow-headers"] = asked if asked.isprintable() and asked else "authorization, content-type"
    response["access-control-max-age"] = _DAY
    return response


def finish(response: HttpResponseBase, request: HttpRequest, request_id: str, started: float, job: Job | None) -> None:
    """Put the common headers on a response. `started` is the monotonic time at which the request came in."""
    headers = response.headers
    if not response.streaming:
        headers["content-length"] = str(len(response.content))  # type: ignore[attr-defined]
    headers["x-request-id"] = request_id
    headers["openai-processing-ms"] = str(round((time.monotonic() - started) * 1000))
    headers["openai-version"] = "2020-10-01"
    headers["x-tumbler-upstream"] = "simulator" if settings.SIMULATOR else "gemini"
    headers["cache-control"] = "no-cache, no-store, private" if response.streaming else "no-store, private"
    if job is not None:
        headers["x-tumbler-attempts"] = str(job.attempts)
        if job.model:
            headers["x-tumbler-model"] = job.model
    _allow_origin(headers, request)


def _allow_origin(headers: object, request: HttpRequest) -> None:
    """CORS, never with credentials: tokens travel in a header, so any origin may be let in."""
    allowed = settings.CORS_ORIGINS
    origin = request.META.get("HTTP_ORIGIN")
    if "*" in allowed:
        headers["access-control-allow-origin"] = "*"  # type: ignore[index]
    else:
        headers["vary"] = "Origin"  # type: ignore[index]
        if origin not in allowed:
            return
        headers["access-control-allow-origin"] = origin  # type: ignore[index]
    headers["access-control-expose-headers"] = EXPOSED  # type: ignore[index]
