"""messages → systemInstruction and contents: what Gemini's order rules make of every history that clients send."""

import pytest

from tests.translation.translating import (
    MODELS,
    PNG_URL,
    TEXT_MODELS,
    assistant,
    body,
    calls,
    chat,
    contents,
    refusal,
    result,
    user,
)

TWO_X = "gemini-2.5-flash"
PLACEHOLDER = "skip_thought_signature_validator"


def texts(content):
    return [part.get("text") for part in content["parts"]]


def responses(content):
    return [part["functionResponse"] for part in content["parts"]]


def test_roles_alternate_as_user_and_model():
    made = contents(user("Hi"), assistant("Hello."), user("And?"))
    assert made == [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [{"text": "Hello."}]},
        {"role": "user", "parts": [{"text": "And?"}]},
    ]


def test_neighbours_of_one_role_become_one_turn():
    made = contents(user("a"), user("b"), assistant("c"), assistant("d"), user("e"))
    assert [(content["role"], texts(content)) for content in made] == [
        ("user", ["a", "b"]),
        ("model", ["c", "d"]),
        ("user", ["e"]),
    ]


def test_system_and_developer_messages_anywhere_become_one_instruction_in_order():
    made = body(
        messages=[
            {"role": "system", "content": "one"},
            user("Hi"),
            {"role": "developer", "content": [{"type": "text", "text": "two"}, {"type": "text", "text": " three"}]},
            {"role": "system", "content": ""},
        ]
    )
    assert made["systemInstruction"] == {"parts": [{"text": "one"}, {"text": "two three"}]}
    assert made["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]


def test_a_request_of_instructions_alone_gets_a_turn_of_the_user():
    made = body(messages=[{"role": "system", "content": "Say hi."}])
    assert made["systemInstruction"] == {"parts": [{"text": "Say hi."}]}
    assert made["contents"] == [{"role": "user", "parts": [{"text": " "}]}]


@pytest.mark.parametrize("model", ["gemini-2.5-flash-preview-tts", "gemini-2.5-pro-preview-tts", "gemma-3-27b-it"])
def test_a_model_without_an_instruction_is_told_it_in_the_first_turn(model):
    made = body(model, messages=[{"role": "system", "content": "Be brief."}, user("Hi")])
    assert "systemInstruction" not in made
    assert texts(made["contents"][0]) == ["Be brief.", "Hi"]


def test_the_instruction_leads_also_where_the_history_begins_with_the_assistant():
    made = body("gemma-3-27b-it", messages=[{"role": "system", "content": "Be brief."}, assistant("Hello"), user("Hi")])
    assert [content["role"] for content in made["contents"]] == ["user", "model", "user"]
    assert texts(made["contents"][0]) == ["Be brief."]


def test_a_history_that_begins_with_the_assistant_gets_a_turn_of_the_user_before_it():
    made = contents(assistant("Hello"), user("Hi"))
    assert [content["role"] for content in made] == ["user", "model", "user"]
    assert texts(made[0]) == [" "]


@pytest.mark.parametrize("model", TEXT_MODELS)
def test_a_last_turn_of_the_assistant_is_followed_by_the_user_where_prefill_is_refused(model):
    made = contents(user("Count."), assistant("1, 2,"), model=model)
    takes_prefill = made[-1]["role"] == "model"
    assert takes_prefill == model.startswith(
        ("gemini-2", "gemini-3-", "gemini-3.1", "gemini-3.5", "gemini-pro", "gemma")
    ) or (model == "gemini-flash-lite-latest")
    if not takes_prefill:
        assert texts(made[-1]) == ["Continue."]


@pytest.mark.parametrize("content", ["", [], [{"type": "text", "text": ""}]])
def test_an_empty_user_message_is_a_space(content):
    assert contents(user(content)) == [{"role": "user", "parts": [{"text": " "}]}]


@pytest.mark.parametrize("content", [None, "", [], [{"type": "text", "text": ""}]])
def test_an_empty_assistant_message_without_calls_is_left_out(content):
    made = contents(user("a"), assistant(content), user("b"))
    assert made == [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]


def test_an_absent_content_of_the_assistant_is_as_null():
    made = contents(user("a"), {"role": "assistant"}, user("b"))
    assert made == [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]


def test_refusals_of_the_assistant_are_its_text():
    made = contents(
        user("a"),
        assistant(None, refusal="No."),
        user("b"),
        assistant([{"type": "refusal", "refusal": "Never."}, {"type": "text", "text": "Sorry."}]),
        user("c"),
    )
    assert texts(made[1]) == ["No."]
    assert texts(made[3]) == ["Never.", "Sorry."]


def test_reasoning_and_other_members_of_the_assistant_are_left_out():
    made = contents(
        user("a"),
        assistant(
            "b", reasoning_content="hm", reasoning_details=[{"text": "hm"}], annotations=[], audio=None, prefix=True
        ),
        user("c"),
    )
    assert made[1] == {"role": "model", "parts": [{"text": "b"}]}


def test_a_name_leads_the_text_of_the_user():
    made = contents(user("Hi", name="Ada"), user([{"type": "image_url", "image_url": PNG_URL}], name="Bob"))
    assert texts(made[0])[0] == "Ada: Hi"
    assert "inlineData" in made[0]["parts"][1]


def test_names_of_other_roles_are_ignored():
    made = body(
        messages=[
            {"role": "system", "content": "x", "name": "boss"},
            user("a"),
            assistant("b", name="bot"),
            user("c"),
        ]
    )
    assert made["systemInstruction"]["parts"] == [{"text": "x"}]
    assert texts(made["contents"][1]) == ["b"]


def test_null_names_are_as_absent():
    assert contents(user("Hi", name=None)) == [{"role": "user", "parts": [{"text": "Hi"}]}]


# --- Calls and their results ---------------------------------------------------------------------------


def test_a_call_and_its_result_are_paired_by_id_and_the_result_takes_the_calls_name():
    made = contents(user("a"), calls(("c1", "weather", '{"city":"Rome"}')), result("c1", "sunny"))
    assert made[1]["parts"][0]["functionCall"] == {"id": "c1", "name": "weather", "args": {"city": "Rome"}}
    assert responses(made[2]) == [{"id": "c1", "name": "weather", "response": {"output": "sunny"}}]


def test_results_follow_in_the_order_of_the_calls_whatever_order_they_came_in():
    made = contents(
        user("a"), calls(("1", "f"), ("2", "g"), ("3", "h")), result("3", "C"), result("1", "A"), result("2", "B")
    )
    assert [(r["name"], r["response"]["output"]) for r in responses(made[2])] == [("f", "A"), ("g", "B"), ("h", "C")]


def test_a_result_that_comes_after_other_messages_is_put_behind_its_call():
    made = contents(user("a"), calls(("1", "f")), user("still there?"), result("1", "A"))
    assert [content["role"] for content in made] == ["user", "model", "user", "user"]
    assert responses(made[2])[0]["response"] == {"output": "A"}
    assert texts(made[3]) == ["still there?"]


def test_a_result_before_its_call_is_put_behind_it():
    made = contents(user("a"), result("1", "A"), calls(("1", "f")))
    assert [content["role"] for content in made] == ["user", "model", "user"]
    assert responses(made[2])[0]["response"] == {"output": "A"}


def test_a_call_without_a_result_is_answered_that_it_is_missing():
    made = contents(user("a"), calls(("1", "f"), ("2", "g")), result("2", "B"), user("b"))
    missing, found = responses(made[2])
    assert "error" in missing["response"] and missing["name"] == "f"
    assert found["response"] == {"output": "B"}


@pytest.mark.parametrize("unknown", ["nobody", "", None, 7])
def test_a_result_without_a_call_becomes_text_of_the_user(unknown):
    made = contents(user("a"), calls(("1", "f")), result("1", "A"), result(unknown, "B"))
    assert len(responses(made[2])) == 1
    assert texts(made[3]) == ["Result of a tool:", "B"]


def test_a_result_that_is_empty_and_without_a_call_is_left_out():
    assert contents(user("a"), result("nobody", "")) == [{"role": "user", "parts": [{"text": "a"}]}]


def test_a_second_result_for_the_same_call_becomes_text():
    made = contents(user("a"), calls(("1", "f")), result("1", "A"), result("1", "again"))
    assert [r["response"]["output"] for r in responses(made[2])] == ["A"]
    assert texts(made[3]) == ["Result of a tool:", "again"]


def test_ids_may_be_numbers_on_either_side():
    made = contents(user("a"), calls((5, "f")), result("5", "A"))
    assert responses(made[2]) == [{"id": "5", "name": "f", "response": {"output": "A"}}]
    made = contents(user("a"), calls(("5", "f")), result(5, "A"))
    assert responses(made[2])[0]["response"] == {"output": "A"}


@pytest.mark.parametrize("call_id", ["", None])
def test_calls_without_ids_are_answered_in_order(call_id):
    made = contents(user("a"), calls((call_id, "f"), (call_id, "g")), result("", "A"), result(None, "B"))
    assert "id" not in made[1]["parts"][0]["functionCall"]
    assert [(r["name"], r["response"]["output"]) for r in responses(made[2])] == [("f", "A"), ("g", "B")]


def test_ids_that_repeat_in_later_turns_are_answered_by_the_result_that_follows_each():
    made = contents(user("a"), calls(("1", "f")), result("1", "A"), user("b"), calls(("1", "f")), result("1", "B"))
    assert responses(made[2])[0]["response"] == {"output": "A"}
    assert responses(made[5])[0]["response"] == {"output": "B"}


def test_a_users_text_behind_results_is_a_turn_of_its_own():
    made = contents(user("a"), calls(("1", "f")), result("1", "A"), user("thanks"))
    assert len(made[2]["parts"]) == 1
    assert made[3] == {"role": "user", "parts": [{"text": "thanks"}]}


def test_text_beside_calls_comes_before_them():
    made = contents(user("a"), {**calls(("1", "f")), "content": "Let me see."}, result("1"))
    assert [set(part) - {"thoughtSignature"} for part in made[1]["parts"]] == [{"text"}, {"functionCall"}]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"a":1}', {"a": 1}),
        ('{"a":{"b":[1,null]}}', {"a": {"b": [1, None]}}),
        ("{}", {}),
        ("", {}),
        ("  ", {}),
        (None, {}),
        ("null", {}),
        ({"a": 1}, {"a": 1}),
        ('{"a":', {"arguments": '{"a":'}),
        ("[1,2]", {"arguments": [1, 2]}),
        ('"x"', {"arguments": "x"}),
        ("7", {"arguments": 7}),
        ("nonsense", {"arguments": "nonsense"}),
        ('{"a":"\\ud800"}', {"arguments": '{"a":"\\ud800"}'}),
    ],
)
def test_arguments_become_an_object_whatever_they_are(arguments, expected):
    made = contents(user("a"), calls(("1", "f", arguments)), result("1"))
    assert made[1]["parts"][0]["functionCall"]["args"] == expected


def test_arguments_nested_beyond_all_use_are_kept_as_text():
    deep = '{"a":' * 500 + "1" + "}" * 500
    made = contents(user("a"), calls(("1", "f", deep)), result("1", deep))
    assert made[1]["parts"][0]["functionCall"]["args"] == {"arguments": deep}
    assert responses(made[2])[0]["response"] == {"output": deep}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("sunny", {"output": "sunny"}),
        ("", {"output": ""}),
        (None, {"output": ""}),
        ('{"temperature":21}', {"temperature": 21}),
        (' {"temperature":21}\n', {"temperature": 21}),
        ("[1,2]", {"output": "[1,2]"}),
        ("21", {"output": "21"}),
        ('{"broken":', {"output": '{"broken":'}),
        ('{"a":{"$ref":"#/x"}}', {"output": '{"a":{"$ref":"#/x"}}'}),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], {"output": "ab"}),
    ],
)
def test_a_result_becomes_an_object(content, expected):
    made = contents(user("a"), calls(("1", "f")), result("1", content))
    assert responses(made[2])[0]["response"] == expected


def test_an_absent_result_content_is_as_empty():
    made = contents(user("a"), calls(("1", "f")), {"role": "tool", "tool_call_id": "1"})
    assert responses(made[2])[0]["response"] == {"output": ""}


def test_images_of_a_result_go_inside_it_since_gemini_3():
    image = [{"type": "text", "text": "a chart"}, {"type": "image_url", "image_url": {"url": PNG_URL}}]
    made = contents(user("a"), calls(("1", "f")), result("1", image))
    (response,) = responses(made[2])
    assert response["response"] == {"output": "a chart"}
    assert [part["inlineData"]["mimeType"] for part in response["parts"]] == ["image/png"]


def test_images_of_a_result_go_behind_it_before_gemini_3():
    image = [{"type": "image_url", "image_url": {"url": PNG_URL}}]
    made = contents(user("a"), calls(("1", "f")), result("1", image), model=TWO_X)
    assert ["functionResponse" in part for part in made[2]["parts"]] == [True, False]
    assert made[2]["parts"][1]["inlineData"]["mimeType"] == "image/png"


def test_a_refused_image_of_a_result_is_named_by_the_message_it_is_in():
    bad = [{"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.png"}}]
    error = refusal(messages=[user("a"), calls(("1", "f"), ("2", "g")), result("1", "fine"), result("2", bad)])
    assert error.param == "messages[3].content[0].image_url"


def test_a_custom_tools_call_comes_back_as_its_input():
    call = {"id": "1", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}}
    made = contents(user("a"), assistant(None, tool_calls=[call]), result("1"))
    assert made[1]["parts"][0]["functionCall"] == {"id": "1", "name": "shell", "args": {"input": "ls -l"}}


def test_a_call_without_function_is_refused_by_its_path():
    error = refusal(messages=[user("a"), assistant(None, tool_calls=[{"id": "1", "type": "function"}])])
    assert (error.code, error.param) == ("missing_required_parameter", "messages[1].tool_calls[0].function")


def test_legacy_function_calls_are_paired_by_name():
    made = contents(
        user("a"),
        assistant(None, function_call={"name": "f", "arguments": '{"x":1}'}),
        {"role": "function", "name": "f", "content": '{"y":2}'},
        assistant(None, function_call={"name": "f", "arguments": ""}),
        {"role": "function", "name": "f", "content": None},
    )
    assert made[1]["parts"][0]["functionCall"] == {"name": "f", "args": {"x": 1}}
    assert responses(made[2]) == [{"name": "f", "response": {"y": 2}}]
    assert responses(made[4]) == [{"name": "f", "response": {"output": ""}}]


def test_a_legacy_result_without_its_call_is_text_with_the_functions_name():
    made = contents(user("a"), {"role": "function", "name": "f", "content": "B"})
    assert texts(made[0]) == ["a", "Result of f:", "B"]


@pytest.mark.parametrize("name", ["0start", "-dash", ".dot", "with space", "a/b", "smörgås", "", "x" * 200])
def test_names_in_a_history_are_made_such_as_gemini_takes(name):
    made = contents(user("a"), calls(("1", name)), result("1"))
    called = made[1]["parts"][0]["functionCall"]["name"]
    assert responses(made[2])[0]["name"] == called


@pytest.mark.parametrize("model", MODELS)
def test_a_long_mixed_history_is_taken_by_every_model(model):
    tools = (
        []
        if "image" in model or "tts" in model
        else [calls(("1", "f", '{"a":1}'), ("2", "g")), result("2"), result("1", "{}")]
    )
    made = contents(
        {"role": "system", "content": "Be brief."},
        assistant("Hello"),
        user("a", name="Ada"),
        *tools,
        user(""),
        assistant("b"),
        assistant(""),
        user([{"type": "text", "text": "c"}]),
        model=model,
    )
    assert made[0]["role"] == "user"


def test_the_request_itself_is_not_changed_by_translating_it():
    from compat.translation.chat.request import ChatTranslation

    request = chat(
        messages=[user("Hi", name="Ada"), calls(("1", "f", {"x": 1})), result("1", '{"a":1}')],
        response_format={"type": "json_object"},
        tools=[{"type": "function", "function": {"name": "f"}}],
    )
    translation = ChatTranslation(request, lambda call_id, generation: None)
    assert translation.to_body(TWO_X, 1) == translation.to_body(TWO_X, 1)
    assert translation.to_body("gemini-3.8-flash", 1) == translation.to_body("gemini-3.8-flash", 1)
