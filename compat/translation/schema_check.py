"""Schemas before they are sent: refused where no model could follow them, and mended where Gemini is narrower.

Gemini API, responseJsonSchema and parametersJsonSchema: a `$ref` may hold no siblings but keys that begin with `$`.
"""

from typing import Any

from compat.translation.refusals import Untranslatable
from compat.translation.schema_subset import Schema, target_of

MAX_DEPTH = 64
MAX_NODES = 20_000
MAX_TEXT = 512 * 1024

_SCHEMAS = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")


def check_schema(schema: Any, path: str) -> None:
    """Refuse a schema nested deeper than MAX_DEPTH, larger than MAX_NODES, or with a `$ref` that only leads in a circle."""
    nodes, stack, known = 0, [(schema, 0)], set[str]()
    while stack:
        node, depth = stack.pop()
        nodes += 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise Untranslatable(
                f"The schema is too deep or too large (at most {MAX_DEPTH} levels).", path, "invalid_schema"
            )
        if isinstance(node, dict):
            _check_reference(node, schema, path, known)
            stack.extend((child, depth + 1) for child in node.values())
        elif isinstance(node, list):
            stack.extend((child, depth + 1) for child in node)
        elif isinstance(node, str) and len(node) > MAX_TEXT:
            raise Untranslatable("The schema is too large.", path, "invalid_schema")


def _check_reference(node: Schema, root: Any, path: str, known: set[str]) -> None:
    """Follow a chain of bare references: one that only ever refers on describes nothing. `known` lead somewhere."""
    chain: dict[str, None] = {}
    while isinstance(reference := node.get("$ref"), str) and reference.startswith("#") and reference not in known:
        if reference in chain:
            raise Untranslatable(f"The schema's $ref {reference[:100]!r} refers to itself.", path, "invalid_schema")
        chain[reference] = None
        node = target_of(reference, root)
    known.update(chain)


def mended(schema: Schema) -> Schema:
    """The schema as Gemini takes it: a reference with company (a description, a default) in an anyOf of its own.

    The schema itself where nothing is to be mended. It must have been checked: this recurses.
    """
    changes: Schema = {}
    for keyword, value in schema.items():
        fresh = _mended_member(keyword, value)
        if fresh is not value:
            changes[keyword] = fresh
    schema = {**schema, **changes} if changes else schema
    if isinstance(schema.get("$ref"), str) and any(not key.startswith("$") for key in schema):
        siblings = {key: value for key, value in schema.items() if key not in {"$ref", "anyOf"}}
        return {**siblings, "anyOf": [{"$ref": schema["$ref"]}]}
    return schema


def _mended_member(keyword: str, value: Any) -> Any:
    if keyword in _SCHEMAS and isinstance(value, dict):
        return mended(value)
    if keyword in _LISTS and isinstance(value, list):
        fresh = [mended(item) if isinstance(item, dict) else item for item in value]
        return fresh if any(new is not old for new, old in zip(fresh, value, strict=True)) else value
    if keyword in _MAPS and isinstance(value, dict):
        changed = {
            name: new for name, old in value.items() if isinstance(old, dict) and (new := mended(old)) is not old
        }
        return {**value, **changed} if changed else value
    return value
