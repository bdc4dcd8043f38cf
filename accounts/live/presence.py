"""Which processes have watchers just now: known in memory, or in Redis where several processes share it."""

import asyncio
import time

from django.conf import settings

from accounts.shared_store import Script, wire_to

SECONDS = 4
"""For so long a process counts as watching after it has last said so."""

_KEY = "tumbler:live:watching"
# Redis's own clock: those of the processes may differ.
_SAY = Script(
    f"""
    local now = tonumber(redis.call('TIME')[1])
    redis.call('ZADD', KEYS[1], now + {SECONDS}, ARGV[1])
    redis.call('EXPIRE', KEYS[1], {2 * SECONDS})
    """
)
_WHO = Script(
    """
    local now = tonumber(redis.call('TIME')[1])
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now)
    return redis.call('ZRANGE', KEYS[1], 0, -1)
    """
)

_here: dict[str, float] = {}


async def say(channel: str) -> None:
    """This process watches, and hears on this channel. Raises Away."""
    if settings.REDIS_URL:
        await wire_to(settings.REDIS_URL).ask(_SAY, [_KEY], channel.encode())
    else:
        _here[channel] = time.monotonic() + SECONDS


async def who() -> set[str]:
    """The channels of all processes that watch. Raises Away."""
    if settings.REDIS_URL:
        found = await wire_to(settings.REDIS_URL).ask(_WHO, [_KEY], b"")
        return {channel.decode() for channel in found}
    now = time.monotonic()
    for channel in [channel for channel, until in _here.items() if until < now]:
        del _here[channel]
    await asyncio.sleep(0)
    return set(_here)
