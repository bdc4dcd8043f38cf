"""The load and the stand-in: every answer is looked at, and times are taken where they belong."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

from benchmarks.measuring import standin
from benchmarks.measuring.loading import Load, Wanted, at_rate, closed, coming_and_going, crowd

CHUNKS = 5


@asynccontextmanager
async def serving(kind, **attributes):
    """A server on this loop; gives its port."""
    server = await asyncio.get_running_loop().create_server(type("Set", (kind,), attributes), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def standing_in(pause=0.0):
    return serving(standin.StandIn, events=standin.events_of(CHUNKS), pause=pause)


def whole(port):
    return Wanted("127.0.0.1", port, b"POST /m:generateContent HTTP/1.1\r\n\r\n", standin.ANSWER.encode())


def stream(port):
    request = b"POST /m:streamGenerateContent HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
    last = standin.chunk_texts(CHUNKS)[-1].encode()
    return Wanted("127.0.0.1", port, request, last, b'"candidates"', CHUNKS, b"STOP")


class Wrong(asyncio.Protocol):
    """Answers every request with these bytes, and closes if there are none."""

    answer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if self.answer:
            self.transport.write(self.answer)
        else:
            self.transport.close()


async def test_whole_answers_are_counted_and_timed():
    async with standing_in() as port:
        load = await closed(whole(port), 3, 0.1)
    assert load.answers > 3
    assert (load.errors, len(load.took)) == (0, load.answers)
    assert all(0 < took <= load.seconds for took in load.took)


async def test_of_a_stream_the_chunks_the_first_one_and_the_gaps_are_seen():
    async with standing_in(pause=0.02) as port:
        load = await closed(stream(port), 2, 0.05)
    assert (load.answers, load.errors, load.chunks) == (2, 0, 2 * CHUNKS)
    assert (len(load.first), len(load.gaps)) == (2, 2 * (CHUNKS - 1))
    assert sum(load.gaps) > 2 * 3 * 0.015
    assert all(took - first > 3 * 0.015 for took, first in zip(sorted(load.took), sorted(load.first), strict=True))


async def test_an_answer_that_is_not_the_wanted_one_is_an_error():
    async with standing_in() as port:
        for wrong in (
            replace(whole(port), text=b"something else"),
            replace(stream(port), chunks=CHUNKS + 1),
            replace(stream(port), end=b"data: [DONE]"),
        ):
            load = await closed(wrong, 1, 0.02)
            assert (load.answers, load.errors > 0) == (0, True)
            assert load.wrong.startswith(b"HTTP/1.1 200 OK")


async def test_a_refusal_and_a_connection_that_closes_are_errors():
    body = standin.ANSWER.encode()
    refusal = b"HTTP/1.1 429 Too Many\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    for answer in (refusal, b""):
        async with serving(Wrong, answer=answer) as port:
            load = await closed(whole(port), 1, 0.02)
        assert (load.answers, load.errors > 0) == (0, True)


async def test_requests_at_a_rate_come_by_themselves_and_are_timed_from_when_they_were_due():
    async with standing_in() as port:
        load = await at_rate(whole(port), 200, 0.5)
        again = await at_rate(whole(port), 200, 0.5)
    assert 60 < load.answers < 150
    assert (again.answers, load.errors) == (load.answers, 0)  # the same moments each time


async def test_a_crowd_is_open_at_once_and_then_gone():
    full = []
    async with standing_in(pause=0.05) as port:
        load = await crowd(stream(port), 8, 0.3, lambda: full.append(1))
    assert (full, load.errors, load.left >= 8) == ([1], 0, True)
    assert load.chunks >= 8
    assert load.gaps


async def test_of_those_who_come_some_leave_in_the_middle_and_that_is_no_error():
    load = Load()
    async with standing_in(pause=0.03) as port:
        await coming_and_going([(stream(port), 0.12), (whole(port), 0.0)], 100, 0.5, 0.5, load)
    assert load.errors == 0
    assert load.left > 0
    assert load.answers > load.left / 2


def test_the_stand_in_says_what_is_expected_of_it():
    pieces = b"".join(standin.events_of(3)).split(b"data: ")[1:]
    replies = [json.loads(piece.partition(b"\r\n")[0]) for piece in pieces]
    parts = [reply["candidates"][0]["content"]["parts"][0]["text"] for reply in replies]
    assert parts == standin.chunk_texts(3)
    assert [reply["candidates"][0].get("finishReason") for reply in replies] == [None, None, "STOP"]
