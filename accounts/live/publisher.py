"""Tells the traffic of this process to the processes that watch: five times a second at most, and only while one does."""

import asyncio
import contextlib
import contextvars
import secrets
import time

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.conf import settings

from accounts.live import presence
from accounts.live.summary import ENDED_TOLD, Told, summary
from accounts.live.traffic import traffic
from accounts.shared_store import Away

TICK_SECONDS = 0.2
LOOK_SECONDS = 1.0
# Without news it still says that it is there.
QUIET_SECONDS = 1.0
SEND_SECONDS = 0.5


def layer_fails() -> tuple[type[Exception], ...]:
    """What the layer that carries the traffic raises when it does not get through."""
    if not settings.REDIS_URL:
        return (Away,)
    from redis.exceptions import RedisError  # without Redis a process is 7 MB smaller

    return RedisError, OSError, Away


def is_to_end() -> bool:
    """Whether this task was cancelled at some time: who runs on and on asks, for a layer may lose the cancellation.

    Before Python 3.12 `asyncio.wait_for`, by which redis-py sends, returned its result instead of passing it on.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Publisher:
    """One process's, in one event loop."""

    def __init__(self) -> None:
        self.process = secrets.token_hex(4)
        self._watching: set[str] = set()
        self._looked = self._told_at = float("-inf")
        self._told: Told | None = None
        self._sent = traffic.ended_count
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Run, if it does not yet."""
        if self._task is None or self._task.done():
            self._looked = float("-inf")
            # A context of its own: whoever came first is not whom it works for.
            self._task = asyncio.get_running_loop().create_task(self._run(), context=contextvars.Context())

    async def _run(self) -> None:
        while not is_to_end():
            try:
                await self._look()
                await self._tell()
            except layer_fails():
                await asyncio.sleep(LOOK_SECONDS)
            if self._watching:
                await asyncio.sleep(TICK_SECONDS)
            elif settings.REDIS_URL:
                await asyncio.sleep(LOOK_SECONDS)
            else:
                return  # a watcher of this process begins it again

    async def _look(self) -> None:
        """See who watches, and tell newcomers what ended before they came."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        watching = await presence.who()
        if not watching:
            self._sent = traffic.ended_count
        elif fresh := watching - self._watching:
            await self._send(fresh, summary(self.process, traffic, self._sent - ENDED_TOLD))
        # Not before: newcomers whom nothing reached are newcomers still.
        self._looked, self._watching = now, watching

    async def _tell(self) -> None:
        if not self._watching:
            return
        now = summary(self.process, traffic, self._sent)
        quiet = time.monotonic() - self._told_at
        if now == self._told and quiet < QUIET_SECONDS:
            return
        await self._send(self._watching, now)
        # Not before: what did not get through is told again.
        self._told, self._told_at, self._sent = now, time.monotonic(), now.ended_count

    async def _send(self, channels: set[str], told: Told) -> None:
        layer = get_channel_layer()
        for channel in channels:
            # One that does not read has lost what it missed, and keeps nothing from the others.
            with contextlib.suppress(ChannelFull):
                async with asyncio.timeout(SEND_SECONDS):
                    await layer.send(channel, {"type": "live.told", **told._asdict()})


_publisher: Publisher | None = None
_loop: asyncio.AbstractEventLoop | None = None


def publish() -> None:
    """Have this process tell its traffic from now on, while somebody watches."""
    global _publisher, _loop
    loop = asyncio.get_running_loop()
    if _publisher is None or loop is not _loop:
        _publisher, _loop = Publisher(), loop
    _publisher.begin()
