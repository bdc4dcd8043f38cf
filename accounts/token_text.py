"""The text of an issued token: `tumbler-<prefix>_<secret><checksum>`, and the keyed digest that proves it.

The checksum (CRC32 in base62, as GitHub's tokens carry it) lets a mistyped token be refused without a query, and lets
scanners recognise a leaked one.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib

from django.conf import settings

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PREFIX_LENGTH = 10
_SECRET_LENGTH = 28  # 28 base62 characters are 166 random bits.
_CHECKSUM_LENGTH = 6  # 62 ** 6 > 2 ** 32
_SHAPE = re.compile(r"tumbler-([0-9A-Za-z]{8,16})_[0-9A-Za-z]{28,64}([0-9A-Za-z]{6})")


def new_token_text() -> str:
    """A fresh token, which nobody holds yet."""
    body = f"tumbler-{_random(_PREFIX_LENGTH)}_{_random(_SECRET_LENGTH)}"
    return body + _checksum(body)


def looks_issued(text: str) -> bool:
    """True when `text` has a token's shape and its checksum holds. It says nothing about the database."""
    match = _SHAPE.fullmatch(text)
    return match is not None and _checksum(text[:-_CHECKSUM_LENGTH]) == match[2]


def prefix_of(text: str) -> str:
    """The public start of a token that `looks_issued`."""
    return text.removeprefix("tumbler-").partition("_")[0]


def digest_of(text: str, pepper: str) -> str:
    """HMAC-SHA256 of the whole token under `pepper`, 64 hex digits."""
    return hmac.new(pepper.encode(), text.encode(), hashlib.sha256).hexdigest()


def newest_pepper() -> tuple[str, str]:
    """The version and text of the pepper that new tokens are proved by."""
    return next(iter(peppers().items()))


def peppers() -> dict[str, str]:
    """Every pepper in use by its version (the first 8 hex digits of its SHA-256), newest first."""
    return {hashlib.sha256(pepper.encode()).hexdigest()[:8]: pepper for pepper in settings.TOKEN_PEPPERS}


def _random(length: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(length))


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits
