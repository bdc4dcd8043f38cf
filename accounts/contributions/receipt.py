"""The code of a receipt: `tumbler-receipt-` and nine groups of four, and the keyed digest that is kept of it.

160 random bits in Crockford's base32 (no I, L, O, U; case and hyphens do not matter), then 20 bits of CRC32, so that a
slip of the pen is told from a code that nobody has.
"""

import hashlib
import hmac
import secrets
import zlib

from django.conf import settings

_PREFIX = "tumbler-receipt-"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011")
_BETWEEN = str.maketrans("", "", "- \t\r\n")
_PLAIN_PREFIX = _PREFIX.upper().translate(_BETWEEN)
_RANDOM_BITS = 160
_RANDOM_LENGTH = 32
_CHECK_LENGTH = 4
_GROUP = 4


def new_code() -> str:
    """A fresh code, as it is shown."""
    body = _symbols(secrets.randbits(_RANDOM_BITS), _RANDOM_LENGTH)
    return _shown(body + _check(body))


def read_code(text: str) -> str:
    """The code as it was shown, however it was typed; "" when it is none (it may have a slip)."""
    plain = text.upper().translate(_BETWEEN).removeprefix(_PLAIN_PREFIX).translate(_READ_AS)
    body, check = plain[:_RANDOM_LENGTH], plain[_RANDOM_LENGTH:]
    if len(plain) != _RANDOM_LENGTH + _CHECK_LENGTH or not set(plain) <= set(_ALPHABET) or _check(body) != check:
        return ""
    return _shown(plain)


def digest_of(code: str) -> str:
    """HMAC-SHA256 of a code as it is shown, 64 hex digits."""
    return hmac.new(settings.RECEIPT_KEY.encode(), code.encode(), hashlib.sha256).hexdigest()


def _shown(plain: str) -> str:
    groups = [plain[start : start + _GROUP] for start in range(0, len(plain), _GROUP)]
    return _PREFIX + "-".join(groups)


def _check(body: str) -> str:
    return _symbols(zlib.crc32(body.encode()), _CHECK_LENGTH)


def _symbols(number: int, length: int) -> str:
    """The lowest 5 × length bits of a number."""
    return "".join(_ALPHABET[number >> (5 * place) & 31] for place in reversed(range(length)))
