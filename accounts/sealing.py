"""Sealing: contributed keys and stored responses encrypted at rest, each bound to its own row; secrets of second factors."""

import hashlib
import hmac
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from accounts.secret import Secret


class Unsealable(Exception):
    """The ciphertext was made under an encryption key that is not set here, was altered, or belongs to another row."""


def seal(key_id: UUID, key: str) -> str:
    """The ciphertext of `key` for the row `key_id`, under the newest of settings.ENCRYPTION_KEYS."""
    return _fernets()[0].encrypt(f"{key_id}|{key}".encode()).decode()


def unseal(key_id: UUID, ciphertext: str) -> Secret:
    """The key of the row `key_id`. Raises Unsealable."""
    try:
        plain = MultiFernet(_fernets()).decrypt(ciphertext.encode()).decode()
    except InvalidToken:
        raise Unsealable(f"Contributed key {key_id} cannot be unsealed with the encryption keys in use.") from None
    owner, _, key = plain.partition("|")
    if owner != str(key_id):
        raise Unsealable(f"The ciphertext of contributed key {key_id} belongs to another row.") from None
    return Secret(key)


def seal_text(text: str) -> str:
    """The ciphertext of a text that belongs to no row yet, under the newest encryption key."""
    return _fernets()[0].encrypt(text.encode()).decode()


def unseal_text(ciphertext: str) -> Secret:
    """The text again. Raises Unsealable."""
    try:
        return Secret(MultiFernet(_fernets()).decrypt(ciphertext.encode()).decode())
    except InvalidToken:
        raise Unsealable("A second factor cannot be unsealed with the encryption keys in use.") from None


def seal_bytes(row: str, content: bytes) -> bytes:
    """The content of the row with this id, compressed and encrypted under the newest encryption key."""
    return urlsafe_b64decode(_fernets()[0].encrypt(row.encode() + b"|" + zlib.compress(content, 1)))


def unseal_bytes(row: str, sealed: bytes) -> bytes:
    """The content again. Raises Unsealable."""
    try:
        plain = MultiFernet(_fernets()).decrypt(urlsafe_b64encode(sealed))
    except InvalidToken:
        raise Unsealable(f"{row} cannot be unsealed with the encryption keys in use.") from None
    owner, _, content = plain.partition(b"|")
    if owner != row.encode():
        raise Unsealable(f"What is in {row} belongs to another row.") from None
    return zlib.decompress(content)


def is_sealed_newest(ciphertext: str) -> bool:
    """True when `ciphertext` is already under the newest encryption key."""
    try:
        _fernets()[0].decrypt(ciphertext.encode())
    except InvalidToken:
        return False
    return True


def are_sealed_newest(sealed: bytes) -> bool:
    """The same of sealed bytes."""
    return is_sealed_newest(urlsafe_b64encode(sealed).decode())


def fingerprint(key: str) -> str:
    """The keyed digest that tells equal keys apart from others without holding them (64 hex digits)."""
    return hmac.new(settings.FINGERPRINT_KEY.encode(), key.encode(), hashlib.sha256).hexdigest()


def _fernets() -> list[Fernet]:
    return _made(tuple(settings.ENCRYPTION_KEYS))


@lru_cache(maxsize=4)
def _made(keys: tuple[str, ...]) -> list[Fernet]:
    return [Fernet(key) for key in keys]
