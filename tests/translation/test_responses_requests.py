"""A responses request → the chat request that stands for it."""

from typing import Any

import pytest

from compat.schemas.chat import AssistantMessage, ToolMessage, UserMessage
from compat.simulator.validation import violations
from compat.translation.chat.request import ChatTranslation
from compat.translation.refusals import Untranslatable
from compat.translation.signatures import signature_of
from tests.gemini_replies import reply
from tests.translation.responding import chat, seal, translated, whole

FUNCTION = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}
CALL = {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris"}'}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "12 °C"}


def body(**members: Any) -> dict[str, Any]:
    return ChatTranslation(chat(**members), lambda call_id, generation: None).to_body("gemini-3.8-flash", 1)


def refusal(**members: Any) -> Untranslatable:
    with pytest.raises(Untranslatable) as refused:
        translated(**members)
    return refused.value


@pytest.mark.parametrize(
    ("item", "path", "offered"),
    [
        ({"role": "usr", "content": "Hi"}, "role", "'assistant', 'developer', 'system', and 'user'."),
        ({"role": "user", "content": [{"type": "film"}]}, "content[0].type", "'text', 'input_text', "),
        ({**RESULT, "output": [{"type": "film"}]}, "output[0].type", "'text', 'input_text', "),
    ],
)
def test_a_value_that_is_none_is_refused_with_those_that_are(item, path, offered):
    error = refusal(input=[item])
    assert (error.param, error.code) == (f"input[0].{path}", "invalid_value")
    assert f"Supported values are: {offered}" in str(error)


def test_a_text_is_what_the_user_says_and_instructions_lead():
    assert body(input="Hello", instructions="Be brief.")["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert body(input="Hello")["contents"] == [{"role": "user", "parts": [{"text": "Hello"}]}]


def test_messages_need_no_type_and_parts_have_this_apis_names():
    image = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    contents = body(
        input=[
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "What is it?"}, {"type": "input_image", "image_url": image}],
            },
            {"role": "assistant", "content": [{"type": "output_text", "text": "A dot.", "annotations": []}]},
            {"type": "message", "role": "user", "content": "Sure?"},
        ]
    )["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    assert contents[0]["parts"][1]["inlineData"]["mimeType"] == "image/png"


def test_calls_of_a_turn_are_one_message_and_their_results_follow():
    again = {**CALL, "call_id": "call_2"}
    messages = chat(
        input=[{"role": "user", "content": "Weather?"}, CALL, again, RESULT, {**RESULT, "call_id": "call_2"}]
    ).messages
    assert [type(message) for message in messages] == [UserMessage, AssistantMessage, ToolMessage, ToolMessage]
    assert [call.id for call in messages[1].tool_calls] == ["call_1", "call_2"]


def test_what_the_assistant_says_around_a_call_is_of_one_turn():
    said = {"role": "assistant", "content": [{"type": "output_text", "text": "I look."}]}
    (_, message, _) = chat(input=[{"role": "user", "content": "Weather?"}, said, CALL, RESULT]).messages
    assert message.content[0].text == "I look."
    assert message.tool_calls[0].function.name == "get_weather"


def test_a_custom_tools_call_and_its_result_come_back():
    called = {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** Begin"}
    output = {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"}
    (_, message, result) = chat(input=[{"role": "user", "content": "Go"}, called, output]).messages
    assert message.tool_calls[0].custom.input == "*** Begin"
    assert result.content == "ok"


def test_signatures_that_travelled_sealed_are_put_on_their_calls():
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal({"call_1": "c2ln"})}
    (_, message, _) = chat(input=[{"role": "user", "content": "Weather?"}, reasoning, CALL, RESULT]).messages
    assert signature_of(message.tool_calls[0].extra_content) == "c2ln"


def test_what_was_sealed_elsewhere_is_passed_over():
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA-of-another-service"}
    (_, message, _) = chat(input=[{"role": "user", "content": "Weather?"}, reasoning, CALL, RESULT]).messages
    assert message.tool_calls[0].extra_content is None


def test_items_that_mean_nothing_here_are_left_out():
    items = [
        {"type": "item_reference", "id": "msg_1"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
        {"role": "user", "content": "Hello"},
    ]
    assert [type(message) for message in chat(input=items).messages] == [UserMessage]


def test_tools_are_flat_here_and_the_servers_own_are_left_out():
    tools = [
        FUNCTION,
        {
            "type": "custom",
            "name": "apply_patch",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
        },
        {"type": "local_shell"},
        {"type": "mcp", "server_label": "x"},
        {"type": "made_up: \n", "name": "x"},
    ]
    found = translated(tools=tools)
    assert [tool.type for tool in found.chat.tools] == ["function", "custom"]
    assert found.dropped == ["local_shell", "mcp", "another kind"]
    (declarations,) = body(tools=tools)["tools"]
    assert "start: x" in declarations["functionDeclarations"][1]["description"]


SPACES = [
    {
        "type": "namespace",
        "name": name,
        "description": name,
        "tools": [{"type": "function", "name": "read"}, {"type": kind, "name": name}],
    }
    for name, kind in (("notes", "function"), ("mail", "custom"))
]


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        ({"type": "function", "name": "notes"}, "notes__notes"),
        ({"type": "custom", "name": "mail"}, "mail__mail"),
        ({"type": "function", "namespace": "mail", "name": "read"}, "mail__read"),
        ({"type": "function", "name": "mail__read"}, "mail__read"),
        ({"type": "function", "name": "plain"}, "plain"),
    ],
)
def test_a_choice_names_a_tool_of_a_namespace(choice, named):
    tools = [*SPACES, {"type": "function", "name": "plain"}]
    made = translated(tools=tools, tool_choice=choice)
    config = ChatTranslation(made.chat, lambda *_: None).to_body("gemini-3.8-flash", 1)["toolConfig"]
    assert config["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": [named]}
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [choice]}
    made = translated(tools=tools, tool_choice=allowed)
    config = ChatTranslation(made.chat, lambda *_: None).to_body("gemini-3.8-flash", 1)["toolConfig"]
    assert config["functionCallingConfig"]["allowedFunctionNames"] == [named]


def test_a_choice_of_what_several_namespaces_have_must_say_which():
    with pytest.raises(Untranslatable) as refused:
        translated(tools=SPACES, tool_choice={"type": "function", "name": "read"})
    assert refused.value.param == "tool_choice.namespace"


def test_a_choice_is_told_back_as_it_came():
    choice = {"type": "function", "namespace": "mail", "name": "read"}
    assert whole(reply("Hi"), {"tools": SPACES, "tool_choice": choice})["tool_choice"] == choice


def test_the_tools_of_a_namespace_bear_its_name():
    inner = [{"type": "function", "name": "read"}, {"type": "custom", "name": "patch"}, {"type": "mcp"}]
    space = {"type": "namespace", "name": "notes", "description": "Notes", "tools": inner}
    found = translated(tools=[{**space, "name": "other"}, space])
    names = [(tool.function or tool.custom).name for tool in found.chat.tools]
    assert names == ["other__read", "other__patch", "notes__read", "notes__patch"]
    assert found.namespaces["notes__read"] == ("notes", "read")
    assert found.dropped == ["mcp", "mcp"]
    call = {"type": "function_call", "call_id": "a", "namespace": "notes", "name": "read", "arguments": "{}"}
    (message,) = chat(input=[call]).messages
    assert message.tool_calls[0].function.name == "notes__read"


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview", "web_search_2025_08_26"])
def test_a_web_search_is_googles(kind: str):
    assert body(tools=[{"type": kind}])["tools"] == [{"googleSearch": {}}]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ("required", {"mode": "ANY"}),
        ("none", {"mode": "NONE"}),
        ({"type": "function", "name": "get_weather"}, {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_weather"}]},
            {"mode": "ANY", "allowedFunctionNames": ["get_weather"]},
        ),
    ],
)
def test_the_choice_of_tools_is_chats(choice: Any, config: dict[str, Any]):
    assert body(tools=[FUNCTION], tool_choice=choice)["toolConfig"] == {"functionCallingConfig": config}


def test_the_choice_of_a_tool_that_is_left_out_is_the_models():
    assert "toolConfig" not in body(tools=[FUNCTION], tool_choice={"type": "web_search_preview"})


def test_the_format_of_the_text_is_flat_here():
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    generation = body(text={"format": {"type": "json_schema", "name": "person", "schema": schema}})["generationConfig"]
    assert generation["responseMimeType"] == "application/json"
    assert generation["responseJsonSchema"]["properties"] == schema["properties"]
    assert body(text={"format": {"type": "json_object"}})["generationConfig"]["responseMimeType"] == "application/json"
    assert "responseMimeType" not in body(text={"format": {"type": "text"}}).get("generationConfig", {})


@pytest.mark.parametrize(("summary", "told"), [("auto", True), ("detailed", True), (None, False), ("none", False)])
def test_thoughts_are_asked_for_only_where_a_summary_is(summary: str | None, told: bool):
    thinking = body(reasoning={"effort": "low", "summary": summary})["generationConfig"]["thinkingConfig"]
    assert thinking["includeThoughts"] is told


def test_limits_and_sampling_keep_their_meaning():
    generation = body(max_output_tokens=2_000, temperature=0.5, top_p=0.9)["generationConfig"]
    assert (generation["maxOutputTokens"], generation["temperature"], generation["topP"]) == (2_000, 0.5, 0.9)


@pytest.mark.parametrize("include", [{"include": ["message.output_text.logprobs"]}, {"top_logprobs": 2}])
def test_logprobs_are_asked_for_in_two_ways(include: dict[str, Any]):
    assert chat(**include).logprobs is True


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": [{"role": "root", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": "x"}, {"type": "function_call", "name": "f"}]}, "input[1].call_id"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"conversation": "c", "previous_response_id": "r"}, "previous_response_id"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ],
)
def test_a_refusal_names_the_member_of_this_api(members: dict[str, Any], param: str):
    assert refusal(**members).param == param


@pytest.mark.parametrize(
    ("chats", "ours"),
    [
        ("messages[0].content", "instructions"),
        ("messages[2].content[1].image_url", "input[1].content[1].image_url"),
        ("messages[1].content[0].file.file_data", "input[0].content[0].file_data"),
        ("messages", "input"),
        ("response_format.json_schema.schema", "text.format.schema"),
        ("tools[0].function.parameters", "tools[0].parameters"),
        ("model", "model"),
        (None, None),
    ],
)
def test_what_chat_refuses_is_told_in_this_apis_names(chats: str | None, ours: str | None):
    items = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    assert translated(input=items, instructions="Be brief.").origins.of(chats) == ours


# --- Images -----------------------------------------------------------------------------------------------

DRAWS = {"type": "image_generation", "size": "1536x1024", "quality": "high"}
PLAIN = {"type": "function", "name": "f"}


@pytest.mark.parametrize(
    ("members", "model"),
    [
        ({"tools": [DRAWS]}, "gpt-image-1"),
        ({"tools": [{**DRAWS, "model": "gpt-image-2"}]}, "gpt-image-2"),
        ({"tools": [DRAWS], "tool_choice": "required"}, "gpt-image-1"),
        ({"tools": [DRAWS, PLAIN], "tool_choice": {"type": "image_generation"}}, "gpt-image-1"),
        ({"tools": [DRAWS], "tool_choice": "none"}, None),
        ({"tools": [DRAWS, PLAIN]}, None),
        ({"tools": [PLAIN]}, None),
        ({}, None),
    ],
)
def test_a_model_that_draws_answers_where_an_image_is_wanted(members, model):
    translation = translated(**members)
    assert translation.draws_by == model
    assert ("image_generation" in translation.dropped) == (model is None and DRAWS in members.get("tools", ()))


def test_the_tools_size_is_that_of_the_image():
    made = ChatTranslation(translated(tools=[DRAWS]).chat, lambda call_id, generation: None)
    body = made.to_body("gemini-3.1-flash-image", 1)
    assert body["generationConfig"]["imageConfig"] == {"aspectRatio": "3:2", "imageSize": "1K"}
    assert not violations("gemini-3.1-flash-image", body)


@pytest.mark.parametrize(
    ("tool", "param", "code"),
    [
        ({"size": "large"}, "tools[0].size", "invalid_value"),
        ({"size": 5}, "tools[0].size", "invalid_type"),
        ({"background": "transparent"}, "tools[0].background", "unsupported_value"),
        ({"model": ""}, "tools[0].model", "string_below_min_length"),
    ],
)
def test_a_tool_that_cannot_draw_so_is_refused(tool, param, code):
    with pytest.raises(Untranslatable) as caught:
        translated(tools=[{"type": "image_generation", **tool}])
    assert (caught.value.param, caught.value.code) == (param, code)


@pytest.mark.parametrize("result", ["iVBORw0KGgo=", "/9j/4AAQ", "UklGRgAA"])
def test_an_image_that_was_drawn_before_is_seen_again(result):
    before = [{"role": "user", "content": "A cat"}, {"type": "image_generation_call", "id": "ig_1", "result": result}]
    _, drawn, _ = chat(input=[*before, {"role": "user", "content": "With a hat"}]).messages
    assert drawn.content[1].image_url.url == f"data:image/png;base64,{result}"


@pytest.mark.parametrize("result", [None, "", "<left out>"])
def test_an_image_that_was_left_out_is_none(result):
    items = [{"role": "user", "content": "A cat"}, {"type": "image_generation_call", "id": "ig_1", "result": result}]
    assert len(chat(input=items).messages) == 1
