"""Whoever listens to a response that another process makes in the background."""

import asyncio
from collections.abc import AsyncIterator

from accounts.remembered_settings import settings
from accounts.stored.streams import READ_SECONDS, Piece, Reader
from compat.translation.sse import KEEP_ALIVE

# How often the database is asked whether it has ended: where Redis tells of it, in case that what it told was lost.
_LOOK_SECONDS = 1.0
_LOOK_BESIDE_REDIS_SECONDS = 5.0


class Following:
    """The events behind a number, as far as Redis tells them."""

    def __init__(self, response_id: str, after: int) -> None:
        self.after = after
        """The number of the last event that was told."""
        self.is_over = False
        """Whether the last of all was."""
        self._reader = Reader(response_id)
        self._missed = False
        self._silent = 0.0

    async def events(self) -> AsyncIterator[bytes]:
        """What comes until it is time to ask the database again; signs of life in silence."""
        loop = asyncio.get_running_loop()
        hears = bool(settings.REDIS_URL) and not self._missed
        until = loop.time() + (_LOOK_BESIDE_REDIS_SECONDS if hears else _LOOK_SECONDS)
        while not self.is_over and loop.time() < until:
            fresh = b"".join(map(self._heard, await self._reader.news())) if hears else b""
            if fresh:
                self._silent = loop.time()
                yield fresh
            elif loop.time() - self._silent > settings.KEEP_ALIVE_SECONDS:
                self._silent = loop.time()
                yield KEEP_ALIVE
            if not self.is_over:
                await asyncio.sleep(READ_SECONDS if hears else _LOOK_SECONDS)

    def _heard(self, piece: Piece) -> bytes:
        """What is new in it. Behind a gap nothing is: the end will tell what was in there as well."""
        wanted = self.after + 1
        self._missed = self._missed or piece.first > wanted
        if self._missed:
            return b""
        fresh = piece.events[wanted - piece.first :]
        self.after += len(fresh)
        self.is_over = piece.is_last
        return b"".join(fresh)
