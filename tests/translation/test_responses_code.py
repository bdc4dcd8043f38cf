"""code_interpreter: when Gemini may run code, and what is told of the code that it ran."""

from typing import Any

import pytest

from compat.translation.chat.request import ChatTranslation
from tests.gemini_replies import reply
from tests.live.recorded import recordings
from tests.translation.responding import kinds, streamed, text_of, translated, whole

INTERPRETER = {"type": "code_interpreter", "container": {"type": "auto"}}
ASKED: dict[str, Any] = {"tools": [INTERPRETER], "include": ["code_interpreter_call.outputs"]}
LOOK = {"type": "function", "name": "f"}
CODE = {"executableCode": {"language": "PYTHON", "code": "print(42)"}}
RESULT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "42\n"}}
FAILED = {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "ZeroDivisionError"}}
CHART = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}


@pytest.mark.parametrize(
    ("model", "tools", "sent", "dropped"),
    [
        ("gemini-2.5-flash", [INTERPRETER], [{"codeExecution": {}}], []),
        ("gemini-2.5-flash", [{"type": "code_interpreter"}], [{"codeExecution": {}}], []),
        (
            "gemini-3.8-flash",
            [INTERPRETER, {"type": "web_search"}],
            [{"googleSearch": {}}, {"codeExecution": {}}],
            [],
        ),
        ("gemini-2.5-flash-image", [INTERPRETER], None, ["code_interpreter"]),
        (
            "gemini-3.8-flash",
            [INTERPRETER, LOOK, {"type": "web_search"}],
            [{"functionDeclarations": [{"name": "f"}]}, {"codeExecution": {}}],
            ["web_search"],
        ),
        ("gemini-2.5-flash", [INTERPRETER, LOOK], [{"functionDeclarations": [{"name": "f"}]}], ["code_interpreter"]),
        (
            "gemini-2.5-flash",
            [{"type": "file_search"}, {"type": "mcp"}, {"type": "new"}],
            None,
            ["file_search", "mcp", "another kind"],
        ),
    ],
)
def test_gemini_may_run_code_where_it_can(model, tools, sent, dropped):
    translation = translated(tools=tools)
    chat = ChatTranslation(translation.chat, lambda *_: None, runs_code=translation.runs_code)
    body = chat.to_body(model, 1)
    assert body.get("tools") == sent
    assert [*translation.dropped, *chat.left_out(model)] == dropped
    are_together = {"includeServerSideToolInvocations": True} if len(sent or ()) > 1 and LOOK in tools else None
    assert body.get("toolConfig") == are_together


def run(code, status="completed", outputs=None):
    return {"id": "ci_1", "type": "code_interpreter_call", "status": status, "code": code, "outputs": outputs}


def contents(model, *items):
    chat = ChatTranslation(translated(input=list(items)).chat, lambda *_: None)
    return chat.to_body(model, 1)["contents"]


def part(code, outcome, output):
    return [
        {"executableCode": {"language": "PYTHON", "code": code}},
        {"codeExecutionResult": {"outcome": outcome, "output": output}},
    ]


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        (run("print(1)", outputs=[{"type": "logs", "logs": "1\n"}]), part("print(1)", "OUTCOME_OK", "1\n")),
        (run("print(1)"), part("print(1)", "OUTCOME_OK", "")),
        (
            run("1/0", "failed", [{"type": "logs", "logs": "Error"}, {"type": "image", "url": "data:"}]),
            part("1/0", "OUTCOME_FAILED", "Error"),
        ),
        (run("print(1)", "incomplete"), []),
        (run(None), []),
        ({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}, []),
    ],
)
def test_code_that_was_run_before_comes_back_as_it_was(item, parts):
    said = {"role": "assistant", "content": "Well."}
    asked, answered, _ = contents(
        "gemini-2.5-flash", {"role": "user", "content": "1"}, item, said, {"role": "user", "content": "2"}
    )
    assert asked["role"] == "user"
    assert answered == {"role": "model", "parts": [*parts, {"text": "Well."}]}
    _, answered, _ = contents(
        "gemini-2.5-flash-image", {"role": "user", "content": "1"}, item, said, {"role": "user", "content": "2"}
    )
    assert answered["parts"] == [{"text": "Well."}]


def test_code_before_a_call_is_of_the_same_turn():
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "2"}
    _, called, answered = contents("gemini-3.8-flash", {"role": "user", "content": "1"}, run("print(1)"), call, output)
    assert [next(iter(one)) for one in called["parts"]] == ["executableCode", "codeExecutionResult", "functionCall"]
    assert "functionResponse" in answered["parts"][0]


def test_code_is_an_item_before_the_text_that_rests_on_it():
    response = whole(reply(CODE, RESULT, "It is 42."), ASKED)
    ran, said = response["output"]
    assert (ran["code"], ran["status"]) == ("print(42)", "completed")
    assert ran["outputs"] == [{"type": "logs", "logs": "42\n"}]
    assert said["content"][0]["text"] == "It is 42."
    assert response["tools"] == [INTERPRETER]


def test_outputs_are_told_only_where_they_are_asked_for():
    (ran, _) = whole(reply(CODE, RESULT, "It is 42."), {"tools": [INTERPRETER]})["output"]
    assert ran["outputs"] is None


def test_what_was_said_between_two_runs_stays_between_them():
    response = whole(reply("One:", CODE, RESULT, "Two:", CODE, FAILED, "Hm."), ASKED)
    assert [item["type"].split("_")[0] for item in response["output"]] == [
        "message",
        "code",
        "message",
        "code",
        "message",
    ]
    assert [item["status"] for item in response["output"]] == [*("completed",) * 3, "failed", "completed"]
    assert text_of(response) == "One:Two:Hm."


def test_a_chart_is_an_output_of_its_code():
    ran, said = whole(reply(CODE, RESULT, CHART, "See."), ASKED)["output"]
    assert [output["type"] for output in ran["outputs"]] == ["logs", "image"]
    assert ran["outputs"][1]["url"] == "data:image/png;base64,iVBORw0KGgo="
    assert said["type"] == "message"


def test_the_stream_tells_code_and_its_end_in_order():
    events = streamed(reply(CODE, finish=None), reply(RESULT, finish=None), reply("It is 42."), members=ASKED)
    assert kinds(events)[2:10] == [
        "output_item.added",
        "code_interpreter_call.in_progress",
        "code_interpreter_call_code.delta",
        "code_interpreter_call_code.done",
        "code_interpreter_call.interpreting",
        "code_interpreter_call.completed",
        "output_item.done",
        "output_item.added",
    ]
    assert events[4]["delta"] == events[5]["code"] == "print(42)"


def test_code_without_a_result_is_incomplete_and_still_an_answer():
    (ran,) = whole(reply(CODE), ASKED)["output"]
    assert (ran["status"], ran["outputs"]) == ("incomplete", None)


def test_nobody_is_told_of_code_who_did_not_ask_for_it():
    (said,) = whole(reply(CODE, RESULT, "It is 42."))["output"]
    assert said["type"] == "message"


def test_sources_are_of_the_message_that_they_are_in():
    given = reply("Before.", CODE, RESULT, "The sea is blue.")
    text = "The sea is blue."
    given["candidates"][0]["groundingMetadata"] = {
        "groundingChunks": [{"web": {"uri": "https://example.com/", "title": "example"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 7, "endIndex": 23, "text": text}, "groundingChunkIndices": [0]}
        ],
    }
    *_, said = whole(given, ASKED)["output"]
    (source,) = said["content"][0]["annotations"]
    assert text[source["start_index"] : source["end_index"]] == text


@pytest.mark.parametrize("name", ["stream-code-execution-3.sse", "stream-two-stops-code-execution.sse"])
def test_recorded_streams_keep_every_rule(name):
    replies = recordings()[name].payloads
    events = streamed(*replies, members=ASKED)
    ran = [item for item in events[-1]["response"]["output"] if item["type"] == "code_interpreter_call"]
    assert ran and all(item["outputs"][0]["logs"] for item in ran)
    assert text_of(events[-1]["response"])
