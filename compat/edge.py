"""What every answer of an OpenAI route carries, errors included: request id, timing, CORS, who answered."""

import time
from functools import lru_cache

from django.http.request import split_domain_port, validate_host

from accounts.remembered_settings import settings
from compat.answers import Answer, EventStream, Response
from compat.errors import CompatError, InvalidRequest, error_json
from compat.relay.job import Job
from compat.relay.reserving import tell_headroom
from compat.request import LeanRequest

EXPOSED = (
    "x-request-id, openai-processing-ms, openai-version, x-tumbler-model, x-tumbler-attempts, x-tumbler-upstream, "
    "x-tumbler-left-out, "
    "x-ratelimit-limit-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-requests, "
    "x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, x-ratelimit-reset-tokens, retry-after, retry-after-ms, "
    "x-should-retry"
)
_THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")
_DAY = str(24 * 60 * 60)


def check_host(request: LeanRequest) -> None:
    """Raise InvalidRequest for a Host header that this server does not serve."""
    if not _is_served(request.fields.get(b"host", b""), tuple(settings.ALLOWED_HOSTS or _THIS_MACHINE)):
        raise InvalidRequest("Invalid Host header: this server does not serve that name.", code="invalid_host")


def origin_of(request: LeanRequest) -> str:
    """Scheme and host that the client asked; https where it, or the proxy before it, says so."""
    # A client that lies about it gets addresses that are of no use to itself.
    told = request.META.get("HTTP_X_FORWARDED_PROTO", "")
    scheme = told if told in {"http", "https"} else request.scheme
    return f"{scheme}://{request.META['HTTP_HOST']}"


def names_this_server(request: LeanRequest, host: str) -> bool:
    """True for the host that the client asked, and for the others that are served here by their names."""
    named = tuple(name for name in settings.ALLOWED_HOSTS if name != "*")
    return host == request.META.get("HTTP_HOST", "") or _is_served(host.encode("latin-1", "replace"), named)


@lru_cache(maxsize=1024)
def _is_served(host: bytes, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, allowed)


def error_response(error: CompatError) -> Answer:
    """The envelope with its status and headers."""
    return Answer(error_json(error), error.status, error.headers())


def preflight(request: LeanRequest) -> Answer:
    """The answer to a browser's OPTIONS: no token, and whichever headers it asked for (SDKs send new ones every year)."""
    asked = request.META.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    headers = {
        "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
        "access-control-allow-headers": asked if asked.isprintable() and asked else "authorization, content-type",
        "access-control-max-age": _DAY,
    }
    return Answer(b"", 204, headers)


def finish(response: Response, request: LeanRequest, request_id: str, started: float, job: Job | None) -> None:
    """Put the common headers on a response. `started` is the monotonic time at which the request came in."""
    headers, is_stream = response.headers, isinstance(response, EventStream)
    headers["x-request-id"] = request_id
    headers["openai-processing-ms"] = str(round((time.monotonic() - started) * 1000))
    headers["openai-version"] = "2020-10-01"
    headers["x-tumbler-upstream"] = "simulator" if settings.SIMULATOR else "gemini"
    headers["cache-control"] = "no-cache, no-store, private" if is_stream else "no-store, private"
    if job is not None:
        headers["x-tumbler-attempts"] = str(job.attempts)
        if job.model:
            headers["x-tumbler-model"] = job.model
        if job.caller.holders:
            tell_headroom(job.headroom, headers)
    _allow_origin(headers, request)


def _allow_origin(headers: dict[str, str], request: LeanRequest) -> None:
    """CORS, never with credentials: tokens travel in a header, so any origin may be let in.

    What scripts may read is told to browsers alone, who name an origin: the server looks at every byte of it.
    """
    allowed, origin = settings.CORS_ORIGINS, request.fields.get(b"origin")
    if "*" in allowed:
        headers["access-control-allow-origin"] = "*"
    else:
        headers["vary"] = "Origin"
        named = (origin or b"").decode("latin-1")
        if named not in allowed:
            return
        headers["access-control-allow-origin"] = named
    if origin:
        further = [name for name in headers if name.startswith("x-goog-upload-")]
        headers["access-control-expose-headers"] = ", ".join([EXPOSED, *further])
