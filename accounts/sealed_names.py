"""What is remembered for a while outside of this process: its names are keyed hashes and its values sealed, so that Redis
alone tells nothing. Keys are derived from SECRET_KEY, others for each kind of thing."""

import hashlib
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12


class SealedNames:
    """The names and values of one kind of thing."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._names, self._values = f"{kind} names".encode(), f"{kind}s".encode()

    def name_of(self, called: str) -> str:
        """What it is called in Redis."""
        key = _derived(settings.SECRET_KEY, self._names)
        digest = hashlib.blake2b(called.encode(errors="replace"), key=key, digest_size=20).hexdigest()
        return f"tumbler:{self._kind}:{digest}"

    def seal(self, name: str, text: str) -> bytes:
        """A text, sealed for this name."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + _cipher(settings.SECRET_KEY, self._values).encrypt(nonce, text.encode(), name.encode())

    def unseal(self, name: str, value: bytes) -> str | None:
        """The text; None when it was sealed under another key or another name."""
        cipher = _cipher(settings.SECRET_KEY, self._values)
        try:
            return cipher.decrypt(value[:_NONCE_BYTES], value[_NONCE_BYTES:], name.encode()).decode()
        except (InvalidTag, ValueError):
            return None


@lru_cache(maxsize=8)
def _cipher(secret: str, purpose: bytes) -> AESGCM:
    return AESGCM(_derived(secret, purpose))


@lru_cache(maxsize=8)
def _derived(secret: str, purpose: bytes) -> bytes:
    return hashlib.blake2b(purpose, key=hashlib.sha256(secret.encode()).digest(), digest_size=32).digest()
