"""What does metering cost a request, and how many requests a second does the writer store?

usage: benchmarks/metering.py [requests]        (DATABASE_URL: another database than a fresh SQLite file)

Prints microseconds for `admit` and `settle`, alone and while the writer works beside them, and the rows a second that
the writer stores when it does nothing else. Everything happens in a data directory that is gone afterwards; what goes
into the database of DATABASE_URL stays there.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROUNDS = 5


def measure(requests: int) -> None:
    """Make `requests` requests a round; print the median round, and the slowest single call in a thousand."""
    from django.core.management import call_command
    from django.db import connection

    from accounts import metering
    from accounts.metering.ledger import store
    from accounts.metering.writer import Writer
    from accounts.models import User

    call_command("migrate", verbosity=0)
    user = User.objects.create(username=f"bench-{os.getpid()}").pk
    counts = metering.TokenCounts(prompt=120, completion=480, total=600)

    def request() -> None:
        admission = metering.admission(user, None, "chat/completions", "gpt-4o-mini", True)
        metering.admit(admission)
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

    def rounds() -> str:
        medians, slowest = [], []
        for _ in range(ROUNDS):
            took = []
            for _ in range(requests):
                begin = time.perf_counter()
                request()
                took.append(time.perf_counter() - begin)
            medians.append(statistics.fmean(took) * 1e6)
            slowest.append(sorted(took)[-max(1, requests // 1000)] * 1e6)
        return (
            f"{statistics.median(medians):6.1f} µs mean, {statistics.median(slowest):7.0f} µs at the 99.9th percentile"
        )

    start, Writer.start = Writer.start, lambda self: None
    print(f"admit + settle, the writer asleep    {rounds()}")

    journal = metering.start().journal
    rows = []
    while batch := journal.batch():
        began, cpu = time.perf_counter(), time.thread_time()
        store(batch)
        journal.forget(batch)
        rows.append((len(batch) / (time.perf_counter() - began), (time.thread_time() - cpu) / len(batch) * 1e6))
    speeds, processor = zip(*rows, strict=True)
    print(f"the writer alone on {connection.vendor:<16} {statistics.median(speeds):6.0f} rows/s,", end=" ")
    print(f"{statistics.median(processor):.0f} µs of this process's processor a row")

    metering.close()
    Writer.start = start
    print(f"admit + settle, the writer at work   {rounds()}")
    metering.close(60)
    call_command("verify_usage")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"TUMBLER_DATA_DIR": home, "DJANGO_SETTINGS_MODULE": "tumbler_site.settings"}
        import django

        django.setup()
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
