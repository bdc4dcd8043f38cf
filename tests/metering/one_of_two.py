"""A program for test_usage_processes.py: makes REQUESTS requests beside another one like it, and ends as a program ends.

usage: one_of_two.py USER_ID REQUESTS
"""

import sys

import django

django.setup()

from accounts import metering  # noqa: E402
from accounts.metering import TokenCounts, writer  # noqa: E402

writer.BATCH_SECONDS = 0.01
# Long for a busy machine, where the last batch waits for the other process's.
metering._CLOSE_SECONDS = 30.0


def main(user_id: int, requests: int) -> None:
    """Print that it is ready, wait for a line, then go."""
    metering.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for _ in range(requests):
        admission = metering.admission(user_id, None, "chat/completions", "gpt", False)
        metering.admit(admission)
        counts = TokenCounts(total=1)
        settlement = metering.settlement(
            admission, status=200, counts=counts, counts_from="upstream", queue_ms=0, first_byte_ms=0, total_ms=0
        )
        metering.settle(admission, settlement)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
