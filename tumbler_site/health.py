"""GET healthz, readyz and metrics: answered without Django's middleware, so that probes need no host name."""

import asyncio
import time
from typing import Any

import msgspec
from django.conf import settings
from django.db import DatabaseError, connection

from accounts import pool
from accounts.in_db import in_db
from compat import metrics
from tumbler_site.serving.draining import is_draining

_PATHS = {"/healthz", "/healthz/", "/readyz", "/readyz/", "/metrics", "/metrics/"}
_JSON = b"application/json"
_SECONDS = 2.0


def is_health(path: str) -> bool:
    """True for the paths that probes and scrapers ask."""
    return path in _PATHS


async def answer_health(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer a probe."""
    del receive
    kind = _JSON
    if scope["method"] not in {"GET", "HEAD"}:
        status, body = 405, _json({"status": "method not allowed"})
    elif scope["path"].startswith("/metrics"):
        body, media_type = metrics.exposition()
        status, kind = 200, media_type.encode()
    elif scope["path"].startswith("/healthz"):
        status, body = 200, _json({"status": "ok"})
    else:
        faults = await _faults()
        status = 503 if faults else 200
        body = _json({"status": "not ready" if faults else "ready", **faults})
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def _faults() -> dict[str, str]:
    """What keeps this process from serving, by part; {} when nothing does."""
    faults = {"process": "is being stopped"} if is_draining() else {}
    try:
        async with asyncio.timeout(_SECONDS):
            await in_db(_ask_database)
            await pool.ready()
    except (DatabaseError, TimeoutError):
        faults["database"] = "does not answer"
    else:
        if pool.size() == 0:
            faults["pool"] = "no usable contributed key"
    if settings.REDIS_URL and not await _redis_answers():
        faults["redis"] = "does not answer"
    return faults


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def _redis_answers() -> bool:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client = Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
    try:
        await client.ping()
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()
    return True


def _json(value: dict[str, str]) -> bytes:
    return msgspec.json.encode({**value, "time": int(time.time())})
