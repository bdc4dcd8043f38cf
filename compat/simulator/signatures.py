"""Thought signatures that the simulator makes and knows again (Gemini API reference, section 6).

A signature belongs to a model family and to a project: elsewhere it is corrupted, as a real one may be.
"""

from base64 import b64decode, b64encode
from functools import lru_cache
from hashlib import blake2b

from compat.simulator.model_facts import ModelFacts

_PLAIN_PLACEHOLDERS = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
PLACEHOLDERS = frozenset(_PLAIN_PLACEHOLDERS) | {b64encode(text.encode()).decode() for text in _PLAIN_PLACEHOLDERS}
_OPENING = b"\x12\x9a\x02simulated"
_SEAL_SIZE = 16
_USUAL_SIZE = 200
_IMAGE_SIZE = 800_000


def _seal(family: int, project: str) -> bytes:
    return blake2b(f"{family}/{project}".encode(), digest_size=_SEAL_SIZE, key=b"fakegemini").digest()


@lru_cache(maxsize=4096)
def make_signature(family: int, project: str, *, of_image: bool = False) -> str:
    """A signature for a part of that family's models; of an image it is more than a megabyte, as the real one is."""
    start = _OPENING + _seal(family, project)
    size = _IMAGE_SIZE if of_image else _USUAL_SIZE
    filler = blake2b(start, digest_size=64).digest() * (size // 64 + 1)
    return b64encode(start + filler[: size - len(start)]).decode()


def is_placeholder(signature: str) -> bool:
    """Whether it is one of the documented ways to say that there is no signature."""
    return signature in PLACEHOLDERS


def is_own(signature: str, facts: ModelFacts, project: str | None) -> bool:
    """Whether the simulator made it for this family and this project (None: any project)."""
    head = len(_OPENING) + _SEAL_SIZE
    try:
        raw = b64decode(
            signature[: (head // 3 + 1) * 4], altchars=b"-_" if "-" in signature or "_" in signature else None
        )
    except ValueError:
        return False
    if not raw.startswith(_OPENING):
        return False
    return project is None or raw[len(_OPENING) : head] == _seal(facts.generation[0], project)
