"""Which projects of Google's hold a copy of a stored file just now. Remembered while it is used, written down nowhere.

Whose a file is stands in the database, whose key a project is as well: which of them met must not. It is in the memory of
each process, or in Redis where that is used, with keyed hashes for names and sealed values, for as long as the copy is used.
"""

from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec
from django.conf import settings

from accounts.sealed_names import SealedNames
from accounts.shared_store import Away, Script, wire_to

# Redis keeps it a little longer than it is used, for whoever deletes it.
_KEPT_ON_SECONDS = 10 * 60
_AT_MOST = 100_000
_sealed = SealedNames("place")
_pack = msgspec.msgpack.Encoder().encode

# A file has a hash, in which each project that holds a copy has a field.
_KEEP = Script("""
local asked = cmsgpack.unpack(ARGV[1])
redis.call('HSET', KEYS[1], asked[1], asked[2])
redis.call('EXPIRE', KEYS[1], asked[3])
""")
_READ = Script("""
local found = {}
for place, key in ipairs(KEYS) do
  found[place] = redis.call('HGETALL', key)
end
return found
""")
# Who used it last, and nobody else, may forget it.
_FORGET = Script("""
local asked = cmsgpack.unpack(ARGV[1])
if redis.call('HGET', KEYS[1], asked[1]) ~= asked[2] then
  return 0
end
redis.call('HDEL', KEYS[1], asked[1])
return 1
""")
_TAKE = Script("""
local found = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
return found
""")


class Copy(NamedTuple):
    """A copy of a stored file in a project of Google's."""

    domain: str
    """The quota domain of the project."""
    name: str
    """Gemini's name for it, `files/…`."""
    uri: str
    """What a request names."""
    until: float
    """The Unix time from which on it is not named any more."""


class _Held(NamedTuple):
    copy: Copy
    used: float
    """The Unix time at which this process named it last, or another one, as far as is known here."""
    value: str
    """What Redis holds: "" without Redis."""


_held: dict[str, dict[str, _Held]] = {}
"""By the file's id and the quota domain."""
_decode = msgspec.json.Decoder(tuple[Copy, float]).decode
_encode = msgspec.json.Encoder().encode


def keep(file_id: str, copy: Copy, now: float) -> None:
    """Remember a copy; it is used now."""
    value = ""
    if settings.REDIS_URL:
        name = _sealed.name_of(file_id)
        field = _field(file_id, copy.domain)
        value = b64encode(_sealed.seal(name + field, _encode((copy, now)).decode())).decode()
        lasts = settings.GEMINI_FILE_MINUTES * 60 + _KEPT_ON_SECONDS
        wire_to(settings.REDIS_URL).tell(_KEEP, [name], _pack((field, value, lasts)), kept=False)
    if file_id not in _held and len(_held) >= _AT_MOST:
        _held.pop(next(iter(_held)))  # at Google it will be gone in two days
    _held.setdefault(file_id, {})[copy.domain] = _Held(copy, now, value)


def use(file_id: str, domain: str, now: float) -> Copy | None:
    """The copy that a project holds, as far as is known here; it is used now."""
    held = _held.get(file_id, {}).get(domain)
    if held is None or held.copy.until <= now:
        return None
    keep(file_id, held.copy, now)
    return held.copy


def holders(sizes: Mapping[str, int], now: float) -> list[str]:
    """The quota domains that hold copies of these files, by the bytes of them that they hold, the most first."""
    held: dict[str, int] = {}
    for file_id, size in sizes.items():
        for domain, one in _held.get(file_id, {}).items():
            if one.copy.until > now:
                held[domain] = held.get(domain, 0) + size
    return sorted(held, key=lambda domain: -held[domain])


async def fetch(file_ids: Collection[str]) -> None:
    """Have at hand what other processes know of these files: one round trip. While Redis is away it is what is known here."""
    if not settings.REDIS_URL or not file_ids:
        return
    try:
        found = await wire_to(settings.REDIS_URL).ask(_READ, [_sealed.name_of(one) for one in file_ids], b"")
    except Away:
        return
    for file_id, pairs in zip(file_ids, found, strict=True):
        known = {held.copy.domain: held for held in _opened(file_id, pairs)}
        if known:
            _held[file_id] = known
        else:
            _held.pop(file_id, None)


def forget(file_id: str, copy: Copy) -> None:
    """A copy is there no more."""
    held = _dropped(file_id, copy)
    if held is not None and held.value:
        wire_to(settings.REDIS_URL).tell(_FORGET, [_sealed.name_of(file_id)], _asked(file_id, held), kept=False)


def over(now: float) -> list[tuple[str, Copy]]:
    """The copies, by the ids of their files, that nobody has named for as long as they are kept, or whose time is over."""
    idle = now - settings.GEMINI_FILE_MINUTES * 60
    return [
        (file_id, held.copy)
        for file_id, by_domain in _held.items()
        for held in by_domain.values()
        if held.used <= idle or held.copy.until <= now
    ]


async def let_go(file_id: str, copy: Copy) -> bool:
    """Forget a copy that is over; False when another process has used it since, so that it is that one's to delete."""
    held = _dropped(file_id, copy)
    if held is None:
        return False
    if not held.value:
        return True
    try:
        return bool(await wire_to(settings.REDIS_URL).ask(_FORGET, [_sealed.name_of(file_id)], _asked(file_id, held)))
    except Away:
        return False


async def take(file_id: str) -> list[Copy]:
    """Every copy of a file that is known to any process, forgotten."""
    taken = [held.copy for held in _held.pop(file_id, {}).values()]
    if not settings.REDIS_URL:
        return taken
    try:
        pairs = await wire_to(settings.REDIS_URL).ask(_TAKE, [_sealed.name_of(file_id)], b"")
    except Away:
        return taken
    return list({*taken, *(held.copy for held in _opened(file_id, pairs))})


def known() -> list[str]:
    """The ids of the files of which copies are known here."""
    return list(_held)


def forget_all() -> None:
    """Forget what is at hand: for tests."""
    _held.clear()


def _dropped(file_id: str, copy: Copy) -> _Held | None:
    """What is known here of this copy, forgotten here."""
    by_domain = _held.get(file_id, {})
    held = by_domain.get(copy.domain)
    if held is None or held.copy.name != copy.name:
        return None
    del by_domain[copy.domain]
    if not by_domain:
        del _held[file_id]
    return held


def _asked(file_id: str, held: _Held) -> bytes:
    return _pack((_field(file_id, held.copy.domain), held.value))


def _opened(file_id: str, pairs: list[bytes]) -> list[_Held]:
    """What Redis holds of a file: fields and values in turn."""
    name, found = _sealed.name_of(file_id), []
    for field, value in zip(pairs[::2], pairs[1::2], strict=True):
        try:
            text = _sealed.unseal(name + field.decode(), b64decode(value))
            copy, used = _decode(text or "")
        except (ValueError, msgspec.DecodeError):
            continue  # it was written under another secret, or is no copy
        found.append(_Held(copy, used, value.decode()))
    return found


def _field(file_id: str, domain: str) -> str:
    return _sealed.name_of(f"{file_id}|{domain}").rpartition(":")[2]
