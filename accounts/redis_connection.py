"""One connection to Redis in the event loop itself: commands go out together, and their replies are read in one go.

redis-py waits for every line of every reply by itself, which cost more than the rest of a request did
(docs/decisions/0008-leases-on-redis.md). What REDIS_URL may say is still for redis-py to tell.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection

_INTEGER, _BULK, _ARRAY, _STATUS, _ERROR = b":$*+-"


class Refused(Exception):
    """An error that Redis answered with, in its words; the first of them is the error's name."""

    @property
    def name(self) -> str:
        """NOSCRIPT, OOM, READONLY, WRONGPASS …"""
        return str(self).partition(" ")[0]


class _Incomplete(Exception):
    """The rest of a reply has still to come."""


def command(*words: bytes) -> bytes:
    """A command as Redis reads it (RESP, its protocol): the number of words, and each of them after its length."""
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


class Connection(asyncio.Protocol):
    """Asks one batch of commands after another. It closes when a batch is not answered in time, or not by Redis."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._answer: asyncio.Future[list[Any]] | None = None
        self._replies: list[Any] = []
        self._wanted = 0
        self._unread = b""
        self.is_closed = False

    async def ask(self, commands: Sequence[bytes], due: float) -> list[Any]:
        """Their replies in their order, by the loop's time `due`; an error is a reply as well, see Refused. Raises OSError.

        Who is cancelled closes the connection: nobody else shall be given the replies.
        """
        if self.is_closed:
            raise ConnectionResetError("Redis closed the connection.")
        answer: asyncio.Future[list[Any]] = self._loop.create_future()
        self._answer = answer
        self._replies, self._wanted = [], len(commands)
        late = self._loop.call_at(due, self._break, TimeoutError("Redis did not answer in time."))
        self._transport.write(b"".join(commands))
        try:
            return await answer
        finally:
            late.cancel()
            self._answer = None
            if answer.cancelled():
                self.close()

    def close(self) -> None:
        """Close it now."""
        self.is_closed = True
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read what is whole; whoever asked is woken once, when every reply is here."""
        self._unread += data
        at = 0
        try:
            while len(self._replies) < self._wanted:
                reply, at = _read(self._unread, at)
                self._replies.append(reply)
        except _Incomplete:
            self._unread = self._unread[at:]
            return
        except ValueError as error:
            self._break(ConnectionError(f"What answers is not Redis: {error}"))
            return
        self._unread = self._unread[at:]
        if self._unread or self._answer is None:
            self._break(ConnectionError("Redis said more than it was asked."))
        elif not self._answer.done():
            self._answer.set_result(self._replies)

    def connection_lost(self, exc: Exception | None) -> None:
        """Redis closed it."""
        self._break(ConnectionResetError("Redis closed the connection."))

    def _break(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.close()


def _read(data: bytes, at: int) -> tuple[Any, int]:
    """The reply that begins at `at`, and where the next one does. Raises ValueError for what is none."""
    end = data.find(b"\r\n", at)
    if end < 0:
        raise _Incomplete
    kind, line, start = data[at], data[at + 1 : end], end + 2
    if kind == _INTEGER:
        return int(line), start
    if kind == _BULK:
        return _bulk(data, start, int(line))
    if kind == _ARRAY:
        return _array(data, start, int(line))
    if kind == _STATUS:
        return line, start
    if kind == _ERROR:
        return Refused(line.decode(errors="replace")), start
    raise ValueError(f"{data[at : at + 20]!r}")


def _bulk(data: bytes, start: int, size: int) -> tuple[bytes | None, int]:
    if size < 0:
        return None, start
    end = start + size
    if len(data) < end + 2:
        raise _Incomplete
    return data[start:end], end + 2


def _array(data: bytes, start: int, size: int) -> tuple[list[Any] | None, int]:
    if size < 0:
        return None, start
    items = []
    for _ in range(size):
        item, start = _read(data, start)
        items.append(item)
    return items, start


def place_of(url: str) -> "AbstractConnection":
    """What a URL says, as redis-py understands it: a host or a socket, TLS, a password, a database. Nothing is opened.

    Raises ValueError.
    """
    from redis.asyncio import Connection as Usual
    from redis.asyncio.connection import parse_url

    options: dict[str, Any] = dict(parse_url(url))
    kind = options.pop("connection_class", Usual)
    place: AbstractConnection = kind(**options)
    return place


async def connect(place: Any, due: float) -> Connection:
    """A connection to that place, signed in, at its database, by the loop's time `due`. Raises OSError and Refused."""
    async with asyncio.timeout_at(due):
        connection = await _opened(place)
    greeting = []
    if place.password:
        greeting.append(command(b"AUTH", *(word.encode() for word in (place.username, place.password) if word)))
    if place.db:
        greeting.append(command(b"SELECT", b"%d" % place.db))
    for reply in await connection.ask(greeting, due) if greeting else ():
        if isinstance(reply, Refused):
            connection.close()
            raise reply
    return connection


async def _opened(place: Any) -> Connection:
    loop = asyncio.get_running_loop()
    if path := getattr(place, "path", None):
        return (await loop.create_unix_connection(Connection, path))[1]
    tls = getattr(place, "ssl_context", None)
    return (await loop.create_connection(Connection, place.host, place.port, ssl=tls and tls.get()))[1]
