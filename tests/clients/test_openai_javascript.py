"""The official openai package for JavaScript: in the project's own example, whose base URL has no /v1, and on responses."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.running import told_by
from tests.gemini_replies import events, reply
from tests.live.gateway import Gateway
from tests.live.recorded import recordings
from tests.scripted_gemini import ScriptedGemini


def test_the_javascript_package_answers_streams_calls_tools_embeds_lists_and_fails(
    gateway: Gateway, gemini: ScriptedGemini, model: str, javascript: Path
) -> None:
    gemini.will_stream(recordings()["stream-parallel-calls-2.0.sse"].body, model=f"{model}-tools")
    gemini.will_stream(events(reply("Hel", finish=None)), model=f"{model}-broken")
    got = _drive(javascript / "seed_example.mjs", gateway, model)
    assert got["plain"] == "Hello!"
    assert got["requestId"].startswith("req_")
    assert "".join(got["pieces"]) == "Hello!"
    assert [name for name, _ in got["calls"]] == ["get_weather", "get_weather"]
    assert [json.loads(arguments) for _, arguments in got["calls"]] == [
        {"location": "Boston"},
        {"location": "New Delhi"},
    ]
    assert got["finish"] == "tool_calls"
    # Floats in place of base64 come out as a quarter of the dimensions, all zeros, without any error.
    assert got["dimensions"] == [1536, 1536]
    assert got["lengths"] == pytest.approx([1, 1], abs=1e-5)
    assert {"gpt-4o", "gpt-4-turbo"} <= set(got["models"])
    assert got["one"] == "models/gemini-3.8-flash"
    assert got["badValue"] == ["BadRequestError", 400, "decimal_above_max_value", "temperature"]
    assert got["badToken"][:3] == ["AuthenticationError", 401, "invalid_api_key"]
    assert got["broken"][0] == "APIError"
    assert got["broken"][2] == "upstream_error"


def test_responses_are_created_streamed_parsed_and_looped_through_tools(
    gateway: Gateway, gemini: ScriptedGemini, model: str, javascript: Path
) -> None:
    gemini.will_say(reply('{"name": "Ada", "age": 36}'), model=f"{model}-parse")
    gemini.will_say(reply(_weather("Oslo"), _weather("Rome")), model=f"{model}-tools", times=1)
    gemini.will_say(reply("Sunny in both."), model=f"{model}-tools")
    gemini.will_stream(events(reply("Hel", finish=None)), model=f"{model}-broken")
    got = _drive(javascript / "responses.mjs", gateway, model)
    assert got["plain"] == ["Hello!", "completed", 12]
    assert got["events"][0] == "response.created" and got["events"][-1] == "response.completed"
    assert got["streamed"] == "Hello!"
    assert got["parsed"] == {"name": "Ada", "age": 36}
    assert (got["cities"], got["answer"]) == (["Oslo", "Rome"], "Sunny in both.")
    results = gemini.calls_of(f"{model}-tools")[-1].json["contents"][-1]["parts"]
    assert [part["functionResponse"]["response"]["output"] for part in results] == ["sunny in Oslo", "sunny in Rome"]
    assert got["badValue"] == ["BadRequestError", 400, "decimal_above_max_value", "temperature"]
    assert got["badToken"][:3] == ["AuthenticationError", 401, "invalid_api_key"]
    assert (got["broken"], got["brokenEnd"]) == (None, ["response.failed", "server_error"])


def test_images_are_drawn_edited_streamed_and_opened_by_a_link(
    gateway: Gateway, gemini: ScriptedGemini, model: str, javascript: Path
) -> None:
    model = f"gemini-3.1-flash-image--{model[-10:]}"
    got = _drive(javascript / "images.mjs", gateway, model)
    assert got["size"] == [1024, 1024]
    assert got["edited"] == "jpeg"
    assert got["types"] == ["image_generation.completed"]
    assert got["link"] == ["image/png", 200]
    assert got["refused"] == [400, "invalid_value", "size"]
    sent = [call.json["contents"][0]["parts"] for call in gemini.calls_of(model)]
    assert [list(part) for part in sent[1]] == [["inlineData"], ["inlineData"], ["text"]]


def _weather(city: str) -> dict[str, Any]:
    return {"functionCall": {"name": "get_weather", "args": {"city": city}}}


def test_sound_is_made_heard_again_and_content_judged(talking_gateway: Gateway, javascript: Path) -> None:
    """What the simulator says it hears again: so the whole way there and back loses nothing."""
    models = {
        "SPEAKER": "gemini-3.1-flash-tts-preview",
        "LISTENER": "gemini-3.8-flash",
        "JUDGE": "gemini-3.5-flash-lite",
    }
    program = javascript / "audio.mjs"
    where = {"BASE_URL": f"{talking_gateway.url}/v1", "TOKEN": talking_gateway.token}
    got = told_by(["node", program], program.parent, **where, **models)
    said = "Good evening. Where is Ada?"
    assert (got["type"], got["wav"]) == ("audio/wav", "RIFF")
    assert 9_000 < got["mp3"] < 16_000
    texts = got["texts"]
    assert (texts["json"]["text"], texts["text"]) == (said, f"{said}\n")
    assert texts["srt"].startswith("1\n00:00:00,000 --> 00:00:00,700\nGood evening.\n\n2\n")
    assert texts["vtt"].startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.700\nGood evening.\n")
    assert (texts["verbose_json"]["text"], texts["verbose_json"]["duration"]) == (said, 1.36)
    *deltas, done = got["events"]
    assert "".join(text for _, text in deltas) == said and done == ["transcript.text.done", said]
    assert got["english"] == f"In English: {said}"
    assert got["flagged"] == [False, True]
    assert got["noVoice"] == ["BadRequestError", 400, "invalid_value", "voice"]
    assert got["words"] == ["BadRequestError", 400, "unsupported_value", "timestamp_granularities"]
    assert got["noSound"] == ["BadRequestError", 400, "invalid_value", "file"]


def _drive(program: Path, gateway: Gateway, model: str) -> Any:
    return told_by(["node", program], program.parent, BASE_URL=gateway.url, TOKEN=gateway.token, MODEL=model)
