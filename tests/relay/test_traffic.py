"""Live traffic knows each request from its admission to its end, in every ending, and keeps few of those that ended."""

import asyncio

import pytest

from accounts.live.traffic import KEPT, traffic
from compat import errors
from compat.gemini.failures import failure_of
from compat.relay import complete, open_stream
from compat.relay.job import CLIENT_LEFT
from compat.translation.chat.chunks import ChatChunks
from tests.relay.conftest import FIRST
from tests.surface.conftest import REPLY
from tests.translation.answering import answering


def running():
    return [(admission.model, job.model, job.attempts, job.tokens) for admission, job in traffic.running.values()]


def ended():
    return [(admission.model, settlement.status, settlement.error_code) for admission, settlement in traffic.latest]


async def test_a_request_runs_until_it_is_settled(relay, gemini):
    gemini.pause = asyncio.Event()
    job = await relay.job()
    assert running() == [("gpt-4o", "", 0, 0)]
    answer = asyncio.create_task(complete(job))
    while not gemini.asked:
        await asyncio.sleep(0)
    assert running() == [("gpt-4o", FIRST, 1, 0)]
    gemini.pause.set()
    await answer
    assert running() == [("gpt-4o", FIRST, 1, 7)]
    job.settle()
    assert running() == []
    assert ended() == [("gpt-4o", 200, "")]
    assert (traffic.ended_count, traffic.ended_tokens) == (1, 7)


async def test_a_failure_and_a_client_that_left_have_ended_too(relay, gemini):
    gemini.failing = lambda *_: failure_of(500, b"")
    job = await relay.job()
    with pytest.raises(errors.UpstreamError) as found:
        await complete(job)
    job.settle(found.value.status, found.value)

    gemini.failing = lambda *_: None
    gemini.replies = [REPLY, asyncio.Event()]
    pump = await open_stream(await relay.job(), ChatChunks("chatcmpl-1", "gpt-4o", 1, answering(), include_usage=True))
    assert len(running()) == 1
    events = pump.events()
    await anext(events)
    await events.aclose()
    while running():
        await asyncio.sleep(0.01)
    assert ended() == [("gpt-4o", 502, "upstream_error"), ("gpt-4o", CLIENT_LEFT, "client_closed")]


async def test_the_number_of_those_that_are_kept_is_bounded(relay):
    for _ in range(KEPT + 5):
        (await relay.job()).settle()
    assert len(traffic.latest) == KEPT
    assert traffic.ended_count == KEPT + 5
