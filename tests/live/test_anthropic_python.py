"""The official anthropic package over TCP: what its users write works, and what goes wrong raises what they catch."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest

from tests.gemini_replies import OVERLOADED, events, reply
from tests.live.gateway import Gateway
from tests.live.recorded import recordings
from tests.scripted_gemini import ScriptedGemini

HELLO: Any = [{"role": "user", "content": "Hello"}]
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALL = reply(
    {"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}, "id": "a"}, "thoughtSignature": "c2lnbg=="}
)


@pytest.fixture
def client(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.token, timeout=20, max_retries=0) as client:
        yield client


def test_create_answers(client: anthropic.Anthropic, gemini: ScriptedGemini, model: str) -> None:
    message = client.messages.create(model=model, max_tokens=2_000, system="Be brief.", messages=HELLO)
    assert message.content[0].text == "Hello!"
    assert (message.stop_reason, message.model) == ("end_turn", model)
    assert message.usage.input_tokens + message.usage.output_tokens == 12
    (call,) = gemini.calls_of(model)
    assert call.json["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert call.json["store"] is False


def test_the_stream_helper_puts_the_message_together(
    client: anthropic.Anthropic, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_stream(recordings()["stream-parallel-calls-3.5.sse"].body, model=model)
    with client.messages.stream(
        model=model, max_tokens=2_000, messages=HELLO, thinking={"type": "enabled", "budget_tokens": 1_024}
    ) as stream:
        for _ in stream:
            pass
        message = stream.get_final_message()
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"_person": "Joe"}, {"_person": "Harper"}]
    assert message.stop_reason == "tool_use"
    assert message.usage.input_tokens + message.usage.output_tokens == 247


def test_a_text_streams_piece_by_piece(client: anthropic.Anthropic, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_stream(events(*(reply(text, finish="STOP" if text == "c" else None) for text in "abc")), model=model)
    with client.messages.stream(model=model, max_tokens=2_000, messages=HELLO) as stream:
        assert "".join(stream.text_stream) == "abc"


@pytest.mark.parametrize("thinking", [True, False], ids=["carried", "remembered"])
def test_a_tool_loop_brings_the_signature_back(
    client: anthropic.Anthropic, gemini: ScriptedGemini, model: str, thinking: bool
) -> None:
    model = model.replace("2.5", "3.5")
    gemini.will_answer(CALL, model=model, times=1)
    wanted: Any = {"type": "enabled", "budget_tokens": 1_024} if thinking else {"type": "disabled"}
    ask: Any = {"model": model, "max_tokens": 2_000, "tools": [WEATHER], "thinking": wanted}
    first = client.messages.create(messages=HELLO, **ask)
    (made,) = [block for block in first.content if block.type == "tool_use"]
    assert "c2lnbg" not in first.model_dump_json()
    result = {"type": "tool_result", "tool_use_id": made.id, "content": [{"type": "text", "text": "sunny"}]}
    history: Any = [*HELLO, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    assert client.messages.create(messages=history, **ask).content[0].text == "Hello!"
    _, called, results = gemini.calls_of(model)[-1].json["contents"]
    assert called["parts"][0]["thoughtSignature"] == "c2lnbg=="
    assert results["parts"][0]["functionResponse"]["response"] == {"output": "sunny"}


def test_tokens_are_counted_by_gemini_and_cost_nothing(
    client: anthropic.Anthropic, gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    counted = client.messages.count_tokens(model=model, system="Be brief.", messages=HELLO, tools=[WEATHER])
    assert counted.input_tokens == 7
    (call,) = gemini.calls_of(model)
    assert call.method == "countTokens"
    assert call.json["generateContentRequest"].keys() == {"model", "contents", "systemInstruction", "tools"}
    (row,) = gateway.usage_rows(model)
    assert (row["endpoint"], row["status"], row["total_tokens"]) == ("messages.count", 200, 0)


def test_what_goes_wrong_raises_what_they_catch(
    client: anthropic.Anthropic, gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    stranger = anthropic.Anthropic(base_url=gateway.url, api_key="sk-ant-wrong", max_retries=0)
    with stranger, pytest.raises(anthropic.AuthenticationError) as refused:
        stranger.messages.create(model=model, max_tokens=2_000, messages=HELLO)
    assert refused.value.body["error"]["type"] == "authentication_error"
    assert refused.value.request_id.startswith("req_")
    with pytest.raises(anthropic.BadRequestError) as bad:
        client.messages.create(
            model=model, max_tokens=2_000, messages=HELLO, tools=[{"name": "a b", "input_schema": {}}]
        )
    assert bad.value.body["error"]["message"].startswith("tools[0].name: ")
    gemini.will_refuse(503, json.dumps(OVERLOADED).encode(), model=model)
    with pytest.raises(anthropic.InternalServerError) as overloaded:
        client.messages.create(model=model, max_tokens=2_000, messages=HELLO)
    assert overloaded.value.body["error"]["type"] == "overloaded_error"


def test_a_stream_that_breaks_midway_raises(client: anthropic.Anthropic, gemini: ScriptedGemini, model: str) -> None:
    begun = events(reply("Hel", finish=None))
    gemini.will_stream(begun + events(reply("lo")), cut_after=len(begun), model=model)
    with (
        pytest.raises(anthropic.APIStatusError),
        client.messages.stream(model=model, max_tokens=2_000, messages=HELLO) as stream,
    ):
        stream.get_final_message()


def test_max_tokens_may_be_left_out_and_a_query_means_nothing(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    """Claude Code asks for ?beta=true."""
    answer = httpx.post(
        f"{gateway.url}/v1/messages?beta=true",
        json={"model": model, "messages": HELLO},
        headers={"Authorization": f"Bearer {gateway.token}", "anthropic-version": "2023-06-01"},
        timeout=20,
    )
    assert answer.json()["content"][0]["text"] == "Hello!"


def test_files_are_kept_listed_named_and_erased(
    client: anthropic.Anthropic, gemini: ScriptedGemini, model: str
) -> None:
    kept = [client.beta.files.upload(file=(f"{name}.csv", b"a,b", "text/csv")) for name in "abc"]
    file = kept[0]
    assert (file.filename, file.mime_type, file.size_bytes, file.downloadable) == ("a.csv", "text/csv", 3, True)
    assert client.beta.files.retrieve_metadata(file.id) == file
    assert client.beta.files.download(file.id).read() == b"a,b"
    listed = [one.id for one in client.beta.files.list(limit=2)]
    assert [one.id for one in kept[::-1]] == listed[:3]
    assert [one.id for one in client.beta.files.list(ids=[file.id])] == [file.id]
    source: Any = {"type": "document", "source": {"type": "file", "file_id": file.id}}
    messages: Any = [{"role": "user", "content": [source, {"type": "text", "text": "What is in it?"}]}]
    message = client.beta.messages.create(
        model=model, max_tokens=100, messages=messages, betas=["files-api-2025-04-14"]
    )
    assert message.content[0].text == "Hello!"
    assert gemini.calls_of(model)[0].json["contents"][0]["parts"][0]["inlineData"]["mimeType"] == "text/csv"
    for one in kept:
        assert client.beta.files.delete(one.id).type == "file_deleted"
    with pytest.raises(anthropic.NotFoundError):
        client.beta.files.retrieve_metadata(file.id)
