"""Replies → messages of Anthropic's API: whole and streamed, by its rules."""

import json
from typing import Any

import pytest

from compat.translation.anthropic.blocks import Telling
from compat.translation.anthropic.errors import to_envelope
from compat.translation.anthropic.message import Answer, MessageEvents, to_message
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.usage import Usage
from tests.live.recorded import Recording, recordings
from tests.translation.answering import added_up, answering, call, chunks_of, decoded, reply
from tests.translation.answering import streamed as chat_stream
from tests.translation.responding import seal

THOUGHT = {"text": "Let me think.", "thought": True}
CHATS = [case for case in recordings().values() if case.is_chat and not case.is_error and "error" not in case.file]


def _answer(thoughts: bool) -> Answer:
    return Answer("msg_1", "claude-sonnet-4-5", answering(), Telling(thoughts, seal))


def _usage(given: tuple[dict[str, Any], ...]) -> Usage:
    usage = Usage()
    for one in given:
        usage = usage.merged(decoded(one).usageMetadata)
    return usage


def whole(given: dict[str, Any], *, thoughts: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(to_message(_answer(thoughts), [(0, decoded(given))], _usage((given,))))
    return made


def streamed(
    *given: dict[str, Any], thoughts: bool = False, broken: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    events = MessageEvents(_answer(thoughts))
    told = b"".join(events.read(0, decoded(one)) for one in given)
    told += events.error(broken, 502) if broken else events.close(_usage(given))
    return obeyed(told)


def obeyed(told: bytes) -> list[dict[str, Any]]:
    """The events of a stream; fails where an accumulator would stumble."""
    blocks = told.decode().split("\n\n")
    assert blocks.pop() == ""
    events = []
    for block in blocks:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def added(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that a client puts together."""
    assert events[0]["type"] == "message_start"
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    message = events[0]["message"]
    assert message["content"] == []
    open_index = None
    for event in events[1:-2]:
        if event["type"] == "content_block_start":
            assert open_index is None and event["index"] == len(message["content"])
            open_index = event["index"]
            message["content"].append(
                event["content_block"] | ({"input": ""} if "input" in event["content_block"] else {})
            )
        elif event["type"] == "content_block_stop":
            assert event["index"] == open_index
            open_index = None
        else:
            assert event["index"] == open_index
            _grow(message["content"][open_index], event["delta"])
    assert open_index is None
    for block in message["content"]:
        if "input" in block:
            block["input"] = json.loads(block["input"])
    return message | events[-2]["delta"] | {"usage": events[-2]["usage"]}


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    member = {
        "text_delta": "text",
        "thinking_delta": "thinking",
        "input_json_delta": "input",
        "signature_delta": "signature",
    }
    told = next(value for name, value in delta.items() if name != "type")
    block[member[delta["type"]]] += told


def test_a_text_is_one_block_however_it_comes():
    events = streamed(reply("Hel", finish=None), reply("lo", finish=None), reply(""))
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 2,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    message = added(events)
    assert message["content"] == [{"type": "text", "text": "Hello"}]
    assert (message["stop_reason"], message["stop_sequence"]) == ("end_turn", None)


def test_thinking_is_told_where_it_was_asked_for():
    given = (reply(THOUGHT, finish=None), reply("Hello"))
    told = added(streamed(*given, thoughts=True))["content"]
    assert told == [
        {"type": "thinking", "thinking": "Let me think.", "signature": ""},
        {"type": "text", "text": "Hello"},
    ]
    assert [block["type"] for block in added(streamed(*given))["content"]] == ["text"]


def test_a_calls_signature_travels_sealed_in_the_thinking_before_it():
    given = reply(THOUGHT, call("f", {"a": 1}, thoughtSignature="c2ln"), call("g", {}))
    message = added(streamed(given, thoughts=True))
    thinking, first, second = message["content"]
    assert json.loads(thinking["signature"]) == {first["id"]: "c2ln"}
    assert (first["name"], first["input"], second["input"]) == ("f", {"a": 1}, {})
    assert message["stop_reason"] == "tool_use"
    assert [block["type"] for block in whole(given)["content"]] == ["tool_use", "tool_use"]


@pytest.mark.parametrize(
    ("finish", "stop_reason"), [("STOP", "end_turn"), ("MAX_TOKENS", "max_tokens"), ("SAFETY", "refusal")]
)
def test_the_stop_reason_is_anthropics(finish: str, stop_reason: str):
    assert whole(reply("Half", finish=finish))["stop_reason"] == stop_reason


def test_what_was_withheld_says_why():
    message = whole(reply(finish="SAFETY"))
    assert message["stop_reason"] == "refusal"
    assert "safety filter" in message["content"][0]["text"]


def test_cached_tokens_are_no_input_tokens():
    counts = {"promptTokenCount": 100, "cachedContentTokenCount": 60}
    given = {**reply("Hi"), "usageMetadata": {**counts, "candidatesTokenCount": 5, "thoughtsTokenCount": 7}}
    usage = whole(given)["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (40, 60, 12)
    assert streamed(given)[0]["message"]["usage"]["input_tokens"] == 40


def test_a_stream_that_breaks_ends_with_an_error():
    broken = {"message": "It broke.", "type": "server_error", "param": None, "code": "upstream_unavailable"}
    events = streamed(reply("Hel", finish=None), broken=broken)
    assert events[-1] == {"type": "error", "error": {"type": "overloaded_error", "message": "It broke."}}


def test_nothing_at_all_is_no_answer():
    with pytest.raises(EmptyAnswer):
        whole(reply(""))


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ({"type": "invalid_request_error", "code": None}, 400, "invalid_request_error"),
        ({"type": "invalid_request_error", "code": None}, 401, "authentication_error"),
        ({"type": "invalid_request_error", "code": "invalid_api_key"}, 401, "authentication_error"),
        ({"type": "invalid_request_error", "code": "model_not_allowed"}, 403, "permission_error"),
        ({"type": "invalid_request_error", "code": "model_not_found"}, 404, "not_found_error"),
        ({"type": "rate_limit_error", "code": "pool_exhausted"}, 429, "rate_limit_error"),
        ({"type": "server_error", "code": None}, 500, "api_error"),
        ({"type": "server_error", "code": "upstream_unavailable"}, 503, "overloaded_error"),
    ],
)
def test_an_error_has_anthropics_type(error: dict[str, Any], status: int, kind: str):
    told = json.loads(to_envelope({"message": "No.", "param": "model", **error}, status, "req_1"))
    assert told == {"type": "error", "error": {"type": kind, "message": "model: No."}, "request_id": "req_1"}


@pytest.mark.parametrize("case", CHATS, ids=lambda case: case.file)
def test_a_recording_says_here_what_it_says_through_chat(case: Recording):
    try:
        told = chat_stream(*case.payloads, include_usage=True)
    except EmptyAnswer:
        with pytest.raises(EmptyAnswer):
            streamed(*case.payloads)
        return
    through_chat, usage = added_up(told)[0]["message"], chunks_of(told)[-1]["usage"]
    message = added(streamed(*case.payloads))
    text = "".join(block["text"] for block in message["content"] if block["type"] == "text")
    assert text == (through_chat.get("content") or through_chat.get("refusal") or "")
    calls = [one["function"] for one in through_chat.get("tool_calls", ())]
    assert [(block["name"], block["input"]) for block in message["content"] if block["type"] == "tool_use"] == [
        (one["name"], json.loads(one["arguments"])) for one in calls
    ]
    assert message["usage"]["output_tokens"] == usage["completion_tokens"]
    assert message["usage"]["input_tokens"] + message["usage"]["cache_read_input_tokens"] == usage["prompt_tokens"]
    if len(case.payloads) == 1:
        assert {**whole(case.payloads[0]), "id": ""} == {**message, "id": ""}
