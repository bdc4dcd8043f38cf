"""One of two processes that share limits: `python one_of_two.py TOKEN REQUESTS`.

It says when it is ready, asks for so many requests at once on a line from standard input, says how many were let in, and
holds them until standard input ends.
"""

import asyncio
import os
import sys
from collections import Counter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tumbler_site.settings")

import django

django.setup()

from accounts import callers, limits, shared_store  # noqa: E402 (Django must be up)

# What is tested is who is let in, also on a machine that is busy with other tests.
shared_store.ANSWER_SECONDS = 10.0


async def main(token: str, requests: int) -> None:
    caller = await callers.recognise(token)
    assert caller is not None
    # The first one looks up what was used before; it is given back.
    limits_now = await limits.standings(caller.holders)
    assert limits_now
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    ask = limits.Ask(100, 100)
    answers = await asyncio.gather(*(limits.reserve(caller.holders, ask) for _ in range(requests)))
    refusals = Counter(answer.name for answer in answers if isinstance(answer, limits.Refusal))
    print(requests - refusals.total(), *refusals, flush=True)
    await asyncio.to_thread(sys.stdin.read)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
