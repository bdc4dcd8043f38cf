"""The load: clients on raw connections that take times, count chunks, and look at every answer.

An answer counts when its status is 200, and it has the text, the number of chunks and the end that it should have. Everything
else is an error, and so is a connection that closes.
"""

import asyncio
import contextlib
import gc
import random
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PATIENCE = 30.0  # seconds for one answer


@dataclass(frozen=True)
class Wanted:
    """A request as bytes, and how its whole answer is known: a text in it, so many chunks, and its last words."""

    host: str
    port: int
    request: bytes
    text: bytes
    mark: bytes = b""
    chunks: int = 0
    end: bytes = b""

    def is_right(self, head: bytes, body: bytes, chunks: int) -> bool:
        """Whether this is the answer that was wanted."""
        right = head.startswith(b"HTTP/1.1 200") and self.text in body and chunks >= self.chunks
        return right and self.end in body[-400:]


@dataclass
class Load:
    """What came of it; times in seconds."""

    answers: int = 0
    errors: int = 0
    left: int = 0
    chunks: int = 0
    seconds: float = 0.0
    took: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    wrong: bytes = b""

    @property
    def rate(self) -> float:
        """Whole answers a second."""
        return self.answers / self.seconds


class Client(asyncio.Protocol):
    """One connection, one request at a time."""

    transport: Any

    def __init__(self, load: Load) -> None:
        self.load = load
        self.done: asyncio.Future[bool] | None = None
        self.spoke = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        """Send small segments at once."""
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, wanted: Wanted, began: float) -> "asyncio.Future[bool]":
        """Send the request; the future tells whether the answer was right. `began` is when it was due."""
        self.wanted, self.began = wanted, began
        self.head, self.parts, self.length = b"", [], -1
        self.size, self.chunks, self.last = 0, 0, 0.0
        self.done = asyncio.get_running_loop().create_future()
        self.transport.write(wanted.request)
        return self.done

    def data_received(self, data: bytes) -> None:
        """Take a piece of the answer."""
        now = time.perf_counter()
        if not self.head:
            self.parts.append(data)
            start, found, data = b"".join(self.parts).partition(b"\r\n\r\n")
            if not found:
                return
            self.head, self.parts = start, []
            length = _LENGTH.search(start)
            self.length = int(length[1]) if length else -1
        self.parts.append(data)
        self.size += len(data)
        if self.wanted.mark and (marks := data.count(self.wanted.mark)):
            self._chunks_came(marks, now)
        if self.size >= self.length if self.length >= 0 else data.endswith(b"0\r\n\r\n"):
            self._end(now)

    def _chunks_came(self, marks: int, now: float) -> None:
        # Chunks that come together are one arrival: the gap is what a reader sees.
        if self.last:
            self.load.gaps.append(now - self.last)
        else:
            self.load.first.append(now - self.began)
            self.spoke.set()
        self.chunks += marks
        self.load.chunks += marks
        self.last = now

    def _end(self, now: float) -> None:
        body = b"".join(self.parts)
        right = self.wanted.is_right(self.head, body, self.chunks)
        if right:
            self.load.answers += 1
            self.load.took.append(now - self.began)
        else:
            self._went_wrong(self.head + b"\r\n\r\n" + body)
        if self.done is not None and not self.done.done():
            self.done.set_result(right)

    def _went_wrong(self, seen: bytes) -> None:
        self.load.errors += 1
        self.load.wrong = self.load.wrong or seen[:2000]

    def leave(self) -> None:
        """Go away in the middle."""
        self.load.left += 1
        self.done = None
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever still waits learns that nothing comes."""
        if self.done is not None and not self.done.done():
            self._went_wrong(b"the connection closed")
            self.done.set_result(False)


async def connect(wanted: Wanted, load: Load) -> Client:
    """A new connection."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(load), wanted.host, wanted.port)
    return client


async def _answer(client: Client, wanted: Wanted, load: Load, began: float) -> Client:
    """Ask once on this connection; gives the connection for the next request, a new one if this one is spoilt."""
    if await client.ask(wanted, began) and not client.transport.is_closing():
        return client
    client.transport.abort()
    return await connect(wanted, load)


@contextlib.contextmanager
def _without_pauses() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def closed(wanted: Wanted, clients: int, seconds: float) -> Load:
    """So many clients, each asking again as soon as it has its answer."""
    load = Load()
    with _without_pauses():
        connected = [await connect(wanted, load) for _ in range(clients)]
        begin = time.perf_counter()
        end = begin + seconds

        async def client(connection: Client) -> None:
            while time.perf_counter() < end:
                connection = await _answer(connection, wanted, load, time.perf_counter())
            connection.transport.abort()

        async with asyncio.timeout(seconds + _PATIENCE):
            await asyncio.gather(*map(client, connected))
        load.seconds = time.perf_counter() - begin
    return load


async def at_rate(wanted: Wanted, rate: float, seconds: float, seed: int = 1) -> Load:
    """Requests that come by themselves, at random moments, so many a second on average; times from when each was due."""
    load, running = Load(), set[asyncio.Task[None]]()
    idle = [await connect(wanted, load) for _ in range(8)]

    async def one(due: float) -> None:
        client = idle.pop() if idle else await connect(wanted, load)
        idle.append(await _answer(client, wanted, load, due))

    def begin(due: float) -> None:
        task = asyncio.ensure_future(one(due))
        running.add(task)
        task.add_done_callback(running.discard)

    with _without_pauses():
        began = time.perf_counter()
        async with asyncio.timeout(seconds + _PATIENCE):
            await asyncio.to_thread(_at_moments, asyncio.get_running_loop(), begin, rate, seconds, seed)
            await asyncio.sleep(0)
            await asyncio.gather(*running)
        load.seconds = time.perf_counter() - began
    for client in idle:
        client.transport.abort()
    return load


def _at_moments(loop: Any, begin: Callable[[float], None], rate: float, seconds: float, seed: int) -> None:
    # A thread of its own: it sleeps to within 0.1 ms, a loop's timers to within 1 ms.
    moments = random.Random(seed)
    due = time.perf_counter()
    end = due + seconds
    while (due := due + moments.expovariate(rate)) < end:
        if (left := due - time.perf_counter()) > 0:
            time.sleep(left)
        loop.call_soon_threadsafe(begin, due)


async def crowd(wanted: Wanted, clients: int, seconds: float, full: Callable[[], None]) -> Load:
    """Streams open at once, held for so many seconds: one that ends is followed by another.

    They come over two seconds. `full` is called when the last one has begun to speak, or 20 s after it came. Answers and gaps
    are those after that moment.
    """
    load, last = Load(), asyncio.Event()
    with _without_pauses():

        async def client(number: int) -> None:
            await asyncio.sleep(2 * number / clients)
            connection = await connect(wanted, load)
            if number == clients - 1:
                connection.spoke = last
            try:
                while True:
                    connection = await _answer(connection, wanted, load, time.perf_counter())
            finally:
                connection.leave()

        tasks = [asyncio.ensure_future(client(number)) for number in range(clients)]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(last.wait(), 22)
        full()
        load.gaps.clear()
        load.answers, load.chunks, begin = 0, 0, time.perf_counter()
        await asyncio.sleep(seconds)
        load.seconds = time.perf_counter() - begin
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return load


async def coming_and_going(
    kinds: Sequence[tuple[Wanted, float]], rate: float, leaving: float, seconds: float, load: Load
) -> None:
    """Requests of every kind at random moments, each on a connection of its own; a part of the clients leaves in the middle.

    A kind comes with the seconds that its answer takes: whoever leaves does so within that time.
    """
    chance, running = random.Random(5), set[asyncio.Task[None]]()

    async def one() -> None:
        wanted, lasting = chance.choice(kinds)
        leaves = chance.random() < leaving
        client = await connect(wanted, load)
        done = client.ask(wanted, time.perf_counter())
        await asyncio.wait({done}, timeout=chance.random() * lasting if leaves else _PATIENCE)
        if done.done():
            client.transport.abort()
        else:
            client.leave()
            load.errors += not leaves

    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        task = asyncio.ensure_future(one())
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.sleep(chance.expovariate(rate))
    await asyncio.gather(*running)
