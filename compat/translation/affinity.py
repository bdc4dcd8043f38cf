"""Which conversations should meet the same project again: those that it may have cached, or signed."""

import zlib
from collections.abc import Iterable

# Gemini API, implicit caching: no prefix under 1,024 tokens is cached.
_CACHED_FROM_CHARACTERS = 4_096


def affinity_of(beginning: Iterable[str], characters: int, *, bound: bool) -> int | None:
    """A number for the beginning of a conversation, the same for each turn of it in every process.

    For prompts of so many characters that Gemini may find them in its cache, and for conversations that are `bound`: tool
    loops, whose signatures hold in one project only. None where it makes no difference which project answers.
    """
    if not bound and characters < _CACHED_FROM_CHARACTERS:
        return None
    return zlib.crc32("\0".join(text[:4_096] for text in beginning).encode(errors="replace"))
