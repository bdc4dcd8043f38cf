"""Streams of responses in the background for readers at other processes: told through Redis, sealed, while they are made.

What gets lost on the way is no loss: whoever misses a part waits for the end, which the database has.
"""

import asyncio
from typing import NamedTuple

from accounts.remembered_settings import settings
from accounts.sealing import Unsealable, seal_bytes, unseal_bytes
from accounts.shared_store import Away, Script, wire_to

READ_SECONDS = 0.25
"""How often a reader is to look for news."""
KEPT_SECONDS = 900
"""In Redis, after the last news: a longer silence ends every stream (TUMBLER_TOTAL_SECONDS)."""
KEPT_AFTER_THE_END_SECONDS = 60
# What comes within it goes out together.
_GATHER_SECONDS = 0.1
# Of one stream: one with pictures in it is read from the database, when it has ended.
_MOST_BYTES = 1024 * 1024

_TELL = Script(
    f"""
    redis.call('RPUSH', KEYS[1], ARGV[1])
    redis.call('EXPIRE', KEYS[1], {KEPT_SECONDS})
    """
)
_END = Script(
    f"""
    redis.call('RPUSH', KEYS[1], ARGV[1])
    redis.call('EXPIRE', KEYS[1], {KEPT_AFTER_THE_END_SECONDS})
    """
)
_READ = Script("return redis.call('LRANGE', KEYS[1], ARGV[1], -1)")

_MORE, _LAST = b"+", b"."
_END_OF_EVENT = b"\n\n"


class Piece(NamedTuple):
    """Some events that follow each other."""

    first: int
    """The number of the first of them."""
    events: list[bytes]
    is_last: bool


class Teller:
    """Tells the stream of one response, from its first event on."""

    def __init__(self, response_id: str) -> None:
        self._id = response_id
        self._waiting: list[bytes] = []
        self._number = 0
        self._room = _MOST_BYTES
        self._timer: asyncio.TimerHandle | None = None

    def tell(self, events: list[bytes], *, is_last: bool) -> None:
        """Events as they come, each with its end."""
        if not settings.REDIS_URL or self._room <= 0:
            return
        self._waiting += events
        if is_last:
            self._send(is_last=True)
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._send)

    def _send(self, *, is_last: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        content = (_LAST if is_last else _MORE) + b"".join(self._waiting)
        self._room -= len(content)
        if self._room > 0:
            sealed = seal_bytes(_place(self._id, self._number), content)
            told = b"%d %s" % (self._number, sealed)
            wire_to(settings.REDIS_URL).tell(_END if is_last else _TELL, [_key(self._id)], told, kept=False)
        self._number += len(self._waiting)
        self._waiting = []


class Reader:
    """Reads the stream of one response that another process makes."""

    def __init__(self, response_id: str) -> None:
        self._id = response_id
        self._seen = 0

    async def news(self) -> list[Piece]:
        """What came since it was asked last, from the beginning at first; nothing while Redis is away."""
        if not settings.REDIS_URL:
            return []
        try:
            found = await wire_to(settings.REDIS_URL).ask(_READ, [_key(self._id)], b"%d" % self._seen)
        except Away:
            return []
        self._seen += len(found)
        return [piece for told in found if (piece := self._opened(told)) is not None]

    def _opened(self, told: bytes) -> Piece | None:
        number, _, sealed = told.partition(b" ")
        try:
            content = unseal_bytes(_place(self._id, int(number)), sealed)
        except Unsealable:
            return None
        events = [event + _END_OF_EVENT for event in content[1:].split(_END_OF_EVENT) if event]
        return Piece(int(number), events, content.startswith(_LAST))


def _key(response_id: str) -> str:
    return f"tumbler:stream:{response_id}"


def _place(response_id: str, number: int) -> str:
    return f"stream of {response_id}/{number}"
