"""Who leaves stops the call upstream at once, pays for what was generated, and frees their place."""

import asyncio

from tests.doors.conftest import Client, record, until
from tests.gemini_replies import events
from tests.scripted_gemini import ScriptedGemini

BEGUN = {"promptTokenCount": 7, "candidatesTokenCount": 4, "totalTokenCount": 11}


async def test_who_leaves_while_gemini_thinks_stops_it_and_pays_nothing(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_hang()
    visit = client.begin()
    await until(lambda: gemini.calls)
    await visit.leave()
    await until(lambda: gemini.calls[0].left is not None)
    assert visit.answered.status == 0
    row = await record()
    assert (row.endpoint, row.stream) == (client.door.name, client.stream)
    assert (row.status, row.error_code, row.attempts, row.total_tokens) == (499, "client_closed", 1, 0)


async def test_who_leaves_between_two_attempts_is_not_asked_for_again(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_refuse(503, b"", times=1, delay=0.15)
    gemini.will_hang()
    visit = client.begin()
    await until(lambda: gemini.calls)
    await visit.leave()
    await asyncio.sleep(0.25)
    assert len(gemini.calls) == 1
    assert (await record()).status == 499


async def test_who_leaves_midway_pays_for_what_was_counted(streamer: Client, gemini: ScriptedGemini) -> None:
    await streamer.issue(max_parallel=1, daily_tokens=100_000)
    begun = events(streamer.door.reply("Once upon a time", finish=None, usage=BEGUN))
    gemini.will_stream(begun, cut="hang", cut_after=len(begun), times=1)
    gemini.will_say(streamer.door.reply("Hello!"))
    visit = streamer.begin()
    await until(lambda: streamer.door.sent("Once upon") in visit.answered.body)
    assert (await streamer.ask()).status == 429, "its place is taken"
    await visit.leave()
    await until(lambda: gemini.calls[0].left is not None)
    row = await record()
    assert (row.status, row.error_code, row.counts_from) == (499, "client_closed", "upstream")
    assert (row.prompt_tokens, row.completion_tokens) == (7, 4)
    assert (await streamer.ask()).status == 200, "its place is free"


async def test_who_leaves_what_nobody_counted_pays_an_estimate(streamer: Client, gemini: ScriptedGemini) -> None:
    begun = events(streamer.door.reply("word " * 20, finish=None, usage={}))
    gemini.will_stream(begun, cut="hang", cut_after=len(begun))
    visit = streamer.begin()
    await until(lambda: streamer.door.sent("word") in visit.answered.body)
    await visit.leave()
    row = await record()
    assert (row.status, row.counts_from) == (499, "estimated")
    assert row.prompt_tokens > 0 and row.completion_tokens == streamer.door.estimated_tokens
