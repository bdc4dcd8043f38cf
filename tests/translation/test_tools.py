"""tools, functions and tool_choice → functionDeclarations and toolConfig, and names on their way back."""

import pytest

from compat.translation.tools import to_gemini_name, to_openai_name
from tests.translation.translating import TEXT_MODELS, WEATHER, body, function_tool, refusal

TWO_X, THREE_X = "gemini-2.5-flash", "gemini-3.8-flash"
SEARCH = [{"googleSearch": {}}]


def declarations(model=THREE_X, **members):
    (tool,) = body(model, **members)["tools"]
    return tool["functionDeclarations"]


def calling(model=THREE_X, **members):
    return body(model, **members).get("toolConfig", {}).get("functionCallingConfig")


def custom_tool(name="shell", **members):
    return {"type": "custom", "custom": {"name": name, **members}}


# --- Declarations ----------------------------------------------------------------------------------------


def test_every_function_is_in_one_list():
    tools = [function_tool("a", description="Does a."), function_tool("b"), custom_tool("c")]
    assert [declaration["name"] for declaration in declarations(tools=tools)] == ["a", "b", "c"]


def test_a_function_is_told_with_its_description_and_its_json_schema_untouched():
    schema = {**WEATHER, "additionalProperties": False, "$schema": "http://json-schema.org/draft-07/schema#"}
    (declaration,) = declarations(tools=[function_tool("weather", schema, description="The weather.", strict=True)])
    assert declaration == {"name": "weather", "description": "The weather.", "parametersJsonSchema": schema}


def test_models_without_json_schema_get_the_subset():
    (declaration,) = declarations("gemma-4-31b-it", tools=[function_tool()])
    assert declaration["parameters"] == {
        "type": "OBJECT",
        "properties": {"city": {"type": "STRING"}},
        "required": ["city"],
    }


@pytest.mark.parametrize(
    "parameters", [None, {}, {"type": "object"}, {"type": "object", "properties": {}, "additionalProperties": False}]
)
@pytest.mark.parametrize("model", [TWO_X, THREE_X, "gemma-4-31b-it"])
def test_a_function_without_parameters_is_told_without(parameters, model):
    (declaration,) = declarations(model, tools=[function_tool("now", parameters)])
    assert declaration == {"name": "now"}


@pytest.mark.parametrize("members", [{"tools": []}, {"tools": None}, {"functions": []}, {"functions": None}, {}])
def test_without_tools_there_is_no_member(members):
    made = body(**members, tool_choice="auto")
    assert "tools" not in made and "toolConfig" not in made


def test_a_custom_tool_is_a_function_with_one_text_and_its_grammar_is_described():
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: WORD"}}
    (declaration,) = declarations(tools=[custom_tool(description="Runs it.", format=grammar)])
    assert declaration["description"].startswith("Runs it.") and "start: WORD" in declaration["description"]
    assert declaration["parametersJsonSchema"]["required"] == ["input"]


@pytest.mark.parametrize("format", [None, {"type": "text"}, {"type": "grammar"}, {"grammar": 5}, "text"])
def test_a_custom_tool_may_have_any_format(format):
    (declaration,) = declarations(tools=[custom_tool(format=format)])
    assert "description" not in declaration


def test_legacy_functions_are_declared_alike():
    legacy = declarations(functions=[{"name": "weather", "parameters": WEATHER}])
    assert legacy == declarations(tools=[function_tool()])


def test_the_type_of_a_function_may_be_left_out():
    assert declarations(tools=[{"function": {"name": "f"}}]) == [{"name": "f"}]


def test_tools_win_over_legacy_functions():
    made = declarations(tools=[function_tool("new")], functions=[{"name": "old"}])
    assert [declaration["name"] for declaration in made] == ["new"]


@pytest.mark.parametrize("model", ["gemini-3-pro-image", "gemini-2.5-flash-preview-tts", "gemma-3-27b-it"])
def test_models_that_call_no_functions_get_none(model):
    made = body(model, tools=[function_tool()], tool_choice="required")
    assert "tools" not in made and "toolConfig" not in made


# --- Names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["get_weather", "_x", "a-b", "a.b:c", "x" * 64, "0day", "-x", ".x", ":x", "t__", "t__0"]
)
@pytest.mark.parametrize("model", [TWO_X, THREE_X, "gemma-4-31b-it"])
def test_names_go_out_as_gemini_takes_them_and_come_back_as_the_client_wrote_them(name, model):
    (declaration,) = declarations(model, tools=[function_tool(name)])
    assert to_openai_name(declaration["name"]) == name


def test_no_two_names_become_the_same():
    names = ["x", "0", "t__0", "t__t__0", "_0", "-0"]
    assert len({to_gemini_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "naïve", "😀", "a\n", "a" * 129, "a(b)", "a$b", "\x00"])
@pytest.mark.parametrize("kind", ["function", "custom", "functions"])
def test_other_names_are_refused_by_their_path(name, kind):
    members, path = {
        "function": ({"tools": [function_tool("fine"), function_tool(name)]}, "tools[1].function.name"),
        "custom": ({"tools": [function_tool("fine"), custom_tool(name)]}, "tools[1].custom.name"),
        "functions": ({"functions": [{"name": "fine"}, {"name": name}]}, "functions[1].name"),
    }[kind]
    error = refusal(**members)
    assert (error.code, error.param) == ("invalid_value", path)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"tools": [function_tool("f"), function_tool("f")]}, "tools"),
        ({"tools": [function_tool("f"), custom_tool("f")]}, "tools"),
        ({"functions": [{"name": "f"}, {"name": "f"}]}, "functions"),
    ],
)
def test_a_name_given_twice_is_refused(members, param):
    assert refusal(**members).param == param


@pytest.mark.parametrize(
    ("tool", "code", "param"),
    [
        ({"type": "web_search"}, "invalid_value", "tools[0].type"),
        ({"type": "custom"}, "missing_required_parameter", "tools[0].custom"),
        ({"name": "f", "input_schema": {}}, "missing_required_parameter", "tools[0].function"),
        ({"type": "function"}, "missing_required_parameter", "tools[0].function"),
        ({"type": "function", "function": {}}, "missing_required_parameter", "tools[0].function.name"),
        ({"type": "function", "function": {"name": 1}}, "invalid_type", "tools[0].function.name"),
        (function_tool("f", []), "invalid_type", "tools[0].function.parameters"),
        (function_tool("f", "{}"), "invalid_type", "tools[0].function.parameters"),
        (function_tool("f", description=5), "invalid_type", "tools[0].function.description"),
        ("f", "invalid_type", "tools[0]"),
    ],
)
def test_a_tool_of_another_shape_is_refused_by_its_path(tool, code, param):
    error = refusal(tools=[tool])
    assert (error.code, error.param) == (code, param)


@pytest.mark.parametrize("member", ["tools", "functions"])
def test_128_tools_are_taken_and_129_refused(member):
    made = [function_tool(f"f{i}") if member == "tools" else {"name": f"f{i}"} for i in range(129)]
    assert len(declarations(**{member: made[:128]})) == 128
    error = refusal(**{member: made})
    assert (error.code, error.param) == ("array_above_max_length", member)


# --- tool_choice -----------------------------------------------------------------------------------------


def allowed(mode, *names):
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


def named(name, kind="function"):
    return {"type": kind, kind: {"name": name}}


CHOICES = [
    (None, None),
    ("auto", None),
    ("none", {"mode": "NONE"}),
    ("required", {"mode": "ANY"}),
    ("any", {"mode": "ANY"}),
    (named("0a"), {"mode": "ANY", "allowedFunctionNames": ["t__0a"]}),
    (named("c", "custom"), {"mode": "ANY", "allowedFunctionNames": ["c"]}),
    (allowed("required", "b", "0a"), {"mode": "ANY", "allowedFunctionNames": ["b", "t__0a"]}),
    (allowed("auto", "b"), {"mode": "VALIDATED", "allowedFunctionNames": ["b"]}),
]


@pytest.mark.parametrize(("choice", "expected"), CHOICES)
@pytest.mark.parametrize("model", [TWO_X, THREE_X, "gemini-4-argon", "gemma-4-31b-it"])
def test_every_form_of_tool_choice(choice, expected, model):
    tools = [function_tool("0a"), function_tool("b"), custom_tool("c")]
    assert calling(model, tools=tools, tool_choice=choice) == expected


@pytest.mark.parametrize(
    ("choice", "mode"), [(None, "VALIDATED"), ("auto", "VALIDATED"), ("none", "NONE"), ("required", "ANY")]
)
def test_a_strict_function_makes_auto_validated(choice, mode):
    assert calling(tools=[function_tool("a"), function_tool("b", strict=True)], tool_choice=choice) == {"mode": mode}


@pytest.mark.parametrize("strict", [False, None])
def test_functions_that_are_not_strict_leave_auto(strict):
    assert calling(tools=[function_tool("a", strict=strict)]) is None


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("auto", None),
        ("none", {"mode": "NONE"}),
        ({"name": "f"}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_every_form_of_the_legacy_function_call(choice, expected):
    assert calling(functions=[{"name": "f"}], function_call=choice) == expected


@pytest.mark.parametrize(
    ("choice", "param"),
    [
        (named("x"), "tool_choice.function.name"),
        (named("f", "custom"), None),
        (allowed("auto", "f", "x"), "tool_choice.allowed_tools.tools"),
        ({"type": "function"}, "tool_choice.function"),
        ({"type": "custom"}, "tool_choice.custom"),
        ({"type": "allowed_tools"}, "tool_choice.allowed_tools"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}, "tool_choice.allowed_tools.tools"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "x", "tools": []}}, "tool_choice.allowed_tools.mode"),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]}},
            "tool_choice.allowed_tools.tools[0].function",
        ),
        (allowed("auto"), "tool_choice.allowed_tools.tools"),
        (allowed("required"), "tool_choice.allowed_tools.tools"),
        ({"type": "x"}, "tool_choice.type"),
        ({"type": "function", "function": {}}, "tool_choice.function.name"),
        ("maybe", "tool_choice"),
        (5, "tool_choice"),
    ],
)
def test_a_choice_of_nothing_known_is_refused_by_its_path(choice, param):
    if param is None:
        # Which kind of tool a name belongs to is not told apart: the name is what counts.
        assert calling(tools=[function_tool("f")], tool_choice=choice)["allowedFunctionNames"] == ["f"]
        return
    assert refusal(tools=[function_tool("f")], tool_choice=choice).param == param


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"tool_choice": named("f")}, "tool_choice"),
        ({"tool_choice": allowed("auto", "f"), "tools": []}, "tool_choice"),
        ({"function_call": {"name": "f"}}, "function_call"),
        ({"functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call.name"),
    ],
)
def test_a_named_choice_without_its_tool_is_refused(members, param):
    assert refusal(**members).param == param


@pytest.mark.parametrize("choice", ["none", "auto", "required", None])
def test_a_plain_choice_without_tools_means_nothing(choice):
    assert "toolConfig" not in body(tool_choice=choice)


# --- Search ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"search_context_size": "low", "user_location": {"type": "approximate"}}])
@pytest.mark.parametrize("model", TEXT_MODELS)
def test_web_search_is_googles(options, model):
    assert body(model, web_search_options=options)["tools"] == SEARCH


def test_beside_functions_there_is_no_search():
    assert len(declarations(web_search_options={}, tools=[function_tool()])) == 1


@pytest.mark.parametrize("model", TEXT_MODELS)
@pytest.mark.parametrize("choice", ["auto", "none", "required", named("weather"), allowed("auto", "weather")])
def test_every_family_takes_tools_and_choices(model, choice):
    tools = [function_tool(strict=True), function_tool("0", None), custom_tool()]
    assert body(model, tools=tools, tool_choice=choice, parallel_tool_calls=False)["tools"]
