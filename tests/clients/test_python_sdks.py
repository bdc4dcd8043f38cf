"""OpenAI's Agents SDK and LiteLLM's SDK, in a Python of their own: their pins are not ours."""

from pathlib import Path
from typing import Any

from compat.snippets import MODEL, SNIPPETS
from tests.clients.running import HERE, run, told_by
from tests.gemini_replies import OVERLOADED, reply
from tests.live.gateway import Gateway
from tests.scripted_gemini import ScriptedGemini

CALL = reply({"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}})


def _drive(program: str, python: Path, gateway: Gateway, model: str, **more: str) -> Any:
    where = {"BASE_URL": gateway.url, "TOKEN": gateway.token, "MODEL": model, **more}
    return told_by([python, HERE / program], python.parents[1], **where)


def test_the_agents_sdk_runs_tools_streams_and_types(
    gateway: Gateway, gemini: ScriptedGemini, model: str, python: Path
) -> None:
    gemini.will_say(reply('{"name": "Ada", "age": 36}'), model=f"{model}-typed")
    for _ in range(2):  # over responses and over chat
        for _ in range(2):  # whole and streamed
            gemini.will_say(CALL, model=model, times=1)
            gemini.will_say(reply("Sunny."), model=model, times=1)
        gemini.will_say(reply("There too."), model=model, times=1)
    told = _drive("agents_sdk.py", python, gateway, model)
    for api in ("responses", "chat"):
        got = told[api]
        assert (got["answer"], got["turns"], got["tokens"]) == ("Sunny.", 2, 24)
        assert "".join(got["pieces"]) == got["streamed"] == "Sunny."
        assert got["again"] == "There too."
        assert got["person"] == ["Person", "Ada", 36]
    assert told["refused"] == "invalid_api_key"
    last = gemini.calls_of(model)[-1].json["contents"]
    assert [content["role"] for content in last] == ["user", "model", "user", "model", "user"]
    assert last[2]["parts"][0]["functionResponse"]["response"] == {"output": "sunny in Oslo"}


def test_the_snippet_of_the_agents_sdk_works_as_it_stands(gateway: Gateway, model: str, python: Path) -> None:
    (snippet,) = (snippet for snippet in SNIPPETS if snippet.name == "OpenAI Agents SDK")
    program = snippet.filled(f"{gateway.url}/v1").replace(MODEL, model)
    assert run([python, "-c", program], python.parents[1], TUMBLER_TOKEN=gateway.token) == "Hello!\n"


def test_litellm_is_a_client_of_every_door(gateway: Gateway, gemini: ScriptedGemini, model: str, python: Path) -> None:
    for _ in range(2):  # as OpenAI's and as Anthropic's
        gemini.will_say(CALL, model=f"{model}-tools", times=1)
        gemini.will_say(reply("Sunny."), model=f"{model}-tools", times=1)
    gemini.will_refuse(503, OVERLOADED, model=f"{model}-overloaded")
    gemini.will_say(reply('{"violence": 0.9}'), model=f"{model}-judge")
    # It asks for verbose_json, whatever its caller wants: of the duration it makes a price.
    gemini.will_say(reply('{"language": "english", "segments": [{"text": "Hello!"}]}'), model=f"{model}-heard")
    told = _drive("litellm_sdk.py", python, gateway, model, SPEAKER=model.replace("flash--", "flash-preview-tts--"))
    for provider in ("chat", "anthropic"):
        got = told[provider]
        assert got["whole"] == ["Hello!", "stop", 12]
        assert (got["streamed"], got["end"]) == ("Hello!", "stop")
        assert (got["call"], got["looped"]) == (["get_weather", {"city": "Oslo"}], "Sunny.")
        assert got["stranger"] == "AuthenticationError"
        assert got["overloaded"] in {"ServiceUnavailableError", "InternalServerError"}
    assert told["responses"] == {
        "whole": ["Hello!", "completed", 12],
        "ends": ["response.created", "response.completed"],
        "streamed": "Hello!",
    }
    assert told["messages"] == {"whole": ["Hello!", "end_turn"]}
    assert told["sound"] == {"mp3": "fff3", "heard": "Hello!", "flagged": True}
    assert told["dimensions"] == 1536
    endpoints = {row["endpoint"] for row in gateway.usage_rows(model, 7)}
    assert endpoints == {"chat.completions", "messages", "responses"}
