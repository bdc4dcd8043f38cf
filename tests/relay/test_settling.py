"""Every ending of a request is accounted exactly once, whatever becomes of it."""

import asyncio
import contextlib
import json
import time

import pytest

from compat import errors
from compat.gemini.failures import CUT_OFF, UNREACHABLE, Facts, GeminiFailure, failure_of
from compat.relay import complete, open_stream
from compat.relay.calls import plan
from compat.relay.channel import Channel
from compat.relay.gone import _AT_MOST, forget_gone, is_gone, remember_gone
from compat.relay.job import CLIENT_LEFT
from compat.relay.line import is_anybody_waiting, is_line, turn
from compat.relay.signatures import REMEMBER_SECONDS, keep, recall
from compat.translation.chat.chunks import ChatChunks
from tests.relay.conftest import FIRST, KEYS
from tests.surface.conftest import REPLY
from tests.translation.answering import answering

CUT = GeminiFailure(CUT_OFF, Facts(502))
BROKEN = failure_of(500, b"")


def piece(text, *, finish=None, **counts):
    candidate = {"content": {"parts": [{"text": text}]}, **({"finishReason": finish} if finish else {})}
    return {"candidates": [candidate], **({"usageMetadata": counts} if counts else {})}


def chunks(choices=1):
    return ChatChunks("chatcmpl-1", "gpt-4o", choices, answering(), include_usage=True)


async def read_all(pump):
    return b"".join([events async for events in pump.events()])


async def ended(relay):
    """The one usage record."""
    [record] = await relay.records()
    return record


# --- Whole answers ---------------------------------------------------------------------------------------


async def test_a_good_answer_is_charged_as_gemini_counted(relay):
    job = await relay.job()
    await complete(job)
    job.settle()
    job.settle(500, errors.InternalError("a second time is nothing"))
    record = await ended(relay)
    assert (record.status, record.prompt_tokens, record.completion_tokens, record.counts_from) == (
        200,
        5,
        2,
        "upstream",
    )
    assert (record.attempts, record.gemini_model, record.model, record.error_code) == (1, FIRST, "gpt-4o", "")


async def test_a_failed_request_costs_nothing(relay, gemini):
    gemini.failing = lambda *_: BROKEN
    job = await relay.job()
    with pytest.raises(errors.UpstreamError) as found:
        await complete(job)
    job.settle(found.value.status, found.value)
    record = await ended(relay)
    assert (record.status, record.error_code, record.total_tokens, record.attempts) == (502, "upstream_error", 0, 3)


async def test_several_calls_of_a_request_are_charged_together(relay, gemini):
    job = await relay.job(calls=3)
    assert [first for first, _ in await complete(job)] == [0, 1, 2]
    job.settle()
    record = await ended(relay)
    assert (record.prompt_tokens, record.completion_tokens, record.attempts) == (15, 6, 3)


async def test_when_one_of_several_calls_fails_the_others_are_still_charged(relay, gemini):
    gemini.failing = lambda model, key, before: failure_of(400, b"") if before == 2 else None
    job = await relay.job(calls=3)
    with pytest.raises(ExceptionGroup) as group:
        await complete(job)
    error = group.value.exceptions[0]
    assert isinstance(error, errors.InvalidRequest)
    job.settle(error.status, error)
    record = await ended(relay)
    assert (record.status, record.completion_tokens) == (400, 4)
    assert {state for state, _ in (await relay.keys()).values()} == {"active"}


async def test_a_client_that_leaves_a_whole_answer_is_recorded_and_its_key_given_back(relay, gemini):
    gemini.pause = asyncio.Event()
    job = await relay.job()
    task = asyncio.create_task(complete(job))
    while not gemini.asked:
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    job.settle(CLIENT_LEFT)
    record = await ended(relay)
    assert (record.status, record.error_code, record.attempts) == (499, "client_closed", 1)
    assert await relay.counts() == {FIRST: (1, 0)}


async def test_an_answer_without_counts_is_estimated_and_says_so(relay, gemini):
    gemini.reply = {"candidates": REPLY["candidates"]}
    job = await relay.job()
    await complete(job)
    job.settle(characters=6)
    record = await ended(relay)
    assert (record.prompt_tokens, record.completion_tokens, record.counts_from) == (10, 2, "estimated")


# --- Streams ---------------------------------------------------------------------------------------------


async def test_a_good_stream_is_charged_by_its_last_counts(relay, gemini):
    gemini.replies = [
        piece("Hel", promptTokenCount=5, candidatesTokenCount=1),
        piece("lo", finish="STOP", promptTokenCount=6, candidatesTokenCount=3),
    ]
    pump = await open_stream(await relay.job(), chunks())
    assert (await read_all(pump)).endswith(b"data: [DONE]\n\n")
    record = await ended(relay)
    assert (record.status, record.prompt_tokens, record.completion_tokens) == (200, 6, 3)
    assert gemini.open_streams == 0 and await relay.counts() == {FIRST: (1, 0)}


async def test_until_something_is_said_another_key_takes_over_unseen(relay, gemini):
    gemini.failing = lambda model, key, before: failure_of(429, b"") if before == 0 else None
    pump = await open_stream(await relay.job(), chunks())
    assert b"Hello." in await read_all(pump)
    assert len(set(gemini.keys)) == 2


@pytest.mark.parametrize(
    "beginning",
    [
        [],
        [piece("")],
        [piece("", finish="STOP")],
        [{"candidates": []}],
        [{"usageMetadata": {"promptTokenCount": 5}}],
        [CUT],
    ],
    ids=["nothing", "an empty text", "an empty end", "no candidate", "counts alone", "a cut"],
)
async def test_a_stream_that_says_nothing_is_tried_again_and_then_a_true_error(relay, gemini, beginning):
    gemini.replies = beginning
    with pytest.raises(errors.UpstreamError):
        await open_stream(await relay.job(), chunks())
    record = await ended(relay)
    assert (record.status, record.attempts, record.completion_tokens) == (502, 3, 0)
    assert gemini.open_streams == 0


async def test_reasoning_alone_begins_a_stream(relay, gemini):
    thought = {"candidates": [{"content": {"parts": [{"text": "Hm", "thought": True}]}}]}
    gemini.replies = [thought, piece("Hi", finish="STOP")]
    pump = await open_stream(await relay.job(), chunks())
    assert b'"reasoning_content":"Hm"' in await read_all(pump)


@pytest.mark.parametrize("end", [[CUT], []], ids=["with a failure", "silently"])
async def test_a_stream_that_is_cut_is_no_success_and_charged_for_what_came(relay, gemini, end):
    gemini.replies = [piece("Hello there", promptTokenCount=5), *end]
    pump = await open_stream(await relay.job(), chunks())
    last = (await read_all(pump)).decode().split("\n\n")[-2]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "upstream_error"
    record = await ended(relay)
    assert (record.status, record.prompt_tokens, record.completion_tokens, record.counts_from) == (
        502,
        5,
        3,
        "estimated",
    )
    assert gemini.open_streams == 0


async def test_a_client_that_leaves_a_stream_stops_it_and_is_charged_what_was_counted(relay, gemini):
    gemini.replies = [piece("Hello", promptTokenCount=5, candidatesTokenCount=4), asyncio.Event()]
    pump = await open_stream(await relay.job(), chunks())
    events = pump.events()
    assert b"Hello" in await anext(events)
    await events.aclose()
    while gemini.open_streams:
        await asyncio.sleep(0)
    record = await ended(relay)
    assert (record.status, record.error_code, record.completion_tokens) == (499, "client_closed", 4)
    assert record.counts_from == "upstream"


async def test_a_response_that_was_never_begun_stops_its_stream_too(relay, gemini):
    gemini.replies = [piece("Hello"), asyncio.Event()]
    pump = await open_stream(await relay.job(), chunks())
    pump.abandon()
    while gemini.open_streams:
        await asyncio.sleep(0)
    assert (await ended(relay)).status == 499


async def test_a_silent_stream_gets_comments(relay, gemini, settings):
    settings.KEEP_ALIVE_SECONDS = 0.02
    wait = asyncio.Event()
    gemini.replies = [wait, piece("Hi", finish="STOP")]
    pump = await open_stream(await relay.job(), chunks())
    events = pump.events()
    assert await anext(events) == b": keep-alive\n"
    wait.set()
    while (event := await anext(events)) == b": keep-alive\n":
        pass  # a busy machine is silent for longer
    assert b"Hi" in event
    await events.aclose()


async def test_a_failure_behind_a_comment_is_an_event(relay, gemini, settings):
    settings.KEEP_ALIVE_SECONDS = 0.02
    wait = asyncio.Event()
    gemini.replies = [wait, failure_of(400, b"")]
    pump = await open_stream(await relay.job(), chunks())
    events = pump.events()
    assert await anext(events) == b": keep-alive\n"
    wait.set()
    async for last in events:
        assert b'"error"' in last or last == b": keep-alive\n"
    assert b'"error"' in last and b"[DONE]" not in last
    assert (await ended(relay)).status == 400


async def test_several_streams_of_a_request_end_together(relay, gemini):
    job = await relay.job(calls=2)
    pump = await open_stream(job, chunks(2))
    events = (await read_all(pump)).decode()
    assert events.count('"finish_reason":"stop"') == 2 and events.count("[DONE]") == 1
    record = await ended(relay)
    assert (record.prompt_tokens, record.completion_tokens, record.attempts) == (10, 4, 2)


# --- Small parts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "prompts", "targets", "calls"),
    [
        (1, 1, ("gemini-2.5-flash",), [(0, 1)]),
        (8, 1, ("gemini-2.5-flash",), [(0, 8)]),
        (9, 1, ("gemini-2.5-flash",), [(0, 8), (8, 1)]),
        (3, 1, ("gemini-3.8-flash",), [(0, 1), (1, 1), (2, 1)]),
        (3, 1, ("gemini-2.5-flash", "gemini-3.8-flash"), [(0, 1), (1, 1), (2, 1)]),
        (2, 2, ("gemini-2.5-flash",), [(0, 2), (2, 2)]),
        (1, 3, ("gemini-2.5-flash",), [(0, 1), (1, 1), (2, 1)]),
    ],
)
def test_as_many_calls_as_every_target_needs(n, prompts, targets, calls):
    made = plan(n, targets, [lambda model, candidates: {}] * prompts)
    assert [(call.first_choice, call.candidates) for call in made] == calls


async def test_what_waits_in_the_channel_is_read_at_once_and_its_end_told():
    channel = Channel()
    channel.put(b"a")
    channel.put(b"b")
    assert await channel.get(1) == b"ab"
    assert await channel.get(0.01) == b""
    channel.put(b"c")
    channel.close()
    assert [await channel.get(1), await channel.get(1)] == [b"c", None]


async def test_a_writer_waits_for_a_reader_that_is_behind():
    channel = Channel()
    while not (writing := asyncio.create_task(channel.room())).done():
        channel.put(b"x" * 1_000)
        await asyncio.sleep(0)
        if not writing.done():
            break
    assert not writing.done()
    await channel.get(1)
    await asyncio.wait_for(writing, 1)


async def test_who_waits_in_line_goes_in_turn_and_gives_up_in_time():
    models, order = ("one", "another"), []

    async def wait(name):
        async with turn(models, 1) as came:
            assert came and is_line(models) and is_anybody_waiting(["another", "third"])
            assert not is_line(["one"]) and not is_anybody_waiting(["third"])
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(*(wait(name) for name in "abc"))
    assert order == ["a", "b", "c"] and not is_line(models)
    async with turn(models, 1), turn(models, 0.01) as came:
        assert not came
    async with turn(models, 0) as came:
        assert not came


def test_a_signature_is_kept_for_its_user_and_generation_for_some_hours(monkeypatch):
    keep(1, "call_a", "b25l", "3")
    assert recall(1, "call_a", "3") == "b25l"
    assert recall(2, "call_a", "3") is recall(1, "call_b", "3") is recall(1, "call_a", "4") is None
    later = time.monotonic() + REMEMBER_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert recall(1, "call_a", "3") is None


def test_the_memory_of_signatures_is_bounded_and_the_oldest_go(monkeypatch):
    monkeypatch.setattr("compat.relay.signatures._BYTES_AT_MOST", 100)
    for number in range(5):
        keep(1, f"call_{number}", "x" * 40, "3")
        keep(1, f"call_{number}", "y" * 40, "3")
    kept = [number for number in range(5) if recall(1, f"call_{number}", "3")]
    assert kept == [3, 4]


def test_the_memory_of_gone_models_is_bounded():
    forget_gone()
    for number in range(_AT_MOST + 5):
        remember_gone(f"gemini-made-up-{number}")
    assert not is_gone("gemini-made-up-0") and is_gone(f"gemini-made-up-{_AT_MOST + 4}")
    forget_gone()


def test_no_key_is_in_what_a_failure_says():
    assert not any(key in str(GeminiFailure(UNREACHABLE, Facts(502))) for key in KEYS)
