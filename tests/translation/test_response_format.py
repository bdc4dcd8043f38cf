"""response_format → responseMimeType and a schema, or words where the model cannot have both."""

import pytest

from compat.translation.families import family_of
from tests.translation.translating import MODELS, body, function_tool, refusal

SCHEMA = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "additionalProperties": False}
WITH_SCHEMA = {"type": "json_schema", "json_schema": {"name": "A", "schema": SCHEMA, "strict": True}}
OBJECT = {"type": "json_object"}


def test_text_is_nothing():
    assert body(response_format={"type": "text"}) == body()


@pytest.mark.parametrize(
    "model", ["gemini-2.5-flash", "gemini-3.8-flash", "gemini-4-hydrogen", "gemini-1.5-pro", "gemma-4-31b-it"]
)
def test_a_json_object_is_json_without_a_schema(model):
    assert body(model, response_format=OBJECT)["generationConfig"] == {"responseMimeType": "application/json"}


@pytest.mark.parametrize("model", ["gemini-2.0-flash", "gemini-2.5-flash", "gemini-3.8-flash", "gemini-4-hydrogen"])
def test_a_schema_is_passed_on_as_it_is(model):
    made = body(model, response_format=WITH_SCHEMA)["generationConfig"]
    assert made == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}


@pytest.mark.parametrize("model", ["gemini-1.5-flash", "gemma-4-31b-it"])
def test_older_models_get_the_subset(model):
    made = body(model, response_format=WITH_SCHEMA)["generationConfig"]
    assert made["responseSchema"] == {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}


@pytest.mark.parametrize("schema", [{}, None])
def test_a_json_schema_format_without_a_schema_is_a_json_object(schema):
    wanted = {"type": "json_schema", "json_schema": {"name": "A", "schema": schema}}
    assert body(response_format=wanted) == body(response_format=OBJECT)


def instruction(made):
    return "".join(part["text"] for part in made.get("systemInstruction", {}).get("parts", []))


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-1.5-pro", "gemma-4-31b-it"])
@pytest.mark.parametrize("wanted", [OBJECT, WITH_SCHEMA])
@pytest.mark.parametrize("tools", [{"tools": [function_tool()]}, {"web_search_options": {}}])
def test_beside_tools_older_models_are_asked_in_words(model, wanted, tools):
    made = body(model, response_format=wanted, **tools)
    assert "responseMimeType" not in made.get("generationConfig", {})
    assert "JSON" in instruction(made)
    assert ('"additionalProperties":false' in instruction(made)) == (wanted is WITH_SCHEMA)


def test_the_words_come_after_the_clients_own_instruction():
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    made = body("gemini-2.5-flash", response_format=OBJECT, tools=[function_tool()], messages=messages)
    assert made["systemInstruction"]["parts"][0] == {"text": "Be brief."}
    assert len(made["systemInstruction"]["parts"]) == 2


def test_a_model_without_an_instruction_is_asked_in_the_first_turn():
    made = body("gemma-3-27b-it", response_format=OBJECT, web_search_options={})
    assert "systemInstruction" not in made
    assert "JSON" in made["contents"][0]["parts"][0]["text"]


@pytest.mark.parametrize("model", ["gemini-3.8-flash", "gemini-4-argon"])
def test_newer_models_take_both(model):
    made = body(model, response_format=WITH_SCHEMA, tools=[function_tool()])
    assert made["generationConfig"]["responseJsonSchema"] == SCHEMA
    assert not instruction(made)


@pytest.mark.parametrize("model", [model for model in MODELS if family_of(model).images or family_of(model).speech])
def test_models_that_draw_or_speak_write_no_json(model):
    assert "responseMimeType" not in body(model, response_format=WITH_SCHEMA)["generationConfig"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("wanted", [OBJECT, WITH_SCHEMA])
@pytest.mark.parametrize("tools", [{}, {"tools": [function_tool()]}, {"web_search_options": {}}])
def test_every_model_takes_what_it_is_sent(model, wanted, tools):
    body(model, response_format=wanted, **tools)


@pytest.mark.parametrize(
    ("wanted", "code", "param"),
    [
        ({"type": "xml"}, "invalid_value", "response_format.type"),
        ({}, "missing_required_parameter", "response_format.type"),
        ("json_object", "invalid_type", "response_format"),
        ({"type": "json_schema"}, "missing_required_parameter", "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {}}, "missing_required_parameter", "response_format.json_schema.name"),
        (
            {"type": "json_schema", "json_schema": {"name": "A", "schema": []}},
            "invalid_type",
            "response_format.json_schema.schema",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "A", "schema": {"$ref": "#"}}},
            "invalid_schema",
            "response_format.json_schema.schema",
        ),
    ],
)
def test_a_format_of_another_shape_is_refused_by_its_path(wanted, code, param):
    error = refusal(response_format=wanted)
    assert (error.code, error.param) == (code, param)
