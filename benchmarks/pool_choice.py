"""What does it cost to choose among many keys, and how much memory does a key take?

usage: benchmarks/pool_choice.py [keys] [leases]

Prints microseconds of processor time for one choice and its reservation, and for the end of the attempt: in a fresh pool, in
one where nine keys in ten have used up their minute, in one where all have, and with a conversation's favourite. Then bytes a
key, with the ledgers of one model and of three, each with a minute in which every key has been asked five times. The goals
are 100 µs and 5,000 bytes at 10,000 keys.
"""

import os
import random
import statistics
import sys
import tempfile
import time
import tracemalloc
import uuid
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROUNDS = 5
NOW = 1_795_000_000.0
MODELS = ("gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.5-flash-lite")


def pool_of(count: int, rpm: int):
    """A pool of so many keys, each a project of its own."""
    from accounts.pool.facts import PooledKey
    from accounts.pool.quotas import Quota
    from accounts.pool.state import Pool
    from accounts.secret import Secret

    pool = Pool(random.Random(1), lambda model, paid: Quota(rpm=rpm, tpm=250_000, rpd=1_000))
    pool.replace_keys(
        PooledKey(uuid.uuid4(), Secret(f"not-a-real-key-{number:024}"), f"key:{uuid.uuid4()}", paid=False)
        for number in range(count)
    )
    return pool


def fill(pool, leases: int, at: float = NOW, model: str = MODELS[0]) -> None:
    """Ask so many times within a second, for prompts of different lengths."""
    for number in range(leases):
        pool.lease(model, (), at + number / leases, 300 + number % 1_000)


def rounds_of(pool, leases: int, *, affinity: bool = False) -> Iterator[tuple[float, float]]:
    """Microseconds of a lease, and of its end; what is leased is given back, so that each round finds the same."""
    rng = random.Random(2)
    for _ in range(ROUNDS):
        numbers = [rng.randrange(10**9) if affinity else None for _ in range(leases)]
        begin = time.process_time()
        held = [pool.lease(MODELS[0], (), NOW + 2, 500, number) for number in numbers]
        leased = time.process_time()
        for lease in held:
            if hasattr(lease, "key"):
                pool.refund(lease)
        yield (leased - begin) / leases * 1e6, (time.process_time() - leased) / leases * 1e6


def choosing(keys: int, leases: int) -> None:
    """Every case in turn."""
    cases = (
        ("all have room", 5, 0, False),
        ("nine in ten have none", 1, keys * 9 // 10, False),
        ("none has room", 1, keys, False),
        ("a conversation's favourite", 5, 0, True),
    )
    for name, rpm, before, affinity in cases:
        pool = pool_of(keys, rpm)
        fill(pool, before)
        room = keys * rpm - before
        rounds = list(rounds_of(pool, min(leases, max(1, room // 2)) if room else leases, affinity=affinity))
        choice, end = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{keys:,} keys, {name:28} {choice:7.1f} µs to lease, {end:5.1f} µs to give back")


def remembering(keys: int) -> None:
    """What a pool of so many keys weighs."""
    for models in (1, 3):
        tracemalloc.start()
        pool = pool_of(keys, 5)
        for model in MODELS[:models]:
            fill(pool, keys * 5, model=model)
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"{keys:,} keys, {models} {'model' if models == 1 else 'models'}: {size / keys:,.0f} bytes a key")


def main(keys: int = 10_000, leases: int = 5_000) -> None:
    """Measure both."""
    choosing(keys, leases)
    remembering(keys)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["TUMBLER_DATA_DIR"] = data_dir
        os.environ["DJANGO_SETTINGS_MODULE"] = "tumbler_site.settings"
        import django

        django.setup()
        main(*map(int, sys.argv[1:]))
