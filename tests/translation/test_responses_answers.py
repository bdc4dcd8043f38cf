"""Replies → responses: whole and streamed, by the rules of OpenAI's Responses API."""

import json
from typing import Any

import pytest

from compat.translation.chat.completion import EmptyAnswer
from compat.translation.tools import Declared
from tests.doors.test_recordings import ANSWERS
from tests.live.recorded import Recording
from tests.translation.answering import call, reply
from tests.translation.responding import calls_of, kinds, streamed, text_of, whole

THOUGHT = {"text": "Let me think.", "thought": True}
SUMMARY = {"reasoning": {"effort": "low", "summary": "auto"}}
CARRIED = {"include": ["reasoning.encrypted_content"]}
TEXT = ["output_item.added", "content_part.added", "output_text.delta"]
TEXT_DONE = ["output_text.done", "content_part.done", "output_item.done"]
WHOLE = [case for case in ANSWERS if len(case.payloads) == 1]


def test_a_text_is_told_in_the_order_that_clients_need():
    events = streamed(reply("Hel", finish=None), reply("lo", finish=None), reply(""))
    assert kinds(events) == ["created", "in_progress", *TEXT, "output_text.delta", *TEXT_DONE, "completed"]
    assert [event["delta"] for event in events if event["type"].endswith("text.delta")] == ["Hel", "lo"]
    response = events[-1]["response"]
    assert text_of(response) == "Hello"
    assert (response["status"], response["completed_at"]) == ("completed", 1_700_000_001)


def test_thoughts_are_told_as_a_summary_before_the_text():
    events = streamed(reply(THOUGHT, finish=None), reply("Hello"), members=SUMMARY)
    item = ["output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"]
    done = ["reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"]
    assert kinds(events) == ["created", "in_progress", *item, *done, *TEXT, *TEXT_DONE, "completed"]
    reasoning, message = events[-1]["response"]["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Let me think."}]
    assert message["type"] == "message"


def test_thoughts_that_nobody_asked_for_are_not_told():
    assert [item["type"] for item in whole(reply(THOUGHT, "Hello"))["output"]] == ["message"]


def test_a_thought_after_text_begins_an_item_of_its_own():
    response = streamed(reply("One"), reply(THOUGHT, finish=None), reply("Two"), members=SUMMARY)[-1]["response"]
    assert [item["type"] for item in response["output"]] == ["message", "reasoning", "message"]
    assert text_of(response) == "OneTwo"


def test_calls_are_told_whole_and_numbered():
    replies = reply(call("get_time", {"zone": "UTC"}), call("get_time", {"zone": "CET"}))
    events = streamed(replies)
    told = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]
    assert kinds(events) == ["created", "in_progress", *told, *told, "completed"]
    added = next(event["item"] for event in events if event["type"].endswith("item.added"))
    assert (added["name"], added["arguments"], added["call_id"]) == ("get_time", "", "call_1")
    assert calls_of(events[-1]["response"]) == [("get_time", {"zone": "UTC"}), ("get_time", {"zone": "CET"})]


def test_a_custom_tools_call_carries_its_text():
    declared = Declared(custom=frozenset({"apply_patch"}))
    events = streamed(reply(call("apply_patch", {"input": "*** Begin"})), declared=declared)
    assert kinds(events)[2:6] == [
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
    ]
    (item,) = events[-1]["response"]["output"]
    assert (item["type"], item["input"], item["call_id"]) == ("custom_tool_call", "*** Begin", "call_1")


READ = {"type": "function", "name": "read", "parameters": {"type": "object"}, "strict": None, "description": "Read"}


def test_a_call_into_a_namespace_is_told_with_it():
    tools = [{"type": "namespace", "name": "notes", "description": "Notes", "tools": [READ]}]
    events = streamed(reply(call("notes__read", {})), members={"tools": tools})
    (item,) = events[-1]["response"]["output"]
    assert (item["namespace"], item["name"]) == ("notes", "read")


@pytest.mark.parametrize("thoughts", [False, True])
def test_a_calls_signature_travels_sealed_in_a_reasoning_item_before_it(thoughts: bool):
    given = [reply(THOUGHT, finish=None), reply(call("f", {}, thoughtSignature="c2ln"))]
    members = {**CARRIED, **(SUMMARY if thoughts else {})}
    reasoning, made = streamed(*given, members=members)[-1]["response"]["output"]
    assert json.loads(reasoning["encrypted_content"]) == {made["call_id"]: "c2ln"}
    assert bool(reasoning["summary"]) is thoughts


def test_a_signature_that_the_client_does_not_want_stays_here():
    (item,) = whole(reply(call("f", {}, thoughtSignature="c2ln")))["output"]
    assert item["type"] == "function_call"
    assert "c2ln" not in json.dumps(item)


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("MAX_TOKENS", "max_output_tokens"), ("SAFETY", "content_filter"), ("SPII", "content_filter")],
)
def test_an_answer_that_was_cut_is_incomplete(finish: str, reason: str):
    events = streamed(reply("Half of", finish=finish))
    response = events[-1]["response"]
    assert events[-1]["type"] == "response.incomplete"
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert response["output"][0]["status"] == "incomplete"
    assert response["completed_at"] is None


def test_what_was_withheld_is_told_as_a_refusal():
    events = streamed(reply(finish="SAFETY"))
    assert kinds(events)[2:8] == [
        "output_item.added",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
    ]
    (item,) = events[-1]["response"]["output"]
    assert "safety filter" in item["content"][0]["refusal"]


def test_sources_are_annotations_and_the_search_an_item():
    grounding = {
        "webSearchQueries": ["capital of France"],
        "groundingChunks": [{"web": {"uri": "https://example.org/paris", "title": "Paris"}}],
        "groundingSupports": [{"segment": {"endIndex": 5, "text": "Paris"}, "groundingChunkIndices": [0]}],
    }
    events = streamed(reply("Paris.", finish=None), reply("", groundingMetadata=grounding))
    message, search = events[-1]["response"]["output"]
    assert message["content"][0]["annotations"] == [
        {
            "type": "url_citation",
            "url": "https://example.org/paris",
            "title": "Paris",
            "start_index": 0,
            "end_index": 5,
        }
    ]
    assert (search["type"], search["action"]["query"]) == ("web_search_call", "capital of France")
    assert "sources" not in search["action"]
    assert kinds(events).index("output_text.annotation.added") < kinds(events).index("output_text.done")
    asked = {"include": ["web_search_call.action.sources"]}
    _, search = whole(reply("Paris.", groundingMetadata=grounding), asked)["output"]
    assert search["action"]["sources"] == [{"type": "url", "url": "https://example.org/paris"}]


def test_an_image_is_the_item_of_the_tool_that_would_have_drawn_it():
    image = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    events = streamed(reply("Here:", finish=None), reply(image))
    response = events[-1]["response"]
    assert kinds(events)[-6:-1] == [
        "output_item.added",
        *(f"image_generation_call.{step}" for step in ("in_progress", "generating", "completed")),
        "output_item.done",
    ]
    assert (events[-6]["item"]["status"], events[-6]["item"]["result"]) == ("in_progress", None)
    assert [item["type"] for item in response["output"]] == ["message", "image_generation_call"]
    assert response["output"][1]["result"] == "iVBORw0KGgo="


def test_a_stream_that_breaks_has_failed():
    events = streamed(
        reply("Hel", finish=None),
        broken={"message": "It broke.", "type": "server_error", "param": None, "code": "upstream_error"},
    )
    assert events[-1]["response"]["error"] == {"code": "server_error", "message": "It broke."}
    assert text_of(events[-1]["response"]) == "Hel"


def test_a_stream_that_breaks_before_it_said_anything_is_created_first():
    broken = {"message": "Wait.", "type": "rate_limit_error", "param": None, "code": "pool_exhausted"}
    events = streamed(broken=broken)
    assert kinds(events) == ["created", "in_progress", "failed"]
    assert events[-1]["response"]["error"]["code"] == "rate_limit_exceeded"


def test_nothing_at_all_is_no_answer():
    with pytest.raises(EmptyAnswer):
        whole(reply(""))
    with pytest.raises(EmptyAnswer):
        streamed(reply(THOUGHT, finish=None), reply(""), members=SUMMARY)


def test_the_request_is_told_back():
    members: dict[str, Any] = {
        "instructions": "Be brief.",
        "metadata": {"job": "7"},
        "max_output_tokens": 900,
        "temperature": 0.5,
        "top_p": 0.9,
        "parallel_tool_calls": False,
        "tool_choice": {"type": "function", "name": "f"},
        "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}, "verbosity": "low"},
        "truncation": "auto",
    }
    response = whole(reply("{}"), members)
    same = members.keys() - {"tools", "text"}
    assert {name: response[name] for name in same} == {name: members[name] for name in same}
    assert response["tools"][0] == {
        "type": "function",
        "name": "f",
        "description": None,
        "parameters": None,
        "strict": True,
    }
    assert response["text"]["format"]["name"] == "n"


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case.file)
def test_a_recorded_reply_becomes_the_same_response_whole_and_as_the_only_event(case: Recording):
    assert _without_ids(whole(case.payloads[0])) == _without_ids(streamed(case.payloads[0])[-1]["response"])


def _without_ids(response: dict[str, Any]) -> dict[str, Any]:
    return {**response, "output": [{**item, "id": ""} for item in response["output"]]}
