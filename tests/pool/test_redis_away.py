"""Redis killed or frozen under load: leases go on at once, nothing is lost, and the processes find together again."""

import asyncio
import random
import time
from collections import Counter

import pytest
from redis import Redis

from accounts.pool.clock import now
from accounts.pool.facts import Exhausted, Lease
from accounts.pool.quotas import Quota
from accounts.pool.shared import SharedLedgers
from accounts.pool.together import Together
from accounts.shared_store import Wire
from tests.pool.conftest import MODEL, keys, local_pool

PLENTY = Quota(rpm=100_000, tpm=10**9, rpd=10**6)


class Processes:
    """So many pools on one Redis, each with a connection of its own, as processes have."""

    def __init__(self, url, count, members, quota):
        self.wires = [Wire(url) for _ in range(count)]
        self.pools = [
            Together(local_pool(members, quota, seed), SharedLedgers(wire), count)
            for seed, wire in enumerate(self.wires)
        ]

    async def close(self):
        for wire in self.wires:
            await wire.close()

    async def settled(self, *, seconds=5.0):
        """Wait until every process counts with the others again and has told what it had to."""
        end = time.monotonic() + seconds
        while any(not wire.is_well or wire.is_behind for wire in self.wires):
            assert time.monotonic() < end, "they did not find together again"
            await asyncio.sleep(0.05)
            for pool in self.pools:
                await pool.lease("gemini-other", ())
        for wire in self.wires:
            await wire.drained()


@pytest.fixture
async def processes(frail_redis):
    made = []

    def make(count, members, quota):
        made.append(Processes(frail_redis.url, count, members, quota))
        return made[-1]

    yield make
    for each in made:
        await each.close()


class Load:
    """Clients that lease and give back without pause; it knows how long the slowest lease took."""

    def __init__(self, pools, clients=8):
        self.slowest, self.leases, self.refused, self.running = 0.0, 0, 0, True
        self._tasks = [asyncio.create_task(self._ask(pool)) for pool in pools for _ in range(clients)]

    async def _ask(self, pool):
        while self.running:
            start = time.monotonic()
            lease = await pool.lease(MODEL, (), 10)
            self.slowest = max(self.slowest, time.monotonic() - start)
            if isinstance(lease, Exhausted):
                self.refused += 1
            else:
                self.leases += 1
                pool.give_back(lease, now(), 8, 2)
            await asyncio.sleep(0.01)

    async def end(self):
        self.running = False
        await asyncio.gather(*self._tasks)


def used_today(url, domain):
    """What Redis counts of today."""
    with Redis.from_url(url) as redis:
        state = redis.hgetall(f"tumbler:{{pool}}:state:{domain}|{MODEL}")
    return sum(int(value) for name, value in state.items() if name.startswith(b"d"))


def in_minute(url, domain):
    """(requests, their tokens, the sum that is kept of these) of the running minute in Redis."""
    with Redis.from_url(url) as redis:
        members = redis.zrange(f"tumbler:{{pool}}:minute:{domain}|{MODEL}", 0, -1)
        kept = redis.hget(f"tumbler:{{pool}}:state:{domain}|{MODEL}", "tokens")
    return len(members), sum(int(member.rpartition(b":")[2]) for member in members), int(kept)


@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_leases_go_on_while_redis_is_away_and_are_told_afterwards(processes, frail_redis, fault):
    members = keys(1)
    both = processes(2, members, PLENTY)
    load = Load(both.pools)
    await asyncio.sleep(0.5)
    frail_redis.kill() if fault == "killed" else frail_redis.freeze()
    before = load.leases
    await asyncio.sleep(2.5)
    assert load.leases > before + 100
    assert all(wire.away for wire in both.wires)
    await asyncio.to_thread(frail_redis.start if fault == "killed" else frail_redis.thaw)
    await asyncio.to_thread(frail_redis.wait)
    await asyncio.sleep(1.5)
    await load.end()
    await both.settled()
    assert load.refused == 0
    assert load.slowest < 1.0
    requests, tokens, kept = in_minute(frail_redis.url, members[0].domain)
    assert (requests, tokens, kept) == (load.leases, 8 * load.leases, 8 * load.leases)


async def test_each_process_keeps_to_its_part_while_it_is_alone(processes, frail_redis):
    members = keys(2)
    both = processes(2, members, Quota(rpm=6, rpd=100))
    first = [await both.pools[0].lease(MODEL, ()) for _ in range(2)]
    assert all(isinstance(lease, Lease) for lease in first)
    frail_redis.kill()
    leases = [await pool.lease(MODEL, ()) for pool in both.pools for _ in range(20)]
    granted = Counter(lease.key.domain for lease in leases if isinstance(lease, Lease))
    assert sum(granted.values()) == 2 * 2 * 3 - 2
    await asyncio.to_thread(frail_redis.start)
    await both.settled()
    # All that was used of the minute is known again: nobody gets more.
    leases = [await pool.lease(MODEL, ()) for pool in both.pools for _ in range(10)]
    assert not any(isinstance(lease, Lease) for lease in leases)


async def test_a_day_is_divided_as_well(processes, frail_redis):
    both = processes(2, keys(1), Quota(rpd=11))
    assert isinstance(await both.pools[0].lease(MODEL, ()), Lease)
    assert isinstance(await both.pools[1].lease(MODEL, ()), Lease)
    frail_redis.kill()
    leases = [await pool.lease(MODEL, ()) for pool in both.pools for _ in range(20)]
    # The first process knew of one request, the second of both: ten and nine are halved, upwards.
    assert sum(isinstance(lease, Lease) for lease in leases) == 5 + 5


async def test_a_reservation_that_nobody_heard_of_is_given_back(processes, frail_redis):
    members = keys(1)
    one = processes(1, members, Quota(rpm=10, rpd=100))
    assert isinstance(await one.pools[0].lease(MODEL, ()), Lease)
    frail_redis.freeze()
    # Redis has the question, and answers it when nobody listens any more.
    lease = await one.pools[0].lease(MODEL, ())
    assert isinstance(lease, Lease)
    frail_redis.thaw()
    await asyncio.to_thread(frail_redis.wait)
    await one.settled()
    await one.pools[0].lease(MODEL, ())
    await one.wires[0].drained()
    assert in_minute(frail_redis.url, members[0].domain)[0] in (2, 3)
    assert used_today(frail_redis.url, members[0].domain) <= 3


async def test_clients_that_leave_take_nothing_with_them(processes, frail_redis):
    members = keys(3)
    one = processes(1, members, PLENTY)
    pool, rng, held = one.pools[0], random.Random(5), []

    async def ask():
        held.append(await pool.lease(MODEL, (), 10))

    async def some_leave():
        tasks = [asyncio.create_task(ask()) for _ in range(20)]
        await asyncio.sleep(rng.random() * 0.004)
        for task in rng.sample(tasks, 12):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    end = time.monotonic() + 3
    while time.monotonic() < end or len(held) <= 500:
        await some_leave()
    # Also when Redis hears of it late: what it was asked for is given back behind that, a little later.
    with frail_redis.frozen():
        await some_leave()
    await one.wires[0].drained()
    assert len(held) > 500
    counted = sum(in_minute(frail_redis.url, member.domain)[0] for member in members)
    assert counted == len(held)
    assert len({lease.id for lease in held}) == len(held)
