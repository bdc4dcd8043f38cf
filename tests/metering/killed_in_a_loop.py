"""A program for test_usage_processes.py: forks a process that admits and settles, kills it with SIGKILL, again and again.

usage: killed_in_a_loop.py USER_ID ROUNDS ACKNOWLEDGED

Each child stores what the one before left, as a server does at its start. What `admit` and `settle` returned from is
noted in the file ACKNOWLEDGED, a line each, before the next call: those are the promises to check.
"""

import os
import random
import signal
import sys
import time
from itertools import count

import django

django.setup()

from accounts import metering  # noqa: E402
from accounts.metering import TokenCounts, writer  # noqa: E402

writer.BATCH_SECONDS = 0.02


def serve(user_id: int, acknowledged: int) -> None:
    """Requests one after another, up to five at a time, until somebody kills this process."""
    open_requests = []
    metering.start()
    for number in count(1):
        if len(open_requests) < random.randint(1, 5):
            admission = metering.admission(user_id, None, "chat/completions", f"gpt-{number % 3}", True)
            metering.admit(admission)
            os.write(acknowledged, f"admitted {admission.id}\n".encode())
            open_requests.append(admission)
        else:
            admission = open_requests.pop(random.randrange(len(open_requests)))
            settlement = metering.settlement(
                admission,
                status=200,
                gemini_model="gemini",
                attempts=1,
                counts=TokenCounts(prompt=1, completion=number, total=1 + number),
                counts_from="upstream",
                queue_ms=0,
                first_byte_ms=0,
                total_ms=0,
            )
            metering.settle(admission, settlement)
            os.write(acknowledged, f"settled {admission.id} {number}\n".encode())
        time.sleep(random.random() * 0.002)


def main(user_id: int, rounds: int, path: str) -> None:
    """Fork, wait a little, kill; `rounds` times."""
    acknowledged = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    for _ in range(rounds):
        if (child := os.fork()) == 0:
            random.seed()
            serve(user_id, acknowledged)
        time.sleep(0.01 + random.random() * 0.25)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
