"""The wire to the upstream: connections are used again, broken ones never, and whoever leaves closes his own at once."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from compat.gemini.client import GeminiClient, Limits
from compat.gemini.failures import GeminiFailure

LIMITS = Limits(connect=2, first_byte=2, idle=2, total=4)
HELLO = b'{"candidates": [{"content": {"parts": [{"text": "Hello!"}]}, "finishReason": "STOP"}]}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(HELLO), HELLO)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(HELLO), HELLO)

Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Upstream:
    """Answers each request by `act`; counts its connections and those that were closed in the middle of one."""

    def __init__(self) -> None:
        self.act: Act = self.answer
        self.answers = WHOLE
        self.opened = self.open = self.asked = self.abandoned = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.answers)

    async def hang(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await reader.read(1):
            self.abandoned += 1

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.open += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                self.asked += 1
                await self.act(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    scripted = Upstream()
    server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0, backlog=512)
    scripted.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield scripted
    server.close()


@pytest.fixture
async def client(upstream: Upstream) -> AsyncIterator[GeminiClient]:
    made = GeminiClient(upstream.url, LIMITS)
    yield made
    await made.close()


async def generate(client: GeminiClient) -> str:
    reply = await client.generate("gemini-2.5-flash", "fake-key-of-the-wire", b"{}")
    return reply.candidates[0].content.parts[0].text


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


async def test_calls_one_after_another_share_a_connection(client: GeminiClient, upstream: Upstream) -> None:
    for upstream.answers in (WHOLE, CHUNKED, WHOLE):
        assert await generate(client) == "Hello!"
    assert (upstream.opened, upstream.asked) == (1, 3)


@pytest.mark.parametrize(
    "answers",
    [
        WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"),
        WHOLE + b"HTTP/1.1 200 OK\r\n",
        WHOLE + WHOLE,
        WHOLE + b"\x00",
    ],
    ids=["close", "1.0", "begun another", "two", "nonsense behind"],
)
async def test_what_may_not_be_used_again_is_not(client: GeminiClient, upstream: Upstream, answers: bytes) -> None:
    upstream.answers = answers
    for _ in range(2):
        try:
            assert await generate(client) == "Hello!"
        except GeminiFailure as failure:
            assert failure.failure.name == "nonsense"
    assert upstream.opened == 2


async def test_a_kept_connection_that_the_upstream_closed_is_not_used(client: GeminiClient, upstream: Upstream) -> None:
    async def answer_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(WHOLE)
        writer.close()

    upstream.act = answer_and_close
    assert await generate(client) == "Hello!"
    await until(lambda: upstream.open == 0)
    await asyncio.sleep(0.05)
    assert await generate(client) == "Hello!"


@pytest.mark.parametrize("answers", [WHOLE, CHUNKED], ids=["length", "chunked"])
async def test_an_answer_that_ends_at_any_byte_but_its_last_is_never_taken_for_whole(
    client: GeminiClient, upstream: Upstream, answers: bytes
) -> None:
    async def answer_one_byte_more_each_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers[: upstream.asked - 1])
        writer.close()

    upstream.act = answer_one_byte_more_each_time
    for _ in range(len(answers)):
        with pytest.raises(GeminiFailure) as caught:
            await generate(client)
        assert caught.value.failure.name == "cut_off"
    assert await generate(client) == "Hello!"


async def test_an_answer_may_come_byte_by_byte_behind_interim_ones(client: GeminiClient, upstream: Upstream) -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + CHUNKED:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    upstream.act = trickle
    assert [await generate(client) for _ in range(2)] == ["Hello!", "Hello!"]
    assert upstream.opened == 1


async def test_a_body_without_length_ends_with_its_connection(client: GeminiClient, upstream: Upstream) -> None:
    async def answer_until_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + HELLO)
        writer.close()

    upstream.act = answer_until_the_end
    assert await generate(client) == "Hello!"


async def test_a_head_without_end_is_given_up(client: GeminiClient, upstream: Upstream) -> None:
    upstream.answers = b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000
    with pytest.raises(GeminiFailure) as caught:
        await generate(client)
    assert caught.value.failure.name == "nonsense"


async def test_a_key_that_would_write_lines_of_its_own_goes_nowhere(client: GeminiClient, upstream: Upstream) -> None:
    for key in ("fake\r\nx-evil: 1", "fake\x00key", "fäke"):
        with pytest.raises(GeminiFailure) as caught:
            await client.generate("gemini-2.5-flash", key, b"{}")
        assert caught.value.failure.disables
    assert upstream.asked == 0


async def test_who_leaves_before_the_first_byte_closes_the_call_at_once(
    client: GeminiClient, upstream: Upstream
) -> None:
    upstream.act = upstream.hang
    call = asyncio.create_task(generate(client))
    await until(lambda: upstream.asked == 1)
    call.cancel()
    await until(lambda: upstream.open == 0)
    assert upstream.abandoned == 1


async def test_a_storm_of_clients_that_leave_leaks_no_connection(client: GeminiClient, upstream: Upstream) -> None:
    """At every stage: while connecting, before the head, in the middle of the answer, at its end."""
    rng = random.Random(20)

    async def answer_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in (CHUNKED[:20], CHUNKED[20:80], CHUNKED[80:]):
            await asyncio.sleep(rng.random() * 0.004)
            writer.write(part)

    async def leave_or_stay() -> None:
        try:
            async with asyncio.timeout(rng.random() * 0.02):
                assert await generate(client) == "Hello!"
        except TimeoutError:
            pass

    upstream.act = answer_slowly
    for _ in range(20):
        await asyncio.gather(*(leave_or_stay() for _ in range(50)))
    upstream.act = upstream.answer
    assert await asyncio.gather(*(generate(client) for _ in range(20))) == ["Hello!"] * 20
    await client.close()
    await until(lambda: upstream.open == 0)


async def test_a_slow_reader_holds_the_upstream_back(client: GeminiClient, upstream: Upstream) -> None:
    """The kernel's buffers fill, then the upstream waits: nothing piles up here."""
    written = 0
    block = b"data: " + HELLO.replace(b"Hello!", b"x" * 50_000) + b"\r\n\r\n"

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while written < 400 * len(block):
            writer.write(block)
            await writer.drain()
            written += len(block)
        writer.close()

    upstream.act = flood
    stream = await client.stream("gemini-2.5-flash", "fake-key-of-the-wire", b"{}")
    await asyncio.sleep(0.3)
    held_at = written
    await asyncio.sleep(0.2)
    assert written == held_at < 300 * len(block)
    count = 0
    while (replies := await stream.read()) is not None:
        count += len(replies)
    stream.close()
    assert count == 400


async def test_a_connection_that_nobody_uses_is_closed_after_a_while(
    client: GeminiClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compat.gemini.connection._KEPT_SECONDS", 0.05)
    assert await generate(client) == "Hello!"
    await until(lambda: upstream.open == 0)
    assert await generate(client) == "Hello!"
    assert upstream.opened == 2


async def test_a_connection_whose_answer_was_left_unread_is_not_used_again(
    client: GeminiClient, upstream: Upstream
) -> None:
    """However large it was: reading may be held back there, and the next answer would never come."""
    long = b"data: " + b"x" * 400_000 + b"\r\n\r\n"
    upstream.answers = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(long), long)
    stream = await client.stream("gemini-2.5-flash", "fake-key-of-the-wire", b"{}")
    await asyncio.sleep(0.1)
    stream.close()
    upstream.answers = WHOLE
    assert await generate(client) == "Hello!"
    assert upstream.opened == 2
