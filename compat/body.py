"""The body of a request, read when the caller is known: bounded, and JSON in UTF-8 (forms: `compat/forms.py`)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from accounts.remembered_settings import settings
from compat.errors import BodyTooLarge, UnsupportedMedia
from compat.request import LeanRequest


class ClientGone(Exception):
    """The client left before its body was here."""


async def read_body(request: LeanRequest) -> bytes:
    """All of the body. Raises BodyTooLarge, UnsupportedMedia, ClientGone."""
    _refuse_media(request)
    limit = settings.MAX_BODY_BYTES
    _refuse_declared(request, limit)
    chunk, more = _taken(await request.receive(), limit, limit)
    if not more:
        # Most came with their head.
        request.body_is_read()
        return chunk
    chunks = [chunk]
    await _read_on(request, limit, len(chunk), chunks.append)
    return b"".join(chunks)


async def read_chunks(request: LeanRequest, limit: int, take: Callable[[bytes], Awaitable[None] | None]) -> None:
    """Hand the body over, chunk by chunk, until its end; where `take` has to wait, so has the client.

    Raises BodyTooLarge past `limit` bytes, ClientGone.
    """
    _refuse_declared(request, limit)
    await _read_on(request, limit, 0, take)


async def _read_on(
    request: LeanRequest, limit: int, size: int, take: Callable[[bytes], Awaitable[None] | None]
) -> None:
    """Hand over what follows the first `size` bytes."""
    more = True
    while more:
        chunk, more = _taken(await request.receive(), limit - size, limit)
        size += len(chunk)
        taking = take(chunk)
        if taking is not None:
            await taking
    request.body_is_read()


def _taken(message: Mapping[str, Any], room: int, limit: int) -> tuple[bytes, bool]:
    """A chunk of a body of which no more than `room` bytes may come, and whether others follow."""
    if message["type"] == "http.disconnect":
        raise ClientGone
    chunk: bytes = message.get("body", b"")
    if len(chunk) > room:
        raise _too_large(limit)
    return chunk, message.get("more_body", False)


def _refuse_declared(request: LeanRequest, limit: int) -> None:
    declared = request.fields.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request is too large: at most {limit // (1024 * 1024)} MiB are taken.")


def refuse_encoding(request: LeanRequest) -> None:
    """Raise UnsupportedMedia for a compressed body."""
    encoding = request.fields.get(b"content-encoding")
    if encoding and encoding.lower() != b"identity":
        raise UnsupportedMedia(
            "Compressed bodies are not taken: send it without Content-Encoding.", code="unsupported_content_encoding"
        )


def _refuse_media(request: LeanRequest) -> None:
    refuse_encoding(request)
    kind = request.fields.get(b"content-type", b"")
    if kind == b"application/json":
        return
    media_type, _, parameters = kind.decode("latin-1").lower().partition(";")
    media_type = media_type.strip()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise UnsupportedMedia(
            f"Unsupported content type {media_type[:80]!r}: send JSON with the header Content-Type: application/json."
        )
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(" \"'")
    if charset and charset not in {"utf-8", "utf8"}:
        raise UnsupportedMedia("Unsupported charset: send JSON in UTF-8.")
