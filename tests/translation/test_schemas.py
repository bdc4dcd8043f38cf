"""JSON Schema: refused where nobody could follow it, mended where Gemini is narrower, put in the subset for old models."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compat.simulator.models import CATALOGUE
from compat.simulator.validation import json_schemas, schemas
from compat.translation.refusals import Untranslatable
from compat.translation.schema_check import check_schema, mended
from compat.translation.schema_subset import to_object_subset, to_subset
from tests.translation.translating import body, function_tool

GEMMA = "gemma-4-31b-it"
TEXT = {"type": "STRING"}


# --- The subset, rule by rule ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({"type": "string"}, TEXT, id="a type is upper case"),
        pytest.param({"type": "String"}, TEXT, id="in any case"),
        pytest.param({"type": "any"}, TEXT, id="an unknown type is text"),
        pytest.param({}, TEXT, id="anything is text"),
        pytest.param({"type": "null"}, {"type": "NULL", "nullable": True}, id="null alone"),
        pytest.param({"type": ["string", "null"]}, {**TEXT, "nullable": True}, id="null beside one type"),
        pytest.param(
            {"type": ["string", "array", "null"]},
            {"nullable": True, "anyOf": [TEXT, {"type": "ARRAY", "items": TEXT}]},
            id="several types",
        ),
        pytest.param({"type": "integer", "nullable": True}, {"type": "INTEGER", "nullable": True}, id="nullable"),
        pytest.param(
            {"type": "string", "title": "T", "description": "D", "pattern": "x", "minLength": 1, "maxLength": 2},
            {"type": "STRING", "title": "T", "description": "D", "pattern": "x", "minLength": 1, "maxLength": 2},
            id="what keeps its name, for texts",
        ),
        pytest.param(
            {"type": "number", "minimum": 0.5, "maximum": 2},
            {"type": "NUMBER", "minimum": 0.5, "maximum": 2},
            id="bounds",
        ),
        pytest.param(
            {
                "$schema": "x",
                "$id": "x",
                "$comment": "x",
                "type": "integer",
                "default": 1,
                "examples": [1],
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 9,
                "multipleOf": 2,
                "deprecated": True,
            },
            {"type": "INTEGER"},
            id="unknown keywords",
        ),
        pytest.param({"type": "string", "format": "date-time"}, {**TEXT, "format": "date-time"}, id="a known format"),
        pytest.param({"type": "string", "format": "uuid"}, TEXT, id="an unknown format"),
        pytest.param(
            {"type": "integer", "format": "int32"}, {"type": "INTEGER", "format": "int32"}, id="a number's format"
        ),
        pytest.param({"type": "string", "format": "int32"}, TEXT, id="a number's format of a text"),
        pytest.param({"enum": ["a", "b"]}, {**TEXT, "enum": ["a", "b"], "format": "enum"}, id="enum"),
        pytest.param(
            {"enum": ["a", None, ""]}, {**TEXT, "enum": ["a"], "format": "enum", "nullable": True}, id="enum with null"
        ),
        pytest.param(
            {"type": "integer", "enum": [1, 2]},
            {"type": "INTEGER", "description": "One of: 1, 2."},
            id="enum of numbers",
        ),
        pytest.param(
            {"type": "boolean", "description": "On?", "const": True},
            {"type": "BOOLEAN", "description": "On? One of: true."},
            id="const of a boolean",
        ),
        pytest.param({"const": "a"}, {**TEXT, "enum": ["a"], "format": "enum"}, id="const"),
        pytest.param({"const": None}, {**TEXT, "nullable": True}, id="const of null"),
        pytest.param(
            {"type": ["string", "integer"], "enum": ["a"]}, {**TEXT, "enum": ["a"], "format": "enum"}, id="enum wins"
        ),
        pytest.param(
            {"anyOf": [{"type": "string"}, {"type": "null"}]}, {**TEXT, "nullable": True}, id="a union with null"
        ),
        pytest.param(
            {"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [TEXT, {"type": "INTEGER"}]}, id="oneOf"
        ),
        pytest.param(
            {"description": "D", "anyOf": [{"type": "integer", "description": "inner"}, {"type": "null"}]},
            {"description": "D", "type": "INTEGER", "nullable": True},
            id="the outer description stays",
        ),
        pytest.param({"type": "array"}, {"type": "ARRAY", "items": TEXT}, id="a list of nothing said"),
        pytest.param(
            {"items": {"type": "integer"}}, {"type": "ARRAY", "items": {"type": "INTEGER"}}, id="a list without type"
        ),
        pytest.param(
            {"type": "array", "items": [{"type": "integer"}], "minItems": 1, "uniqueItems": True},
            {"type": "ARRAY", "items": TEXT, "minItems": 1},
            id="a tuple",
        ),
        pytest.param(
            {"type": "array", "prefixItems": [{"type": "integer"}]}, {"type": "ARRAY", "items": TEXT}, id="prefixItems"
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {"b": {"type": "string"}, "a": {"type": "integer"}},
                "required": ["b", "gone"],
                "propertyOrdering": ["b", "gone", "a"],
                "additionalProperties": False,
            },
            {
                "type": "OBJECT",
                "properties": {"b": TEXT, "a": {"type": "INTEGER"}},
                "required": ["b"],
                "propertyOrdering": ["b", "a"],
            },
            id="an object",
        ),
        pytest.param(
            {"properties": {"title": {"type": "string"}, "$ref": {"type": "string"}, "enum": {"type": "integer"}}},
            {"type": "OBJECT", "properties": {"title": TEXT, "$ref": TEXT, "enum": {"type": "INTEGER"}}},
            id="properties that are called like keywords",
        ),
        pytest.param({"type": "object", "required": ["a"]}, {"type": "OBJECT"}, id="required of nothing"),
        pytest.param(
            {"allOf": [{"type": "object", "properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}}]},
            {"type": "OBJECT", "properties": {"a": TEXT, "b": TEXT}, "required": ["a"]},
            id="allOf",
        ),
        pytest.param({"allOf": [{"allOf": [{"type": "integer"}]}]}, {"type": "INTEGER"}, id="allOf in allOf"),
        pytest.param(
            {"$ref": "#/$defs/A", "description": "D", "$defs": {"A": {"type": "integer", "description": "inner"}}},
            {"type": "INTEGER", "description": "D"},
            id="a reference with company",
        ),
        pytest.param(
            {"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "integer"}}},
            {"type": "INTEGER"},
            id="definitions",
        ),
        pytest.param({"$ref": "#/nowhere"}, TEXT, id="a reference to nothing"),
        pytest.param({"$ref": "https://example.com/schema.json"}, TEXT, id="a reference elsewhere"),
        pytest.param({"not": {"type": "string"}, "if": {}, "then": {}}, TEXT, id="conditions"),
    ],
)
def test_each_rule_of_the_subset(schema, expected):
    assert to_subset(schema) == expected
    assert list(schemas.violations(CATALOGUE[GEMMA], to_subset(schema), "schema")) == []


def test_a_schema_that_holds_itself_is_unfolded_a_few_levels():
    tree = {"type": "object", "properties": {"name": {"type": "string"}, "child": {"$ref": "#"}}}
    node, levels = to_subset(tree), 0
    while "properties" in node:
        node, levels = node["properties"]["child"], levels + 1
    assert 2 < levels < 10
    assert node == {"type": "OBJECT"}


def test_a_schema_that_would_unfold_without_end_is_cut():
    bomb = {"type": "object", "properties": {f"p{i}": {"$ref": "#"} for i in range(100)}}
    assert len(str(to_subset(bomb))) < 2_000_000


def test_the_schema_is_not_changed():
    schema = {"type": ["string", "null"], "allOf": [{"enum": [1]}], "properties": {"a": {"const": "x"}}}
    before = str(schema)
    to_subset(schema)
    mended(schema)
    assert str(schema) == before


_KEYWORDS = [
    *(
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "const",
        "items",
        "minItems",
        "minimum",
        "maxLength",
    ),
    *(
        "properties",
        "required",
        "pattern",
        "propertyOrdering",
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "$defs",
        "definitions",
    ),
    *("additionalProperties", "default", "prefixItems", "not", "a", "b"),
]
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.sampled_from(
        ["string", "null", "object", "array", "integer", "#", "#/$defs/a", "#/properties/b", "a", "", "date-time"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYWORDS), inner, max_size=6),
    max_leaves=40,
)


@settings(max_examples=250)
@given(st.dictionaries(st.sampled_from(_KEYWORDS), _json, max_size=8))
def test_whatever_a_schema_holds_it_is_refused_or_becomes_one_that_gemini_takes(schema):
    try:
        check_schema(schema, "schema")
    except Untranslatable:
        return
    mended(schema)
    assert list(schemas.violations(CATALOGUE[GEMMA], to_subset(schema), "schema")) == []
    parameters = to_object_subset(schema)
    assert parameters["type"] == "OBJECT"
    assert list(schemas.violations(CATALOGUE[GEMMA], parameters, "parameters")) == []


# --- Parameters of functions -----------------------------------------------------------------------------


def test_a_union_of_objects_is_one_object_as_parameters():
    union = {"anyOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "integer"}}}]}
    (tool,) = body(GEMMA, tools=[function_tool("f", union)])["tools"]
    parameters = tool["functionDeclarations"][0]["parameters"]
    assert parameters == {"type": "OBJECT", "properties": {"a": TEXT, "b": {"type": "INTEGER"}}}


def test_parameters_that_are_no_object_are_an_empty_one():
    assert to_object_subset({"type": "string"}) == {"type": "OBJECT"}


# --- JSON Schema as it is --------------------------------------------------------------------------------


def test_a_plain_schema_is_passed_on_itself():
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"enum": [1, "x", None]}}}
    assert mended(schema) is schema


@pytest.mark.parametrize(
    "path",
    [
        ("properties", "a"),
        ("$defs", "a"),
        ("definitions", "a"),
        ("items",),
        ("additionalProperties",),
        ("patternProperties", "a"),
    ],
)
def test_a_reference_with_company_gets_an_any_of_of_its_own(path):
    schema = node = {"$defs": {"A": {"type": "string"}}}
    for step in path[:-1]:
        node = node.setdefault(step, {})
    node[path[-1]] = {"$ref": "#/$defs/A", "description": "D", "default": None}
    made = mended(schema)
    for step in path:
        made = made[step]
    assert made == {"description": "D", "default": None, "anyOf": [{"$ref": "#/$defs/A"}]}


def test_a_reference_with_company_inside_a_union_and_at_the_root():
    schema = {"anyOf": [{"$ref": "#/$defs/A", "title": "T"}, {"type": "null"}], "$defs": {"A": {"type": "string"}}}
    assert mended(schema)["anyOf"] == [{"title": "T", "anyOf": [{"$ref": "#/$defs/A"}]}, {"type": "null"}]
    root = {"$ref": "#/$defs/A", "$defs": {"A": {"type": "string"}}}
    assert mended(root) is root
    assert mended({**root, "title": "T"}) == {
        "anyOf": [{"$ref": "#/$defs/A"}],
        "$defs": {"A": {"type": "string"}},
        "title": "T",
    }


def test_a_mended_schema_is_what_gemini_takes():
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A", "description": "D"}}, "$defs": {"A": {}}}
    assert list(json_schemas.violations(schema, "schema"))
    assert list(json_schemas.violations(mended(schema), "schema")) == []


def test_a_property_that_is_called_ref_is_no_reference():
    schema = {"type": "object", "properties": {"$ref": {"type": "string"}, "b": {"const": {"$ref": "x", "y": 1}}}}
    assert mended(schema) is schema


# --- Refusals --------------------------------------------------------------------------------------------


def nested(depth):
    schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


def chain(length):
    definitions = {f"A{i}": {"$ref": f"#/$defs/A{i + 1}"} for i in range(length)}
    return {"$ref": "#/$defs/A0", "$defs": {**definitions, f"A{length}": {"type": "string"}}}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(nested(200), id="200 deep"),
        pytest.param({"enum": [str(i) for i in range(25_000)]}, id="25,000 nodes"),
        pytest.param({"description": "x" * 600_000}, id="a text of 600 kB"),
        pytest.param({"$ref": "#"}, id="a root that refers to itself"),
        pytest.param({"properties": {"a": {"$ref": "#/properties/a"}}}, id="a property that refers to itself"),
        pytest.param({"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}, id="a circle of two"),
    ],
)
def test_a_schema_that_nobody_could_follow_is_refused(schema):
    with pytest.raises(Untranslatable) as refused:
        check_schema(schema, "here")
    assert (refused.value.code, refused.value.param) == ("invalid_schema", "here")


@pytest.mark.parametrize("schema", [nested(30), chain(6_000), {"properties": {"a": {"$ref": "#"}}}, True, {"$ref": 5}])
def test_other_schemas_pass(schema):
    check_schema(schema, "here")
