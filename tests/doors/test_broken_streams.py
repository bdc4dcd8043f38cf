"""After the first byte nothing is tried again: a stream that breaks ends with an error of the dialect's, and is charged."""

import asyncio
from typing import Any

import pytest

from accounts.in_db import in_db
from accounts.issuing import revoke_token
from accounts.models import IssuedToken, User
from compat.relay import open_streams
from tests.doors.conftest import Client, record, until
from tests.gemini_replies import error, events
from tests.scripted_gemini import ScriptedGemini

BEGUN = {"promptTokenCount": 7, "candidatesTokenCount": 4, "totalTokenCount": 11}
SECRET = "AIzaFakeSecretInUpstreamText"
# What it is, the bytes behind the first event, how they come, the record's status and code.
BREAKS: list[tuple[str, bytes, dict[str, Any], int, str]] = [
    ("a cut", b"data: {", {}, 502, "upstream_error"),
    ("a reset", b"data: {", {"cut": "rst"}, 502, "upstream_error"),
    ("an end without a finish", b"", {}, 502, "upstream_error"),
    ("no JSON", events(b'{"candidates": oops'), {}, 502, "upstream_error"),
    ("an internal error", events(error(500, "INTERNAL", SECRET)), {}, 502, "upstream_error"),
    ("an overload", events(error(503, "UNAVAILABLE", SECRET)), {}, 503, "upstream_unavailable"),
    ("silence", b"data: {", {"cut": "hang"}, 504, "upstream_timeout"),
]


@pytest.mark.parametrize(("rest", "how", "status", "code"), [row[1:] for row in BREAKS], ids=[row[0] for row in BREAKS])
async def test_a_stream_that_breaks_is_no_success(
    streamer: Client, gemini: ScriptedGemini, settings: Any, rest: bytes, how: Any, status: int, code: str
) -> None:
    if how.get("cut") == "hang":
        settings.IDLE_SECONDS = 0.3
    begun = events(streamer.door.reply("Hel", finish=None, usage=BEGUN))
    cut = {"cut_after": len(begun + rest), **how} if rest[-1:] == b"{" else {}
    gemini.will_stream(begun + rest, slice=len(begun), **cut)
    told = await streamer.ask()
    assert told.status == 200
    assert (told.text, told.finish) == ("Hel", None)
    assert told.error is not None
    assert told.error.type == streamer.door.event_error_type(status, "server_error", code)
    assert SECRET not in told.response.text
    assert len(gemini.calls) == 1
    row = await record()
    assert (row.status, row.error_code, row.stream) == (status, code, True)
    assert (row.prompt_tokens, row.completion_tokens, row.counts_from) == (7, 4, "upstream")


async def test_what_was_sent_before_it_broke_is_charged_by_an_estimate_where_nothing_was_counted(
    streamer: Client, gemini: ScriptedGemini
) -> None:
    gemini.will_stream(events(streamer.door.reply("word " * 20, finish=None, usage={})))
    assert (await streamer.ask()).error is not None
    row = await record()
    assert (row.status, row.counts_from) == (502, "estimated")
    assert row.prompt_tokens > 0 and row.completion_tokens == streamer.door.estimated_tokens


async def test_a_failure_behind_a_comment_is_an_error_of_the_stream(
    streamer: Client, gemini: ScriptedGemini, settings: Any
) -> None:
    settings.KEEP_ALIVE_SECONDS = 0.05
    gemini.will_refuse(500, b"", delay=0.3)
    told = await streamer.ask()
    assert told.status == 200 and told.response.content.startswith(streamer.door.alive)
    assert (told.text, told.finish) == ("", None)
    assert told.error is not None
    assert (await record()).status == 502


async def test_a_silent_stream_gets_comments_and_is_whole_all_the_same(
    streamer: Client, gemini: ScriptedGemini, settings: Any
) -> None:
    settings.KEEP_ALIVE_SECONDS = 0.05
    pieces = events(streamer.door.reply("Hel", finish=None)), events(streamer.door.reply("lo!"))
    gemini.will_stream(b"".join(pieces), slice=len(pieces[0]), first=0.2, delay=0.2)
    told = await streamer.ask()
    assert (told.text, told.finish, told.error) == ("Hello!", "stop", None)
    assert told.response.content.count(streamer.door.alive) > 2


async def test_a_stream_says_so_in_its_headers(streamer: Client, gemini: ScriptedGemini) -> None:
    gemini.will_say(streamer.door.reply("Hello!"))
    headers = (await streamer.ask()).headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (headers["x-accel-buffering"], headers["cache-control"]) == ("no", "no-cache, no-store, private")


def _revoke_elsewhere(token: IssuedToken) -> None:
    IssuedToken.objects.filter(pk=token.pk).update(revoked=token.created)


def _disable_user(token: IssuedToken) -> None:
    User.objects.filter(pk=token.user_id).update(is_active=False)


@pytest.mark.parametrize("end", [revoke_token, _revoke_elsewhere, _disable_user, IssuedToken.delete])
async def test_the_stream_of_a_token_that_holds_no_longer_ends_with_an_error(
    streamer: Client, gemini: ScriptedGemini, monkeypatch: pytest.MonkeyPatch, end: Any
) -> None:
    monkeypatch.setattr(open_streams, "CHECK_SECONDS", 0.1)
    begun = events(streamer.door.reply("Once upon a time", finish=None, usage=BEGUN))
    gemini.will_stream(begun, cut="hang", cut_after=len(begun))
    visit = streamer.begin()
    await until(lambda: streamer.door.sent("Once upon") in visit.answered.body)
    await in_db(end, await in_db(IssuedToken.objects.get))
    told = streamer.door.read(await visit.end())
    assert told.error is not None
    expected = streamer.door.event_error_type(401, "invalid_request_error", "invalid_api_key")
    assert told.error.type == expected
    await until(lambda: gemini.calls[0].left is not None)
    row = await record()
    assert (row.status, row.error_code) == (401, "invalid_api_key")
    assert (row.prompt_tokens, row.completion_tokens) == (7, 4)


async def test_many_streams_at_once_are_not_mixed_up(streamer: Client, gemini: ScriptedGemini) -> None:
    models = [f"{streamer.door.model}--{number}" for number in range(12)]
    for model in models:
        pieces = [streamer.door.reply(f"{model} {part};", finish=None if part < 9 else "STOP") for part in range(10)]
        gemini.will_stream(events(*pieces), slice=200, delay=0.002, model=model)
    answers = await asyncio.gather(*(streamer.ask(model) for model in models))
    assert [told.text for told in answers] == ["".join(f"{model} {n};" for n in range(10)) for model in models]
