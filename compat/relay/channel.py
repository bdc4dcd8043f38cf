"""A bounded way for bytes from the pump to the response: no lock, no task a chunk."""

import asyncio

_FULL_BYTES = 256 * 1024


class Channel:
    """One writer, one reader. What waits is read all at once, so chunks that arrived together are sent together."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._size = 0
        self._closed = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def put(self, data: bytes) -> None:
        """Add bytes; see `room` for waiting."""
        self._waiting.append(data)
        self._size += len(data)
        self._wake()

    async def room(self) -> None:
        """Wait while a slow reader has too much ahead of it."""
        while self._size >= _FULL_BYTES and not self._closed:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer

    def close(self) -> None:
        """Nothing more will be put."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    async def get(self, seconds: float) -> bytes | None:
        """All that waits, b"" when nothing came within so many seconds, None after the end."""
        if not self._waiting and not self._closed:
            await self._wait(seconds)
        if self._waiting:
            data = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
            self._waiting.clear()
            self._size = 0
            if self._writer is not None and not self._writer.done():
                self._writer.set_result(None)
            return data
        return None if self._closed else b""

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + seconds
        if self._timer is None:
            self._timer = loop.call_at(self._due, self._look, loop)
        self._reader = loop.create_future()
        await self._reader

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake the reader if the silence has lasted; one timer serves a whole stream."""
        self._timer = None
        if loop.time() >= self._due:
            self._wake()
        else:
            self._timer = loop.call_at(self._due, self._look, loop)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
