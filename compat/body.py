"""The body of a request, read when the caller is known: bounded, and JSON in UTF-8 (forms: `compat/forms.py`)."""

from collections.abc import Awaitable, Callable

from accounts.remembered_settings import settings
from compat.errors import BodyTooLarge, UnsupportedMedia
from compat.request import LeanRequest


class ClientGone(Exception):
    """The client left before its body was here."""


async def read_body(request: LeanRequest) -> bytes:
    """All of the body. Raises BodyTooLarge, UnsupportedMedia, ClientGone."""
    _refuse_media(request)
    chunks: list[bytes] = []
    await read_chunks(request, settings.MAX_BODY_BYTES, chunks.append)
    return b"".join(chunks)


async def read_chunks(request: LeanRequest, limit: int, take: Callable[[bytes], Awaitable[None] | None]) -> None:
    """Hand the body over, chunk by chunk, until its end; where `take` has to wait, so has the client.

    Raises BodyTooLarge past `limit` bytes, ClientGone.
    """
    declared = request.fields.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        taking = take(chunk)
        if taking is not None:
            await taking
        if not message.get("more_body"):
            break
    request.body_is_read()


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
