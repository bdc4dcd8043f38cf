"""What do limits cost a request?

usage: benchmarks/limits.py [requests]        (REDIS_URL: measures the shared store as well)

Prints microseconds for one reservation and its settlement: in memory, by how much is limited; and in Redis the time a
request waits alone, and the requests a second when a hundred come at once. Nothing is left behind but keys in Redis
that expire.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROUNDS = 7


def measure(requests: int) -> None:
    """Every case in turn."""
    from accounts.limits.asking import Ask
    from accounts.limits.holders import NO_LIMITS, LimitSet, holders_of

    everything = LimitSet(10**6, 10**10, 10**7, 10**4, 10**12, 10**13, Decimal(900_000), Decimal(900_000))
    cases = {
        "no limit": holders_of(1, 1, NO_LIMITS, NO_LIMITS, "UTC"),
        "requests a minute": holders_of(1, 1, LimitSet(rpm=10**6), NO_LIMITS, "UTC"),
        "every limit of the token": holders_of(1, 1, everything, NO_LIMITS, "UTC"),
        "every limit of token and user": holders_of(1, 1, everything, everything, "Europe/Berlin"),
    }
    for name, holders in cases.items():
        print(f"memory  {name:32} {in_memory(holders, Ask(20, 500, 10**4, 10**6), requests):7.2f} µs")
    if os.environ.get("REDIS_URL"):
        asyncio.run(in_redis(os.environ["REDIS_URL"], list(cases.items())[1:], Ask(20, 500, 10**4, 10**6), requests))


def past_of(holder):
    """Nothing was used before."""
    from accounts.limits.asking import Past, Spending
    from accounts.limits.periods import today

    days = today(holder.zone, time.time())
    return Past(Spending(days.day, 0, 0), Spending(days.month, 0, 0), ())


def in_memory(holders, ask, requests: int) -> float:
    """Microseconds a request, the median of several rounds."""
    from accounts.limits.memory import MemoryStore

    store = MemoryStore()
    for holder in holders:
        store.learn(holder, past_of(holder), time.monotonic())
    rounds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(requests):
            # As the relay does it: a caller without limits has no holders, and is not asked about.
            if holders:
                store.reserve(holders, ask, time.monotonic(), time.time()).settle(120, 10**5)
        rounds.append((time.perf_counter() - begin) / requests * 1e6)
    return statistics.median(rounds)


async def in_redis(url: str, cases, ask, requests: int) -> None:
    """The wait of one request alone, and how many a second go through together."""
    from accounts.limits.shared import SharedStore
    from accounts.shared_store import close_wire, wire_to

    store = SharedStore(wire_to(url))

    async def request(holders) -> None:
        (await store.reserve(holders, ask, time.time())).settle(120, 10**5)

    for name, holders in cases:
        for holder in holders:
            await store.learn(holder, past_of(holder), time.time())
        await request(holders)
        waits = []
        for _ in range(min(requests, 1000)):
            begin = time.perf_counter()
            await request(holders)
            waits.append((time.perf_counter() - begin) * 1e6)
        begin = time.perf_counter()
        for _ in range(max(1, requests // 1000)):
            await asyncio.gather(*(request(holders) for _ in range(100)))
        await store.wire.drained()
        together = max(1, requests // 1000) * 100 / (time.perf_counter() - begin)
        print(f"redis   {name:32} {statistics.median(waits):7.0f} µs alone, {together:6.0f} a second by hundreds")
    await close_wire()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["TUMBLER_DATA_DIR"] = data_dir
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tumbler_site.settings")
        import django

        django.setup()
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
