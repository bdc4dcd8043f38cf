"""Replies → messages of Anthropic's API: whole and streamed, by its rules."""

import json
from typing import Any

import pytest

from compat.translation.anthropic.blocks import Telling
from compat.translation.anthropic.errors import to_envelope
from compat.translation.anthropic.message import Answer, MessageEvents, to_message
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.usage import Usage
from tests.doors.messages import added, obeyed
from tests.doors.test_recordings import ANSWERS
from tests.live.recorded import Recording
from tests.translation.answering import answering, call, decoded, reply
from tests.translation.responding import seal

THOUGHT = {"text": "Let me think.", "thought": True}
WHOLE = [case for case in ANSWERS if len(case.payloads) == 1]


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
    told += events.error(broken, 503) if broken else events.close(_usage(given))
    return obeyed(told)


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


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case.file)
def test_a_recorded_reply_becomes_the_same_message_whole_and_as_the_only_event(case: Recording):
    message = added(streamed(case.payloads[0]))
    assert {**whole(case.payloads[0]), "id": ""} == {**message, "id": ""}
