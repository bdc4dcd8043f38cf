"""What do a request's accounts cost: every limit of its token and user reserved and settled, and its two lines in the journal?

usage: benchmarks/accounting.py [requests]        (REDIS_URL: measures the shared store as well)

Prints microseconds a request, and with REDIS_URL the round trips that a request waits for. The promise is 60 µs in memory,
and one round trip in Redis. Everything happens in a data directory that is gone afterwards.
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

from benchmarks.limits import past_of

ROUNDS = 7


def measure(requests: int) -> None:
    """In memory, then in Redis."""
    from accounts import metering
    from accounts.limits.asking import Ask
    from accounts.limits.holders import LimitSet, holders_of
    from accounts.limits.memory import MemoryStore
    from accounts.metering.writer import Writer

    Writer.start = lambda self: None
    everything = LimitSet(10**6, 10**10, 10**7, 10**4, 10**12, 10**13, Decimal(900_000), Decimal(900_000))
    holders = holders_of(1, 1, everything, everything, "Europe/Berlin")
    ask = Ask(20, 500, 10**4, 10**6)
    counts = metering.TokenCounts(prompt=120, completion=480, total=600)

    def journal(end) -> None:
        admission = metering.admission(1, 1, "chat/completions", "gpt-4o-mini", True)
        metering.admit(admission)
        end()
        settlement = metering.settlement(
            admission,
            status=200,
            gemini_model="gemini-2.5-flash",
            attempts=1,
            counts=counts,
            counts_from="upstream",
            queue_ms=0,
            first_byte_ms=350,
            total_ms=1900,
        )
        metering.settle(admission, settlement)

    store = MemoryStore()
    for holder in holders:
        store.learn(holder, past_of(holder), time.monotonic())

    def request() -> None:
        reserved = store.reserve(holders, ask, time.monotonic(), time.time())
        journal(lambda: reserved.settle(600, 10**5))

    rounds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(requests):
            request()
        rounds.append((time.perf_counter() - begin) / requests * 1e6)
    print(f"memory  limits and journal together  {statistics.median(rounds):7.2f} µs a request")
    if os.environ.get("REDIS_URL"):
        asyncio.run(in_redis(os.environ["REDIS_URL"], holders, ask, journal, min(requests, 1000)))


async def in_redis(url: str, holders, ask, journal, requests: int) -> None:
    """The wait of a request alone, and how often it waits for Redis."""
    from accounts.limits.shared import SharedStore
    from accounts.shared_store import close_wire, wire_to

    store, waited = SharedStore(wire_to(url)), 0
    for holder in holders:
        await store.learn(holder, past_of(holder), time.time())
    whole_ask = store.wire.ask

    def counting(*arguments, **options):
        nonlocal waited
        waited += 1
        return whole_ask(*arguments, **options)

    store.wire.ask = counting
    waits = []
    for _ in range(requests):
        begin = time.perf_counter()
        reserved = await store.reserve(holders, ask, time.time())
        journal(lambda reserved=reserved: reserved.settle(600, 10**5))
        waits.append((time.perf_counter() - begin) * 1e6)
    took = f"{statistics.median(waits):7.0f} µs a request"
    print(f"redis   limits and journal together  {took}, {waited / requests:.2f} round trips waited for")
    await close_wire()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["TUMBLER_DATA_DIR"] = data_dir
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tumbler_site.settings")
        import django

        django.setup()
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
