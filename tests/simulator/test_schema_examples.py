"""Values made for schemas fit them, by an independent validator."""

import jsonschema
import pytest

from compat.simulator.schema_examples import example

JSON_SCHEMAS = [
    {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name"]},
    {"type": ["string", "null"], "minLength": 40},
    {"type": "string", "maxLength": 2},
    {"enum": [3, "b"]},
    {"const": {"a": 1}},
    {"anyOf": [{"type": "null"}, {"type": "number", "minimum": 7}]},
    {"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}}, "required": ["kind"]}, {"type": "null"}]},
    {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}], "type": "object",
     "properties": {"b": {"type": "boolean"}}},
    {"$defs": {"Step": {"type": "object", "properties": {"say": {"type": "string"}}, "required": ["say"],
                        "additionalProperties": False}},
     "type": "object", "properties": {"steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}, "minItems": 3}},
     "required": ["steps"], "additionalProperties": False},
    {"type": "object", "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
     "required": ["value"]},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
    {"type": "array", "items": {"type": "array", "items": {"type": "boolean"}}, "minItems": 2},
    {"type": "integer", "exclusiveMinimum": 4, "maximum": 6},
    {"type": "integer", "minimum": 10, "multipleOf": 7},
    {"type": "number", "maximum": -3},
    {"type": "string", "format": "date-time"},
    {"properties": {"untyped": {"description": "x"}}, "required": ["untyped"]},
    {"type": "object"},
    {},
]  # fmt: skip


@pytest.mark.parametrize("schema", JSON_SCHEMAS)
@pytest.mark.parametrize("turn", [0, 1, 5])
def test_a_json_schema_is_met(schema, turn):
    jsonschema.validate(example(schema, turn=turn), schema)


def test_a_protobuf_schema_is_met_in_the_order_it_asks_for():
    schema = {
        "type": "OBJECT",
        "properties": {"a": {"type": "STRING", "enum": ["x"]}, "b": {"type": "ARRAY", "items": {"type": "INTEGER"}}},
        "propertyOrdering": ["b", "a"],
    }

    assert list(example(schema).items()) == [("b", [1]), ("a", "x")]


def test_optional_recursion_ends():
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}}

    assert example(schema) == {"next": {}}


def test_parallel_calls_differ():
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}

    assert example(schema, turn=0) != example(schema, turn=1)
