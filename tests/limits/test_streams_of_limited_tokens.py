"""Streams of tokens that are limited, revoked or left alone midway."""

import asyncio

import pytest

from accounts import callers
from accounts.in_db import in_db
from accounts.issuing import issue_token, revoke_token
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


async def test_what_is_forgotten_in_the_cache_does_not_end_a_stream(ada, gemini, quick_checks):
    gemini.will_stream(BEGINNING + events(reply(" there was an end.")), slice=len(BEGINNING), delay=0.5)
    _, text = await issued(ada)
    running = asyncio.create_task(ask(body=STREAM, token=text))
    await asyncio.sleep(0.1)
    callers.forget()
    answered = await running
    assert b"there was an end." in answered.body
    assert answered.body.endswith(b"data: [DONE]\n\n")
