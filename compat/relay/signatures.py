"""The memory of thought signatures: for some hours, by user and tool call id, since most clients lose them."""

import time
from typing import NamedTuple

REMEMBER_SECONDS = 6 * 60 * 60
_BYTES_AT_MOST = 64 * 1024 * 1024


class _Kept(NamedTuple):
    signature: str
    generation: str
    until: float


_kept: dict[tuple[int, str], _Kept] = {}
_bytes = 0


def keep(user_id: int, call_id: str, signature: str, generation: str) -> None:
    """Remember the signature of a call that a model of this generation made for this user."""
    global _bytes
    now = time.monotonic()
    _kept[user_id, call_id] = _Kept(signature, generation, now + REMEMBER_SECONDS)
    _bytes += len(signature)
    # A dict is in order of age: the oldest go when they are over or room is needed.
    while _kept and (_bytes > _BYTES_AT_MOST or next(iter(_kept.values())).until < now):
        _bytes -= len(_kept.pop(next(iter(_kept))).signature)


def recall(user_id: int, call_id: str, generation: str) -> str | None:
    """The signature of this user's call, if it is of the generation that is to be asked (it is foreign to another)."""
    kept = _kept.get((user_id, call_id))
    return kept.signature if kept is not None and kept.generation == generation else None
