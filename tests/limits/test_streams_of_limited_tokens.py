"""Streams of tokens that are limited, revoked or left alone midway."""

import asyncio
import json

import pytest

from accounts import callers, metering
from accounts.in_db import in_db
from accounts.issuing import issue_token, revoke_token
from accounts.models import IssuedToken, UsageRecord, User
from compat.relay import open_streams
from tests.gemini_replies import events, reply
from tests.limits.app import CHAT, Answered, ask

pytestmark = pytest.mark.django_db(transaction=True)

STREAM = CHAT | {"stream": True}
BEGINNING = events(reply("Once upon a time", finish=None, usage={"promptTokenCount": 7, "candidatesTokenCount": 4}))


@pytest.fixture
def quick_checks(monkeypatch):
    monkeypatch.setattr(open_streams, "CHECK_SECONDS", 0.1)


@pytest.fixture
def endless(gemini):
    """An answer that begins and then hangs."""
    gemini.will_stream(BEGINNING, cut="hang", cut_after=len(BEGINNING))
    return gemini


async def issued(user, **limits):
    return await in_db(issue_token, user, **limits)


async def until(look, seconds=8.0):
    async with asyncio.timeout(seconds):
        while not look():
            await asyncio.sleep(0.02)


async def only_record():
    await metering.flush()
    return await in_db(UsageRecord.objects.get)


def disable_user(token):
    User.objects.filter(pk=token.user_id).update(is_active=False)


def revoke_elsewhere(token):
    IssuedToken.objects.filter(pk=token.pk).update(revoked=token.created)


@pytest.mark.parametrize("end", [revoke_token, revoke_elsewhere, disable_user, IssuedToken.delete])
async def test_the_stream_of_a_token_that_holds_no_longer_ends_with_an_error(ada, endless, quick_checks, end):
    token, text = await issued(ada)
    answered = Answered()
    running = asyncio.create_task(ask(body=STREAM, token=text, answered=answered))
    await until(lambda: b"Once upon" in answered.body)
    await in_db(end, token)
    await asyncio.wait_for(running, 5)
    assert answered.status == 200
    last = answered.body.strip().rpartition(b"\n\n")[2]
    error = json.loads(last.removeprefix(b"data: "))["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_api_key")
    assert b"[DONE]" not in answered.body
    await until(lambda: endless.calls[0].left is not None)
    record = await only_record()
    assert (record.status, record.error_code) == (401, "invalid_api_key")
    assert (record.prompt_tokens, record.completion_tokens) == (7, 4)


async def test_the_streams_of_other_tokens_go_on(ada, endless, quick_checks):
    (revoked, text), (_, other) = await issued(ada), await issued(ada)
    leave = asyncio.Event()
    first, second = Answered(), Answered()
    tasks = [
        asyncio.create_task(ask(body=STREAM, token=text, answered=first)),
        asyncio.create_task(ask(body=STREAM, token=other, answered=second, leave=leave)),
    ]
    await until(lambda: first.pieces and second.pieces)
    await in_db(revoke_token, revoked)
    await asyncio.wait_for(tasks[0], 5)
    await asyncio.sleep(0.3)
    assert not second.done
    leave.set()
    await asyncio.wait_for(tasks[1], 5)
    assert b"error" not in second.body


async def test_no_look_is_taken_while_no_stream_runs(ada, gemini, quick_checks, work):
    _, text = await issued(ada)
    assert (await ask(body=STREAM, token=text)).status == 200
    await asyncio.sleep(0.3)
    work.begin()
    await asyncio.sleep(0.4)
    assert work.done() == (0, 0)


async def test_the_headers_of_a_stream_say_what_is_left(ada, gemini):
    _, text = await issued(ada, rpm=10, tpm=10_000)
    headers = (await ask(body=STREAM, token=text)).headers
    assert headers["x-ratelimit-limit-requests"] == "10"
    assert headers["x-ratelimit-remaining-requests"] == "9"
    assert headers["x-ratelimit-limit-tokens"] == "10000"
    assert 9_900 <= int(headers["x-ratelimit-remaining-tokens"]) <= 9_998
    assert headers["x-ratelimit-reset-tokens"].startswith(("1m0s", "59."))


async def test_a_client_that_leaves_midway_pays_for_what_was_generated_and_frees_its_place(ada, endless):
    _, text = await issued(ada, max_parallel=1, daily_tokens=1000)
    leave, answered = asyncio.Event(), Answered()
    running = asyncio.create_task(ask(body=STREAM, token=text, answered=answered, leave=leave))
    await until(lambda: b"Once upon" in answered.body)
    assert (await ask(token=text)).code == "rate_limit_exceeded"
    leave.set()
    await asyncio.wait_for(running, 5)
    await until(lambda: endless.calls[0].left is not None)
    usage = (await ask("/v1/usage", method="GET", token=text)).json
    assert {limit["name"]: limit["used"] for limit in usage["limits"]} == {"max_parallel": 0, "daily_tokens": 11}
    record = await only_record()
    assert (record.status, record.error_code, record.total_tokens) == (499, "client_closed", 11)


async def test_what_is_forgotten_in_the_cache_does_not_end_a_stream(ada, gemini, quick_checks):
    gemini.will_stream(BEGINNING + events(reply(" there was an end.")), slice=len(BEGINNING), delay=0.5)
    _, text = await issued(ada)
    running = asyncio.create_task(ask(body=STREAM, token=text))
    await asyncio.sleep(0.1)
    callers.forget()
    answered = await running
    assert b"there was an end." in answered.body
    assert answered.body.endswith(b"data: [DONE]\n\n")
