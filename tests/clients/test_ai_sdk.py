"""Vercel's AI SDK: text, streams, tools and objects, over the Responses API and over chat."""

from pathlib import Path
from typing import Any

from tests.clients.running import told_by
from tests.gemini_replies import OVERLOADED, events, reply
from tests.live.gateway import Gateway
from tests.scripted_gemini import ScriptedGemini

CALL = reply({"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}})


def test_text_streams_tools_and_objects(gateway: Gateway, gemini: ScriptedGemini, model: str, javascript: Path) -> None:
    for _ in range(4):  # a whole and a streamed loop over each API
        gemini.will_say(CALL, model=f"{model}-tools", times=1)
        gemini.will_say(reply("Sunny."), model=f"{model}-tools", times=1)
    gemini.will_say(reply('{"name": "Ada", "age": 36}'), model=f"{model}-object")
    gemini.will_refuse(503, OVERLOADED, model=f"{model}-overloaded")
    gemini.will_stream(events(reply("Hel", finish=None)), model=f"{model}-broken")
    where = {"BASE_URL": gateway.url, "TOKEN": gateway.token, "MODEL": model}
    told = told_by(["node", javascript / "ai_sdk.mjs"], javascript, **where)
    for api in ("responses", "chat"):
        check(told[api])
    assert told["dimensions"] == 1536
    bodies = [call.json for call in gemini.calls_of(f"{model}-tools")]
    assert [len(body["contents"]) for body in bodies] == [1, 3] * 4
    rows = gateway.usage_rows(f"{model}-broken", 2)
    assert [(row["endpoint"], row["status"]) for row in rows] == [("responses", 502), ("chat.completions", 502)]


def check(got: dict[str, Any]) -> None:
    assert got["generated"] == ["Hello!", "stop", 12]
    assert "".join(got["pieces"]) == "Hello!"
    assert got["streamed"] == ["Hello!", "stop", 12]
    assert got["steps"] == [[["Oslo", "sunny in Oslo"]], []]
    assert got["looped"] == got["streamedLoop"] == "Sunny."
    assert got["streamedSteps"] == 2
    assert got["object"] == got["streamedObject"] == {"name": "Ada", "age": 36}
    assert got["forbidden"] == ["AI_APICallError", 401, False]
    assert got["overloaded"] == ["AI_APICallError", 503, True]
    assert got["broken"] == 1
