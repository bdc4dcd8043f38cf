"""The way to Redis: no answer is ever somebody else's, nobody waits for long, and what was told gets through."""

import asyncio
import random
import time
from contextlib import asynccontextmanager, suppress

import pytest

from accounts.shared_store import ANSWER_SECONDS, Away, Script, Wire

ECHO = Script("return ARGV[1]")
COUNT = Script("return redis.call('SADD', KEYS[1], ARGV[1])")


@pytest.fixture
async def wire(frail_redis):
    wire = Wire(frail_redis.url)
    yield wire
    await wire.close()


async def test_a_storm_of_cancellations_gives_nobody_anothers_answer(wire):
    rng, wrong, right = random.Random(3), [], 0

    async def ask(number):
        nonlocal right
        answer = await wire.ask(ECHO, (), b"%d" % number)
        wrong.extend([number] if answer != b"%d" % number else [])
        right += 1

    end, number = time.monotonic() + 3, 0
    while time.monotonic() < end:
        tasks = [asyncio.create_task(ask(number + i)) for i in range(30)]
        number += 30
        await asyncio.sleep(rng.random() * 0.003)
        for task in rng.sample(tasks, 15):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert wrong == []
    assert right > 1_000


async def test_a_server_that_accepts_and_says_nothing_holds_nobody(wire, frail_redis):
    assert await wire.ask(ECHO, (), b"a") == b"a"
    frail_redis.freeze()
    start = time.monotonic()
    for _ in range(3):
        with pytest.raises(Away):
            await wire.ask(ECHO, (), b"b")
    assert time.monotonic() - start < 1.2
    assert wire.away
    start = time.monotonic()
    for _ in range(100):
        with pytest.raises(Away):
            wire.ask(ECHO, (), b"c")
    assert time.monotonic() - start < 0.05


async def test_what_came_while_others_waited_in_vain_waits_no_longer_than_they(wire, frail_redis):
    assert await wire.ask(ECHO, (), b"a") == b"a"
    frail_redis.freeze()
    waits = []

    async def ask(after):
        await asyncio.sleep(after)
        start = time.monotonic()
        with pytest.raises(Away):
            await wire.ask(ECHO, (), b"b")
        waits.append(time.monotonic() - start)

    await asyncio.gather(*(ask(i / 20) for i in range(12)))
    assert max(waits) < 0.45


async def test_what_was_told_while_redis_was_away_gets_through(wire, frail_redis):
    wire.tell(COUNT, ["told"], b"0")
    await wire.drained()
    frail_redis.kill()
    for number in range(1, 50):
        wire.tell(COUNT, ["told"], b"%d" % number)
        wire.tell(COUNT, ["forgotten"], b"%d" % number, kept=False)
        await asyncio.sleep(0.001)
    await asyncio.to_thread(frail_redis.start)
    await asyncio.to_thread(frail_redis.wait)
    end = time.monotonic() + 5
    while await _told(wire) < 49 and time.monotonic() < end:
        await asyncio.sleep(0.1)
    assert await _told(wire) == 49
    assert wire.is_well


async def test_a_redis_that_refuses_every_script_counts_as_away(wire):
    broken = Script("return redis.error_reply('OOM command not allowed')")
    for _ in range(3):
        with pytest.raises(Away):
            await wire.ask(broken, (), b"")
    assert wire.away
    await asyncio.sleep(1.5)
    assert await wire.ask(ECHO, (), b"a") == b"a"


async def _told(wire):
    size = Script("return redis.call('SCARD', KEYS[1])")
    try:
        return await wire.ask(size, ["told"], b"")
    except Away:
        return 0


async def test_what_undoes_a_question_comes_behind_it_also_when_redis_was_silent(frail_redis):
    """Redis reads 16 kB of a connection, then looks at the others: the rest of them would come behind what undoes it."""
    names = [f"taken-{number}" for number in range(200)]
    async with far_away(frail_redis.port) as port:
        wire = Wire(f"redis://127.0.0.1:{port}")
        await asyncio.gather(wire.ask(TAKE, ["other"], b""), wire.ask(GIVE_BACK, ["other"], b""))  # Redis knows them
        frail_redis.freeze()
        asked = [wire.ask(TAKE, [name], b"x" * 1000) for name in names]
        for name, answer in zip(names, asked, strict=True):
            with pytest.raises(Away):
                await answer
            wire.tell(GIVE_BACK, [name], b"")
        await asyncio.sleep(0.4 * ANSWER_SECONDS)  # it is on its way, and waited for
        frail_redis.thaw()
        await wire.drained()
        assert await wire.ask(LEFT, names, b"") == 0
        await wire.close()


TAKE = Script("redis.call('SET', KEYS[1], ARGV[1])")
GIVE_BACK = Script("redis.call('DEL', KEYS[1])")
LEFT = Script("return redis.call('EXISTS', unpack(KEYS))")


@asynccontextmanager
async def far_away(redis_port):
    """The port of a Redis behind a network: that a connection was given up is not known there for a while."""
    over, passing = asyncio.Event(), []

    async def pass_on(reader, writer):
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            await over.wait()
        writer.close()

    async def connect(reader, writer):
        passing.append(asyncio.current_task())
        to_redis = await asyncio.open_connection("127.0.0.1", redis_port, limit=2**20)
        await asyncio.gather(pass_on(reader, to_redis[1]), pass_on(to_redis[0], writer))

    async with await asyncio.start_server(connect, "127.0.0.1", 0, limit=2**20) as server:
        yield server.sockets[0].getsockname()[1]
        over.set()
        await asyncio.gather(*passing)
