"""Models that the upstream says are gone: not asked again for a day, by any process where there is Redis."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from accounts.remembered_settings import settings
from accounts.shared_store import Away, Script, wire_to

REMEMBER_SECONDS = 24 * 60 * 60
_AT_MOST = 1_000
# So often other processes' findings are looked for.
_LOOK_SECONDS = 5.0

_KEYS = ["tumbler:gone"]
_WRITE = Script(f"""
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now + {REMEMBER_SECONDS}, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -{_AT_MOST + 1})
redis.call('EXPIRE', KEYS[1], {REMEMBER_SECONDS})
""")
_READ = Script("""
local now = tonumber(redis.call('TIME')[1])
local found, rows = redis.call('ZRANGEBYSCORE', KEYS[1], now + 1, '+inf', 'WITHSCORES'), {}
for place = 1, #found, 2 do
  table.insert(rows, {found[place], found[place + 1] - now})
end
return cmsgpack.pack(rows)
""")
_rows = msgspec.msgpack.Decoder(list[tuple[str, float]])

_until: dict[str, float] = {}
_looked_at = -_LOOK_SECONDS


def is_gone(model: str) -> bool:
    """True when the model was found gone within a day."""
    if settings.REDIS_URL:
        _look()
    return known_gone(model)


def still_there(models: Sequence[str]) -> Sequence[str]:
    """Those of the models that were not found gone within a day."""
    if settings.REDIS_URL:
        _look()
    return [model for model in models if not known_gone(model)] if _until else models


def known_gone(model: str) -> bool:
    """The same, as far as this process knows: for pages, which run outside the event loop."""
    until = _until.get(model)
    return until is not None and until > time.time()


def remember_gone(model: str) -> None:
    """Ask this model no more for a day."""
    _remember(model, REMEMBER_SECONDS)
    if settings.REDIS_URL:
        wire_to(settings.REDIS_URL).tell(_WRITE, _KEYS, model.encode(), kept=False)


def forget_gone() -> None:
    """Ask every model again, as far as this process has found them gone."""
    global _looked_at
    _until.clear()
    _looked_at = -_LOOK_SECONDS


def _remember(model: str, seconds: float) -> None:
    # Clients may make names up, so the oldest give way.
    _until.pop(model, None)
    while len(_until) >= _AT_MOST:
        del _until[next(iter(_until))]
    _until[model] = time.time() + seconds


def _look() -> None:
    """See now and then what other processes have found; nobody waits for it."""
    global _looked_at
    now = time.monotonic()
    if now - _looked_at < _LOOK_SECONDS:
        return
    _looked_at = now
    try:
        wire_to(settings.REDIS_URL).ask(_READ, _KEYS, b"").add_done_callback(_take_over)
    except Away:
        return


def _take_over(answer: "asyncio.Future[Any]") -> None:
    if not answer.cancelled() and answer.exception() is None:
        for model, seconds in _rows.decode(answer.result()):
            _remember(model, seconds)
