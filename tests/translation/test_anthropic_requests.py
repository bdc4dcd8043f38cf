"""A Messages request → the chat request that stands for it."""

import json
from typing import Any

import msgspec
import pytest

from compat.schemas.anthropic import MessagesRequest
from compat.schemas.chat import AssistantMessage, DeveloperMessage, ToolMessage, UserMessage
from compat.translation.anthropic.request import MessagesTranslation
from compat.translation.chat.request import ChatTranslation
from compat.translation.refusals import Untranslatable
from compat.translation.signatures import signature_of
from tests.translation.responding import seal, unseal

_request = msgspec.json.Decoder(MessagesRequest)
TOOL = {"name": "get_weather", "description": "The weather", "input_schema": {"type": "object", "properties": {}}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12 °C"}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"


def translated(*messages: Any, **members: Any) -> MessagesTranslation:
    given = list(messages) or [{"role": "user", "content": "Hello"}]
    body = {"model": "claude-sonnet-4-5", "max_tokens": 4_096, "messages": given, **members}
    return MessagesTranslation(_request.decode(json.dumps(body)), unseal)


def chat(*messages: Any, **members: Any) -> Any:
    return translated(*messages, **members).chat


def body(*messages: Any, model: str = "gemini-3.8-flash", **members: Any) -> dict[str, Any]:
    return ChatTranslation(chat(*messages, **members), lambda call_id, generation: None).to_body(model, 1)


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


@pytest.mark.parametrize(
    "system",
    ["Be brief.", [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]],
    ids=["text", "blocks"],
)
def test_the_system_prompt_leads(system: Any):
    made = body(system=system)
    assert made["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert made["contents"] == [{"role": "user", "parts": [{"text": "Hello"}]}]


def test_images_and_documents_are_parts():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    pdf = {
        "type": "document",
        "title": "Plan",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
    }
    text = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A text."}}
    remote = {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}
    (content,) = body(user(image, pdf, text, remote))["contents"]
    assert [next(iter(part)) for part in content["parts"]] == ["inlineData", "text", "inlineData", "text", "fileData"]
    assert [part["inlineData"]["mimeType"] for part in content["parts"] if "inlineData" in part] == [
        "image/png",
        "application/pdf",
    ]


def test_results_come_before_what_the_user_says_beside_them():
    messages = chat(
        user({"type": "text", "text": "Weather?"}), assistant(CALL), user(RESULT, {"type": "text", "text": "Well?"})
    )
    assert [type(message) for message in messages.messages] == [UserMessage, AssistantMessage, ToolMessage, UserMessage]
    assert messages.messages[1].tool_calls[0].function.arguments == {"city": "Paris"}
    contents = body(user({"type": "text", "text": "Weather?"}), assistant(CALL), user(RESULT))["contents"]
    assert contents[2]["parts"][0]["functionResponse"]["response"] == {"output": "12 °C"}


def test_a_failed_tool_is_told_as_one():
    contents = body(user({"type": "text", "text": "Weather?"}), assistant(CALL), user({**RESULT, "is_error": True}))[
        "contents"
    ]
    assert contents[2]["parts"][0]["functionResponse"]["response"] == {"output": "The tool failed: 12 °C"}


def test_an_image_of_a_result_goes_with_it():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    contents = body(user({"type": "text", "text": "Draw"}), assistant(CALL), user({**RESULT, "content": [image]}))[
        "contents"
    ]
    assert "inlineData" in contents[2]["parts"][0]["functionResponse"]["parts"][0]


def test_signatures_that_travelled_sealed_are_put_on_their_calls():
    thought = {"type": "thinking", "thinking": "Hm.", "signature": seal({"toolu_1": "c2ln"})}
    message = chat(user({"type": "text", "text": "Weather?"}), assistant(thought, CALL), user(RESULT)).messages[1]
    assert signature_of(message.tool_calls[0].extra_content) == "c2ln"
    foreign = {**thought, "signature": "EqQBCgIYAhIM"}
    message = chat(user({"type": "text", "text": "Weather?"}), assistant(foreign, CALL), user(RESULT)).messages[1]
    assert message.tool_calls[0].extra_content is None


def test_blocks_that_mean_nothing_here_are_left_out():
    found = chat(
        user({"type": "text", "text": "Hi"}, {"type": "container_upload", "file_id": "x"}),
        assistant({"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "Hello"}),
        user({"type": "text", "text": "Go on"}),
    ).messages
    assert [type(message) for message in found] == [UserMessage, AssistantMessage, UserMessage]


def test_a_system_message_may_stand_among_the_others():
    assert isinstance(chat({"role": "system", "content": "Be brief."}, user()).messages[0], DeveloperMessage)


def test_tools_have_schemas_and_the_servers_own_are_left_out():
    tools = [TOOL, {"type": "bash_20250124", "name": "bash"}]
    (declared,) = body(tools=tools)["tools"]
    assert [function["name"] for function in declared["functionDeclarations"]] == ["get_weather"]
    assert body(tools=[{"type": "web_search_20250305", "name": "web_search"}])["tools"] == [{"googleSearch": {}}]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ({"type": "any"}, {"mode": "ANY"}),
        ({"type": "none"}, {"mode": "NONE"}),
        ({"type": "tool", "name": "get_weather"}, {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}),
    ],
)
def test_the_choice_of_tools_is_chats(choice: Any, config: dict[str, Any]):
    assert body(tools=[TOOL], tool_choice=choice)["toolConfig"] == {"functionCallingConfig": config}


def test_one_call_at_a_time_is_one_call_a_turn():
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    assert chat(tools=[TOOL], tool_choice=choice).parallel_tool_calls is False


def test_limits_and_sampling_keep_their_meaning():
    made = body(temperature=0.5, top_p=0.9, top_k=40, stop_sequences=["END"], max_tokens=2_000)["generationConfig"]
    assert (made["maxOutputTokens"], made["temperature"], made["topP"], made["topK"]) == (2_000, 0.5, 0.9, 40)
    assert made["stopSequences"] == ["END"]


@pytest.mark.parametrize(
    ("thinking", "of_levels", "of_budgets"),
    [
        ({"type": "enabled", "budget_tokens": 1_024}, {"thinkingLevel": "LOW"}, {"thinkingBudget": 1_024}),
        ({"type": "enabled", "budget_tokens": 10_000}, {"thinkingLevel": "MEDIUM"}, {"thinkingBudget": 10_000}),
        ({"type": "enabled", "budget_tokens": 32_000}, {"thinkingLevel": "HIGH"}, {"thinkingBudget": 24_576}),
        ({"type": "adaptive"}, {}, {}),
    ],
)
def test_a_budget_of_thinking_is_a_level_where_the_model_has_levels(
    thinking: Any, of_levels: dict[str, Any], of_budgets: dict[str, Any]
):
    for model, expected in (("gemini-3.8-flash", of_levels), ("gemini-2.5-flash", of_budgets)):
        config = body(thinking=thinking, model=model)["generationConfig"]["thinkingConfig"]
        assert config == {"includeThoughts": True, **expected}


def test_thinking_that_is_not_shown_is_not_told():
    config = body(thinking={"type": "adaptive", "display": "omitted"})["generationConfig"]["thinkingConfig"]
    assert config["includeThoughts"] is False


def test_a_form_of_the_answer_is_a_schema():
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    for members in (
        {"output_config": {"format": {"type": "json_schema", "schema": schema}}},
        {"output_format": {"type": "json_schema", "schema": schema}},
    ):
        assert body(**members)["generationConfig"]["responseJsonSchema"]["properties"] == schema["properties"]


@pytest.mark.parametrize(
    ("messages", "members", "param"),
    [
        ([{"role": "user", "content": [{"type": "text"}]}], {}, "messages[0].content[0].text"),
        ([user({"type": "image", "source": {"type": "file"}})], {}, "messages[0].content[0].source"),
        ([], {"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ([], {"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ],
)
def test_a_refusal_names_the_member_of_this_api(messages: list[Any], members: dict[str, Any], param: str):
    with pytest.raises(Untranslatable) as refused:
        translated(*messages, **members)
    assert refused.value.param == param


def test_what_chat_refuses_is_told_in_this_apis_places():
    origins = translated(
        user({"type": "text", "text": "Weather?"}),
        assistant(CALL),
        user(RESULT, {"type": "text", "text": "a"}),
        system="Be brief.",
    ).origins
    # system, user, assistant, the result, the user again
    assert origins.of("messages[0].content") == "system"
    assert origins.of("messages[4].content[0].image_url") == "messages[2].content[0].image_url"
    assert origins.of("stop") == "stop_sequences"
