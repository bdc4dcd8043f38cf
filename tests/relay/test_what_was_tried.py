"""What a usage record tells of its attempts: model, how each ended and how long it took; of a key nothing."""

import asyncio
import contextlib

import pytest

from compat import errors
from compat.relay import complete
from compat.relay.job import _MOST_TRIED, CLIENT_LEFT
from tests.relay.conftest import FIRST, SECOND
from tests.relay.test_attempts import BROKEN, DEAD, OVERLOADED, PER_DAY, UNPAID, answered, at_first, for_model


async def tried(relay):
    """[(model, verdict)] of the one usage record; the times are checked on the way."""
    [record] = await relay.records()
    if record.tried is None:
        return None
    ends = [began + took for _, _, began, took in record.tried]
    assert all(began >= 0 and took >= 0 and began % 10 == took % 10 == 0 for _, _, began, took in record.tried)
    assert max(ends) <= record.total_ms + 10
    return [(model, verdict) for model, verdict, _, _ in record.tried]


async def test_one_attempt_that_answered_is_not_written_down_again(relay):
    await answered(relay)
    assert await tried(relay) is None


async def test_every_attempt_stands_in_order_with_its_model(relay, gemini):
    gemini.failing = for_model(first=OVERLOADED)
    await answered(relay, FIRST, SECOND)
    assert await tried(relay) == [(FIRST, "overloaded"), (SECOND, "answered")]


async def test_a_single_attempt_that_failed_is_told(relay, gemini):
    gemini.failing = at_first(BROKEN, BROKEN, BROKEN)
    job = await relay.job()
    with pytest.raises(errors.UpstreamError) as found:
        await complete(job)
    job.settle(found.value.status, found.value)
    assert await tried(relay) == [(FIRST, "internal")] * 3


@pytest.mark.parametrize(("failure", "verdict"), [(DEAD, "key"), (UNPAID, "key"), (PER_DAY, "quota")])
async def test_what_befell_a_key_is_told_in_words_that_fit_every_key(relay, gemini, failure, verdict):
    gemini.failing = at_first(failure)
    await answered(relay)
    assert await tried(relay) == [(FIRST, verdict), (FIRST, "answered")]


async def test_the_attempts_of_several_calls_are_all_told(relay):
    job = await relay.job(calls=3)
    await complete(job)
    job.settle()
    assert await tried(relay) == [(FIRST, "answered")] * 3


async def test_a_client_that_leaves_is_told_beside_what_failed_before(relay, gemini):
    gemini.failing = at_first(OVERLOADED)
    job = await relay.job()
    task = asyncio.create_task(complete(job))
    while len(gemini.asked) < 1:
        await asyncio.sleep(0)
    gemini.pause = asyncio.Event()
    while len(gemini.asked) < 2:
        await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    job.settle(CLIENT_LEFT)
    assert await tried(relay) == [(FIRST, "overloaded"), (FIRST, "left")]


async def test_hundreds_of_attempts_do_not_make_a_long_record(relay):
    job = await relay.job()
    for _ in range(3 * _MOST_TRIED):
        job.attempted(FIRST, "quota", job.calling(FIRST))
    job.settle(429)
    [record] = await relay.records()
    assert (record.attempts, len(record.tried)) == (3 * _MOST_TRIED, _MOST_TRIED)
