"""A transport that sends when a turn of the event loop is over: what many requests have to say in one turn goes out together.

Whoever is sent something and sleeps is woken, and that takes longer than the sending. Sent between the steps of one request and
the next, each piece wakes its reader anew; sent one right after another, they find it awake. Redis sends its replies so as well.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

# So much goes out at once: a sender must be told in time to wait (`pause_writing`), also within one turn.
_KEPT_BYTES = 64 * 1024


class TurnTransport:
    """An asyncio transport before another, which keeps what is written until the turn is over; all else is the other's."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._kept: list[bytes] = []
        self._size = 0
        self.is_closing = transport.is_closing  # asked several times a request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send this when the turn is over, in order."""
        self.writelines((data,))

    def writelines(self, pieces: Iterable[bytes]) -> None:
        """Send these when the turn is over, in order."""
        kept = self._kept
        if not kept:
            self._loop.call_soon(self._send)
        for piece in pieces:
            kept.append(piece)
            self._size += len(piece)
        if self._size > _KEPT_BYTES:
            self._send()

    def get_write_buffer_size(self) -> int:
        """How many bytes are written and not yet the kernel's."""
        return self._size + self._transport.get_write_buffer_size()

    def write_eof(self) -> None:
        """Say that no more comes, behind all that was written."""
        self._send()
        self._transport.write_eof()

    def close(self) -> None:
        """Close it when all that was written is out."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Close it at once. What was kept is not sent."""
        self._kept, self._size = [], 0
        self._transport.abort()

    def _send(self) -> None:
        kept, self._kept, self._size = self._kept, [], 0
        if kept and not self.is_closing():
            self._transport.writelines(kept)
