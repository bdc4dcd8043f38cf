"""The official openai package for Python over TCP: what its users write works, and what goes wrong raises what they catch."""

import base64
import json
import struct
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessage
from pydantic import BaseModel

from tests.gemini_replies import OVERLOADED, error, events, out_of_quota, reply
from tests.live.gateway import Gateway, manage
from tests.live.recorded import recordings
from tests.scripted_gemini import ScriptedGemini

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
WEATHER: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=20) as client:
        yield client


@pytest.fixture
async def async_client(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=20) as client:
        yield client


def test_create_answers(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    completion = client.chat.completions.create(model=model, messages=HELLO)
    assert completion.choices[0].message.content == "Hello!"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens == 12
    assert completion._request_id.startswith("req_")


def test_a_stream_arrives_piece_by_piece(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    pieces = [reply(text, finish="STOP" if text == "e" else None) for text in "abcde"]
    gemini.will_stream(events(*pieces), slice=len(events(pieces[0])), delay=0.15, model=model)
    began = time.monotonic()
    arrivals, text = [], ""
    for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            arrivals.append(time.monotonic() - began)
            text += chunk.choices[0].delta.content
    assert text == "abcde"
    assert arrivals[0] < arrivals[-1] - 0.3


def test_the_stream_helper_puts_the_completion_together(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_stream(recordings()["stream-parallel-calls-3.5.sse"].body, model=model)
    with client.chat.completions.stream(
        model=model, messages=HELLO, tools=_strict(), stream_options={"include_usage": True}
    ) as stream:
        for _ in stream:
            pass
        completion = stream.get_final_completion()
    calls = completion.choices[0].message.tool_calls
    assert calls is not None
    assert [json.loads(call.function.arguments) for call in calls] == [{"_person": "Joe"}, {"_person": "Harper"}]
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.usage is not None
    assert completion.usage.total_tokens == 247


def _strict() -> list[Any]:
    schema = {
        "type": "object",
        "properties": {"_person": {"type": "string"}},
        "required": ["_person"],
        "additionalProperties": False,
    }
    return [{"type": "function", "function": {"name": "favorite_color", "parameters": schema, "strict": True}}]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_tool_loop_keeps_the_signatures_of_clients_that_drop_them(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    """Two parallel calls, their results in the other order, and the signature that Gemini 3 demands on the first."""
    model = model.replace("2.5", "3.5")
    turn = reply(
        {
            "functionCall": {"name": "get_weather", "args": {"city": "Oslo"}, "id": "aaaa"},
            "thoughtSignature": "c2lnbg==",
        },
        {"functionCall": {"name": "get_weather", "args": {"city": "Rome"}, "id": "bbbb"}},
    )
    if stream:
        gemini.will_stream(events(turn), model=model, times=1)
    else:
        gemini.will_answer(turn, model=model, times=1)
    message = _ask_for_tools(client, model, stream=stream)
    assert message.content is None or not message.content
    calls = message.tool_calls or []
    history: list[Any] = [
        *HELLO,
        # As most clients keep it: the members they know, nothing else.
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
                for call in calls
            ],
        },
        {"role": "tool", "tool_call_id": calls[1].id, "content": "sunny"},
        {"role": "tool", "tool_call_id": calls[0].id, "content": '{"sky": "grey"}'},
    ]
    answer = client.chat.completions.create(model=model, messages=history, tools=WEATHER)
    assert answer.choices[0].message.content == "Hello!"
    _, called, results = gemini.calls_of(model)[-1].json["contents"]
    assert [part["functionCall"]["args"]["city"] for part in called["parts"]] == ["Oslo", "Rome"]
    assert [part.get("thoughtSignature") for part in called["parts"]] == ["c2lnbg==", None]
    assert [part["functionResponse"]["response"] for part in results["parts"]] == [{"sky": "grey"}, {"output": "sunny"}]
    assert [part["functionResponse"]["name"] for part in results["parts"]] == ["get_weather"] * 2


def _ask_for_tools(client: openai.OpenAI, model: str, *, stream: bool) -> ChatCompletionMessage:
    if not stream:
        return client.chat.completions.create(model=model, messages=HELLO, tools=WEATHER).choices[0].message
    with client.chat.completions.stream(model=model, messages=HELLO) as chunks:
        return chunks.get_final_completion().choices[0].message


class Person(BaseModel):
    name: str
    age: int


def test_parse_gives_the_callers_own_model(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer(reply('{"name": "Ada", "age": 36}'), model=model)
    completion = client.chat.completions.parse(model=model, messages=HELLO, response_format=Person)
    assert completion.choices[0].message.parsed == Person(name="Ada", age=36)
    config = gemini.calls_of(model)[0].json["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"]["properties"].keys() == {"name", "age"}


def test_parse_raises_for_an_answer_that_was_cut_or_filtered(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_answer(reply('{"name": "A', finish="MAX_TOKENS"), model=model, times=1)
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model=model, messages=HELLO, response_format=Person)
    gemini.will_answer(reply('{"name": "A', finish="SAFETY"), model=model)
    with pytest.raises(openai.ContentFilterFinishReasonError):
        client.chat.completions.parse(model=model, messages=HELLO, response_format=Person)


@pytest.mark.parametrize("family", ["gemini-2.5-flash", "gemini-3.5-flash"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_two_choices_come_from_one_call_or_from_two(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str, family: str, stream: bool
) -> None:
    """Gemini 2.5 takes candidateCount, Gemini 3 does not."""
    name = f"{family}--{model.partition('--')[2]}"
    if not stream:
        choices = client.chat.completions.create(model=name, messages=HELLO, n=2).choices
        assert [(choice.index, choice.message.content) for choice in choices] == [(0, "Hello!"), (1, "Hello!")]
    else:
        both = [reply("Hello!", index=index) for index in range(2 if "2.5" in family else 1)]
        gemini.will_stream(events(*both), model=name)
        texts = ["", ""]
        for chunk in client.chat.completions.create(model=name, messages=HELLO, n=2, stream=True):
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
        assert texts == ["Hello!", "Hello!"]
    counts = [call.json.get("generationConfig", {}).get("candidateCount") for call in gemini.calls_of(name)]
    assert counts == ([2] if "2.5" in family else [None, None])


def test_logprobs_are_told_where_the_model_has_them(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer(recordings()["unary-logprobs.json"].body, model=model)
    completion = client.chat.completions.create(model=model, messages=HELLO, logprobs=True, top_logprobs=2)
    logprobs = completion.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content
    assert all(bytes(token.bytes or []).decode() == token.token for token in logprobs.content)
    assert logprobs.content[0].top_logprobs


def test_legacy_functions_are_answered_in_their_own_shape(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_answer(reply({"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}}), model=model, times=1)
    functions = [WEATHER[0]["function"]]
    choice = client.chat.completions.create(model=model, messages=HELLO, functions=functions).choices[0]
    assert choice.finish_reason == "function_call"
    assert choice.message.function_call is not None
    assert json.loads(choice.message.function_call.arguments) == {"city": "Oslo"}
    assert choice.message.tool_calls is None
    history: list[Any] = [
        *HELLO,
        {"role": "assistant", "content": None, "function_call": choice.message.function_call.model_dump()},
        {"role": "function", "name": "get_weather", "content": "sunny"},
    ]
    client.chat.completions.create(model=model, messages=history, functions=functions)
    results = gemini.calls_of(model)[-1].json["contents"][-1]["parts"]
    assert [part["functionResponse"]["response"] for part in results] == [{"output": "sunny"}]


# --- the other endpoints --------------------------------------------------------------------------------------


def test_embeddings_are_unit_vectors_in_either_format(client: openai.OpenAI, gemini: ScriptedGemini) -> None:
    texts = ["one", "three"]
    usual = client.embeddings.create(model="text-embedding-3-small", input=texts)
    plain = client.embeddings.create(model="text-embedding-3-small", input=texts, encoding_format="float")
    raw = client.embeddings.with_raw_response.create(
        model="text-embedding-3-small", input=texts, encoding_format="base64"
    )
    assert [item.index for item in usual.data] == [0, 1]
    assert [len(item.embedding) for item in usual.data] == [1536, 1536]
    assert usual.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)
    packed = base64.b64decode(json.loads(raw.http_response.content)["data"][1]["embedding"])
    assert list(struct.unpack("<1536f", packed)) == pytest.approx(plain.data[1].embedding, abs=1e-6)
    for item in plain.data:
        assert sum(value * value for value in item.embedding) == pytest.approx(1, abs=1e-5)
    # The scripted vectors begin with the length of their text.
    ratio = (
        plain.data[1].embedding[0]
        / plain.data[1].embedding[1]
        / (plain.data[0].embedding[0] / plain.data[0].embedding[1])
    )
    assert ratio == pytest.approx(5 / 3)


def test_embeddings_take_dimensions_token_arrays_and_more_than_a_hundred_texts(
    client: openai.OpenAI, gemini: ScriptedGemini
) -> None:
    tokens = [77414, 24352, 2073, 3061, 2448, 65613]  # cl100k_base
    short = client.embeddings.create(model="text-embedding-3-large", input=[tokens, tokens[:2]], dimensions=256)
    assert [len(item.embedding) for item in short.data] == [256, 256]
    (call,) = gemini.calls
    assert call.json["requests"][0]["content"]["parts"] == [{"text": "Straße und Flüsse"}]
    many = client.embeddings.create(model="text-embedding-3-small", input=[f"{'x' * n}" for n in range(1, 251)])
    assert [item.index for item in many.data] == list(range(250))
    assert [len(call.json["requests"]) for call in gemini.calls[1:]].count(100) == 2
    heads = [item.embedding[0] / item.embedding[1] for item in many.data]
    assert heads == sorted(heads)


def test_models_are_listed_and_found_with_a_slash_in_their_id(
    client: openai.OpenAI, gateway: Gateway, gemini: ScriptedGemini
) -> None:
    ids = [model.id for model in client.models.list()]
    assert {"gpt-4o", "gpt-3.5-turbo", "text-embedding-3-small", "gemini-3.8-flash"} <= set(ids)
    assert client.models.retrieve("gpt-4o").id == "gpt-4o"
    assert client.models.retrieve("models/gemini-3.8-flash").id == "models/gemini-3.8-flash"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("no-such-model")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_legacy_completions_answer_each_prompt(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    prompts = ["Once", "Twice"]
    if not stream:
        choices = client.completions.create(model=model, prompt=prompts, echo=True).choices
        assert [(choice.index, choice.text) for choice in choices] == [(0, "OnceHello!"), (1, "TwiceHello!")]
        return
    texts = ["", ""]
    for chunk in client.completions.create(model=model, prompt=prompts, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == ["Hello!", "Hello!"]


# --- errors -----------------------------------------------------------------------------------------------------


def test_a_wrong_token_raises_authentication_error(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    for token in ("sk-wrong", client.api_key[:-1] + ("a" if client.api_key[-1] != "a" else "b")):
        with pytest.raises(openai.AuthenticationError) as caught:
            client.with_options(api_key=token).chat.completions.create(model=model, messages=HELLO)
        assert caught.value.code == "invalid_api_key"
        assert token not in str(caught.value)
    assert not gemini.calls_of(model)


def test_a_token_for_other_models_raises_permission_denied(
    client: openai.OpenAI, gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    token = manage(gateway.directory, "issue_token", "bob", "--models", "gpt-4o*,text-*").strip()
    narrow = client.with_options(api_key=token)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        narrow.chat.completions.create(model=model, messages=HELLO)
    assert caught.value.code == "model_not_allowed"
    assert narrow.chat.completions.create(model="gpt-4o-mini", messages=HELLO).choices[0].message.content
    listed = {listing.id for listing in narrow.models.list()}
    assert "gpt-4o" in listed
    assert not {name for name in listed if not name.startswith(("gpt-4o", "text-"))}
    with pytest.raises(openai.NotFoundError):
        narrow.models.retrieve("gpt-4")


def test_a_bad_value_raises_bad_request_with_its_param(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model, messages=HELLO, temperature=3)
    assert (caught.value.code, caught.value.param) == ("decimal_above_max_value", "temperature")
    long = error(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens allowed (8).")
    gemini.will_refuse(400, long, model=model)
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model, messages=HELLO)
    assert caught.value.code == "context_length_exceeded"
    assert "maximum context length" in caught.value.message


def test_the_sdk_retries_an_overloaded_upstream_when_it_is_told_to(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_refuse(503, OVERLOADED, model=model, times=3)
    patient = client.with_options(max_retries=0)
    with pytest.raises(openai.InternalServerError) as caught:
        patient.chat.completions.create(model=model, messages=HELLO)
    assert (caught.value.status_code, caught.value.code) == (503, "upstream_unavailable")
    assert float(caught.value.response.headers["retry-after"]) <= 60
    assert caught.value.request_id is not None


def test_a_rate_limit_raises_with_the_time_to_wait(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_refuse(429, out_of_quota("GenerateRequestsPerMinutePerProjectPerModel"), model=model)
    with pytest.raises(openai.RateLimitError) as caught:
        client.with_options(max_retries=0).chat.completions.create(model=model, messages=HELLO)
    assert caught.value.code == "pool_exhausted"
    assert "try again in" in caught.value.message
    assert 40 <= float(caught.value.response.headers["retry-after"]) <= 60


def test_a_daily_quota_is_not_retried_by_the_sdk(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_refuse(429, out_of_quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), model=model)
    began = time.monotonic()
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=model, messages=HELLO)
    assert time.monotonic() - began < 2


def test_a_stream_that_breaks_raises_api_error(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    body = events(reply("Hel", finish=None)) + json.dumps(error(499, "CANCELLED", "Cancelled.")).encode()
    gemini.will_stream(body, model=model)
    text = ""
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True):
            text += chunk.choices[0].delta.content or ""
    assert text == "Hel"
    assert caught.value.code == "upstream_error"


def test_the_raw_response_has_the_headers_of_the_contract(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO)
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["openai-processing-ms"].isdigit()
    assert raw.headers["openai-version"]
    assert raw.headers["x-tumbler-model"] == model
    assert raw.headers["x-tumbler-attempts"] == "1"
    assert raw.headers["x-tumbler-upstream"] == "gemini"
    assert raw.parse().choices[0].message.content == "Hello!"


# --- the async client --------------------------------------------------------------------------------------------


async def test_the_async_client_creates_streams_embeds_and_fails(
    async_client: openai.AsyncOpenAI, gemini: ScriptedGemini, model: str
) -> None:
    completion = await async_client.chat.completions.create(model=model, messages=HELLO)
    assert completion.choices[0].message.content == "Hello!"
    text = ""
    async for chunk in await async_client.chat.completions.create(model=model, messages=HELLO, stream=True):
        text += chunk.choices[0].delta.content or ""
    assert text == "Hello!"
    vectors = await async_client.embeddings.create(model="text-embedding-3-small", input="one")
    assert len(vectors.data[0].embedding) == 1536
    with pytest.raises(openai.NotFoundError):
        await async_client.models.retrieve("no-such-model")


async def test_the_async_client_runs_the_tools_of_a_stream(
    async_client: openai.AsyncOpenAI, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_stream(recordings()["stream-parallel-calls-2.0.sse"].body, model=model)
    async with async_client.chat.completions.stream(model=model, messages=HELLO, tools=WEATHER_STRICT) as stream:
        completion = await stream.get_final_completion()
    calls = completion.choices[0].message.tool_calls
    assert calls is not None
    assert [json.loads(call.function.arguments)["location"] for call in calls] == ["Boston", "New Delhi"]
    assert len({call.id for call in calls}) == 2


WEATHER_STRICT: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {"location": {"type": "string"}},
                "required": ["location"],
                "additionalProperties": False,
            },
        },
    }
]
