"""The Responses API over TCP: the official openai package drives it, and every event is held to OpenAI's document."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from tests.gemini_replies import error, events, reply
from tests.live.gateway import Gateway
from tests.live.recorded import recordings
from tests.scripted_gemini import ScriptedGemini
from tests.translation.responding import obeyed

WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
CALL = reply(
    {"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}, "id": "a"}, "thoughtSignature": "c2lnbg=="}
)


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=20, max_retries=0) as client:
        yield client


def test_create_answers(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    response = client.responses.create(model=model, input="Hello", instructions="Be brief.")
    assert response.output_text == "Hello!"
    assert response.status == "completed"
    assert response.usage is not None
    assert response.usage.total_tokens == 12
    (call,) = gemini.calls_of(model)
    assert call.json["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert call.json["store"] is False


def test_the_strict_stream_helper_takes_every_recorded_stream(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    for name in ("stream-parallel-calls-3.5.sse", "stream-parallel-calls-2.0.sse"):
        gemini.will_stream(recordings()[name].body, model=f"{model}-{name[-8:-4]}")
        with client.responses.stream(
            model=f"{model}-{name[-8:-4]}", input="Hello", reasoning={"effort": "low", "summary": "auto"}
        ) as stream:
            kinds = [event.type for event in stream]
            response = stream.get_final_response()
        assert kinds[-1] == "response.completed"
        assert sum(item.type == "function_call" for item in response.output) > 1


def test_the_strict_stream_helper_takes_code_that_was_run(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    for name in ("stream-code-execution-3.sse", "stream-two-stops-code-execution.sse"):
        gemini.will_stream(recordings()[name].body, model=f"{model}-{name[:20]}")
        tools: Any = [{"type": "code_interpreter", "container": {"type": "auto"}}]
        with client.responses.stream(
            model=f"{model}-{name[:20]}", input="Count", tools=tools, include=["code_interpreter_call.outputs"]
        ) as stream:
            for _ in stream:
                pass
            response = stream.get_final_response()
        (ran, *_) = [item for item in response.output if item.type == "code_interpreter_call"]
        assert ran.code and ran.outputs and ran.outputs[0].type == "logs"
        assert response.output_text
        assert gemini.calls_of(f"{model}-{name[:20]}")[0].json["tools"] == [{"codeExecution": {}}]


def test_code_that_was_run_goes_back_and_what_is_left_out_is_told(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    model = model.replace("2.5", "3.5")
    ran = {"executableCode": {"language": "PYTHON", "code": "print(42)"}}
    result = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "42\n"}}
    gemini.will_answer(reply(ran, result, "It is 42."), model=model, times=1)
    tools: Any = [{"type": "code_interpreter", "container": {"type": "auto"}}, {"type": "web_search"}, WEATHER]
    asked: Any = {"model": model, "tools": tools, "include": ["code_interpreter_call.outputs"], "store": False}
    raw = client.responses.with_raw_response.create(input="Count", **asked)
    assert raw.headers["x-tumbler-left-out"] == "web_search"
    first = raw.parse()
    assert gemini.calls_of(model)[0].json["toolConfig"]["includeServerSideToolInvocations"] is True
    said: Any = [{"role": "user", "content": "Count"}, *first.output, {"role": "user", "content": "Again"}]
    with client.responses.stream(input=said, **asked) as stream:
        assert stream.get_final_response().output_text == "Hello!"
    assert gemini.calls_of(model)[1].json["contents"][1]["parts"] == [ran, result, {"text": "It is 42."}]
    whole = client.responses.with_raw_response.create(input="Count", model=model, store=False)
    assert "x-tumbler-left-out" not in whole.headers


TOO_LONG = error(
    400, "INVALID_ARGUMENT", "The input token count (200) exceeds the maximum number of tokens allowed (100)."
)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_is_too_long_is_cut_once_where_it_may_be(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    gemini.will_refuse(400, TOO_LONG, model=model, times=1)
    given: Any = [
        {"role": "user", "content": "x" * 400},
        {"role": "assistant", "content": "Well."},
        {"role": "user", "content": "y" * 40},
    ]
    asked: Any = {"model": model, "input": given, "truncation": "auto"}
    if stream:
        with client.responses.stream(**asked) as events:
            answer = events.get_final_response()
    else:
        answer = client.responses.create(**asked)
    assert (answer.output_text, answer.truncation) == ("Hello!", "auto")
    whole, shorter = (call.json["contents"] for call in gemini.calls_of(model))
    assert (len(whole), shorter) == (3, whole[2:])


@pytest.mark.parametrize("truncation", ["auto", "disabled"])
def test_what_is_too_long_and_cannot_be_cut_is_refused(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str, truncation: Any
) -> None:
    gemini.will_refuse(400, TOO_LONG, model=model)
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=model, input="x" * 400, truncation=truncation)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "input")
    assert len(gemini.calls_of(model)) == 1


def test_the_bytes_of_a_stream_keep_every_rule(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_stream(events(reply("Hel", finish=None), reply("lo\u2028!")), model=model)
    answer = _post(gateway, {"model": model, "input": "Hello", "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    (said,) = obeyed(answer.content)[-1]["response"]["output"]
    assert said["content"][0]["text"] == "Hello\u2028!"


@pytest.mark.parametrize("carried", [True, False], ids=["carried", "remembered"])
def test_a_tool_loop_brings_the_signature_back(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str, carried: bool
) -> None:
    model = model.replace("2.5", "3.5")
    gemini.will_answer(CALL, model=model, times=1)
    include: Any = ["reasoning.encrypted_content"] if carried else []
    first = client.responses.create(model=model, input="Weather?", tools=[WEATHER], include=include, store=False)
    (made,) = [item for item in first.output if item.type == "function_call"]
    assert json.loads(made.arguments) == {"city": "Oslo"}
    assert "c2lnbg" not in first.model_dump_json()
    history: Any = [{"role": "user", "content": "Weather?"}]
    history += [item.model_dump(exclude_none=True) for item in first.output]
    history.append({"type": "function_call_output", "call_id": made.call_id, "output": "sunny"})
    assert client.responses.create(model=model, input=history, tools=[WEATHER]).output_text == "Hello!"
    _, called, results = gemini.calls_of(model)[-1].json["contents"]
    assert called["parts"][0]["thoughtSignature"] == "c2lnbg=="
    assert results["parts"][0]["functionResponse"]["response"] == {"output": "sunny"}


class Person(BaseModel):
    name: str
    age: int


def test_parse_gives_the_callers_own_model(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer(reply('{"name": "Ada", "age": 36}'), model=model)
    assert client.responses.parse(model=model, input="Who?", text_format=Person).output_parsed == Person(
        name="Ada", age=36
    )
    assert gemini.calls_of(model)[0].json["generationConfig"]["responseMimeType"] == "application/json"


def test_tokens_are_counted_by_gemini(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    assert client.responses.input_tokens.count(model=model, input="Hello").input_tokens == 7
    assert [call.method for call in gemini.calls_of(model)] == ["countTokens"]


BAD_IMAGE = {"type": "input_image", "image_url": "file:///x"}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": [{"role": "user", "content": [BAD_IMAGE]}]}, "input[0].content[0].image_url"),
        ({"input": "x", "tools": [{"type": "function", "name": "a b"}]}, "tools[0].name"),
        ({"input": "x", "previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": "x", "temperature": 3}, "temperature"),
        ({}, "input"),
    ],
)
def test_what_is_wrong_is_named_in_this_apis_words(
    gateway: Gateway, gemini: ScriptedGemini, model: str, members: dict[str, Any], param: str
) -> None:
    answer = _post(gateway, {"model": model, **members})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert not gemini.calls_of(model)


def _post(gateway: Gateway, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(
        f"{gateway.url}/v1/responses", json=body, headers={"Authorization": f"Bearer {gateway.token}"}, timeout=20
    )
