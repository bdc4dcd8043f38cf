"""What a door makes of words, of their absence, of filters and of calls."""

import json
from typing import Any

import pytest

from tests.doors.conftest import Client, record
from tests.doors.test_errors import BAD, check
from tests.gemini_replies import reply
from tests.scripted_gemini import ScriptedGemini

NASTY = "a\u2028b\u2029c\x85d\r\n\r\ndata: [DONE]\n\nevent: error\n\n</script>\x00\U0001f600é"


async def test_line_ends_and_the_syntax_of_streams_stay_inside_of_the_text(
    talker: Client, gemini: ScriptedGemini
) -> None:
    gemini.will_say(talker.door.reply(NASTY))
    told = await talker.ask()
    assert (told.text, told.finish) == (NASTY, "stop")


async def test_a_text_in_pieces_is_the_same_text(streamer: Client, gemini: ScriptedGemini) -> None:
    pieces = [streamer.door.reply(letter, finish=None) for letter in "Hello"]
    gemini.will_say(*pieces, streamer.door.reply("!"))
    told = await streamer.ask()
    assert (told.text, told.finish) == ("Hello!", "stop")


async def test_text_after_a_finish_reason_is_not_lost(streamer: Client, gemini: ScriptedGemini) -> None:
    finishes = zip("abc", ("STOP", "STOP", "MAX_TOKENS"), strict=True)
    gemini.will_say(*(streamer.door.reply(text, finish=finish) for text, finish in finishes))
    told = await streamer.ask()
    assert told.text == "abc"
    # Images have no such word.
    assert told.finish == "length" or not streamer.door.talks


async def test_a_long_answer_is_passed_on_whole(talker: Client, gemini: ScriptedGemini) -> None:
    text = "0123456789abcdef" * 100_000
    gemini.will_say(talker.door.reply(text))
    assert (await talker.ask()).text == text


@pytest.mark.parametrize("finish", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER", "STOP", "NO_IMAGE"])
async def test_an_end_with_nothing_to_show_is_tried_again_and_then_a_502(
    talker: Client, gemini: ScriptedGemini, finish: str
) -> None:
    _spare_what_passes_on(talker)
    gemini.will_say(reply(finish=finish), times=1)
    gemini.will_say(talker.door.reply("Hello!"), times=1)
    assert (await talker.ask()).attempts == 2
    gemini.will_say(reply(finish=finish))
    check(talker, await talker.ask(), 502, "server_error", "upstream_error")


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "NEW_ONE"])
async def test_a_blocked_prompt_is_a_400_and_no_other_key_is_asked(
    talker: Client, gemini: ScriptedGemini, reason: str
) -> None:
    _spare_what_passes_on(talker)
    gemini.will_say({"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 9}})
    asked = talker.request()
    told = talker.door.read(await talker.send(asked))
    check(talker, told, 400, BAD, "content_filter")
    assert told.error is not None
    assert told.error.param is None or told.error.param in asked.body
    assert len(gemini.calls) == 1
    assert (await record()).status == 400


@pytest.mark.parametrize("finish", ["SAFETY", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "RECITATION", "LANGUAGE"])
async def test_an_answer_cut_by_a_filter_keeps_its_text_and_says_why_when_it_has_none(
    talker: Client, gemini: ScriptedGemini, finish: str
) -> None:
    _spare_what_passes_on(talker)
    gemini.will_say(talker.door.reply("Some text", finish=finish), times=1)
    told = await talker.ask()
    assert (told.text, told.finish) == ("Some text", "content_filter")
    gemini.will_say(reply(finish=finish))
    told = await talker.ask()
    assert told.finish == "content_filter"
    assert "withheld" in told.text or talker.door.name == "completions"


async def test_a_call_comes_with_its_arguments(agent: Client, gemini: ScriptedGemini) -> None:
    call: dict[str, Any] = {"functionCall": {"name": "get_weather", "args": {"city": "Örebro"}}}
    gemini.will_say(reply(call))
    told = await agent.ask(tool="get_weather")
    assert (told.calls, told.finish) == ([("get_weather", {"city": "Örebro"})], "tool_calls")
    (declared,) = gemini.calls[0].json["tools"][0]["functionDeclarations"]
    assert declared["name"] == "get_weather" and "city" in json.dumps(declared)


def _spare_what_passes_on(client: Client) -> None:
    if client.door.passes_on:
        pytest.skip("a client of Gemini's own API gets its words as they are: tests/live/test_gemini_door.py")
