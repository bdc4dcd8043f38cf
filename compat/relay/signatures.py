"""The memory of thought signatures: for some hours, by user and tool call id, since most clients lose them.

Several processes share it through Redis, where names are keyed hashes and values are sealed: Redis alone tells nothing.
"""

import base64
import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from django.conf import settings

from accounts.sealed_names import SealedNames
from accounts.shared_store import Away, Script, wire_to

REMEMBER_SECONDS = 6 * 60 * 60
_BYTES_AT_MOST = 64 * 1024 * 1024
_FETCHED_AT_MOST = 200

_sealed = SealedNames("signature")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str]).decode

_WRITE = Script(f"redis.call('SET', KEYS[1], ARGV[1], 'EX', {REMEMBER_SECONDS})")
_READ = Script("return redis.call('MGET', unpack(KEYS))")


class _Kept(NamedTuple):
    signature: str
    generation: str
    until: float


_kept: dict[tuple[int, str], _Kept] = {}
_bytes = 0


def keep(user_id: int, call_id: str, signature: str, generation: str) -> None:
    """Remember the signature of a call that a model of this generation made for this user."""
    _keep_here(user_id, call_id, signature, generation)
    if settings.REDIS_URL:
        name = _name(user_id, call_id)
        wire_to(settings.REDIS_URL).tell(_WRITE, [name], _sealed.seal(name, f"{generation}\n{signature}"), kept=False)


def recall(user_id: int, call_id: str, generation: str) -> str | None:
    """The signature of this user's call, if it is of the generation that is to be asked (it is foreign to another)."""
    kept = _kept.get((user_id, call_id))
    if kept is None or kept.generation != generation or kept.until < time.monotonic():
        return None
    return kept.signature


async def fetch(user_id: int, call_ids: Sequence[str]) -> None:
    """Have at hand what other processes remember of these calls, the newest last: one round trip, if any is not at hand.

    What Redis does not tell in time is not remembered.
    """
    missing = [call_id for call_id in call_ids if (user_id, call_id) not in _kept][-_FETCHED_AT_MOST:]
    if not missing or not settings.REDIS_URL:
        return
    names = [_name(user_id, call_id) for call_id in missing]
    try:
        values = await wire_to(settings.REDIS_URL).ask(_READ, names, b"")
    except Away:
        return
    for call_id, name, value in zip(missing, names, values, strict=True):
        opened = None if value is None else _sealed.unseal(name, value)
        if opened is not None:
            generation, _, signature = opened.partition("\n")
            _keep_here(user_id, call_id, signature, generation)


def seal(user_id: int, signatures: dict[str, str]) -> str:
    """Signatures by call id as a text that this user's client may keep and bring back, and nobody can read."""
    return base64.urlsafe_b64encode(_sealed.seal(_carried(user_id), _encode(signatures).decode())).decode()


def unseal(user_id: int, sealed: str) -> dict[str, str]:
    """The signatures in it; none when it was not sealed here for this user."""
    try:
        opened = _sealed.unseal(_carried(user_id), base64.urlsafe_b64decode(sealed.encode()))
    except ValueError:
        return {}
    return _decode(opened) if opened is not None else {}


def forget() -> None:
    """Forget what is at hand: for tests."""
    global _bytes
    _kept.clear()
    _bytes = 0


def _keep_here(user_id: int, call_id: str, signature: str, generation: str) -> None:
    global _bytes
    now = time.monotonic()
    known = _kept.pop((user_id, call_id), None)
    _kept[user_id, call_id] = _Kept(signature, generation, now + REMEMBER_SECONDS)
    _bytes += len(signature) - (len(known.signature) if known else 0)
    # A dict is in order of age: the oldest go when they are over or room is needed.
    while _kept and (_bytes > _BYTES_AT_MOST or next(iter(_kept.values())).until < now):
        _bytes -= len(_kept.pop(next(iter(_kept))).signature)


def _carried(user_id: int) -> str:
    return f"carried by the client of {user_id}"


def _name(user_id: int, call_id: str) -> str:
    return _sealed.name_of(f"{user_id}|{call_id}")
