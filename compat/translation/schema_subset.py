"""JSON Schema → the OpenAPI subset of `parameters` and `responseSchema`, for models that take no JSON Schema.

Only schema positions are visited, so a property that happens to be called "title" or "$ref" survives. Nothing that a
schema may hold makes this fail: what does not fit the subset is left out (Gemini API, Schema).
"""

import json
import math
from typing import Any

Schema = dict[str, Any]

_DEEPEST = 30
_REFERENCES_DEEPEST = 6
# A schema that refers to itself from many properties would unfold without end.
_NODES_AT_MOST = 5_000
_TYPES = {"string", "number", "integer", "boolean", "array", "object"}
_INT64 = 2**63
_TEXTS = ("title", "description", "pattern")
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_BOUNDS = ("minimum", "maximum")
_STRING_FORMATS = {"enum", "date-time"}
_NUMBER_FORMATS = {"int32", "int64", "float", "double"}


def to_subset(schema: Schema) -> Schema:
    """The schema in the subset: references inlined, unions with null as nullable, unknown keywords left out."""
    return _Conversion(schema).convert(schema, 0, 0)


def to_object_subset(schema: Schema) -> Schema:
    """The same for a function's parameters, which must be one object: of a union it is the properties of all members."""
    subset = to_subset(schema)
    if subset.get("type") == "OBJECT":
        return subset
    members = subset.get("anyOf", ())
    properties = {name: child for member in members for name, child in member.get("properties", {}).items()}
    return {"type": "OBJECT"} | ({"properties": properties} if properties else {})


def target_of(reference: str, root: Any) -> Schema:
    """What a local reference (`#/$defs/Name`) points at; {} when it points nowhere."""
    node: Any = root
    for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else []:
        node = node.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(node, dict) else {}
    return node if isinstance(node, dict) else {}


class _Conversion:
    """One schema on its way."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = _NODES_AT_MOST

    def convert(self, node: Any, depth: int, references: int) -> Schema:
        """The subset of one node. Where it is too deep or refers on too often, any text will do."""
        self._left -= 1
        if not isinstance(node, dict) or depth > _DEEPEST or self._left < 0:
            return {"type": "STRING"}
        if isinstance(node.get("$ref"), str):
            if references >= _REFERENCES_DEEPEST:
                return {"type": "OBJECT"}
            siblings = {key: value for key, value in node.items() if key != "$ref"}
            return self.convert(target_of(node["$ref"], self._root) | siblings, depth, references + 1)
        node = self._merged(node, 0)
        result = _plain(node)
        _convert_type(node, result)
        _convert_values(node, result)
        self._convert_union(node, result, depth, references)
        self._convert_children(node, result, depth, references)
        if "type" not in result and "anyOf" not in result:
            result["type"] = "STRING"
        _convert_format(node, result)
        return result

    def _merged(self, node: Schema, depth: int) -> Schema:
        """`allOf` folded into the node: later members win, properties and required are joined."""
        members = node.get("allOf")
        merged = {key: value for key, value in node.items() if key != "allOf"}
        for member in members if isinstance(members, list) and depth <= _REFERENCES_DEEPEST else ():
            self._left -= 1
            if not isinstance(member, dict) or self._left < 0:
                continue
            if isinstance(member.get("$ref"), str):
                siblings = {key: value for key, value in member.items() if key != "$ref"}
                member = target_of(member["$ref"], self._root) | siblings
            member = self._merged(member, depth + 1)
            properties = {**_object(merged, "properties"), **_object(member, "properties")}
            required = [*_names(merged, "required"), *_names(member, "required")]
            merged = {**merged, **member, "properties": properties, "required": list(dict.fromkeys(required))}
        return merged

    def _convert_union(self, node: Schema, result: Schema, depth: int, references: int) -> None:
        members = node.get("anyOf") or node.get("oneOf")
        if not isinstance(members, list):
            return
        real = [member for member in members if not (isinstance(member, dict) and member.get("type") == "null")]
        if len(real) < len(members):
            result["nullable"] = True
        if len(real) == 1:
            for key, value in self.convert(real[0], depth, references).items():
                result.setdefault(key, value)
        elif real and "enum" not in result:
            result["anyOf"] = [self.convert(member, depth + 1, references) for member in real]
            result.pop("type", None)

    def _convert_children(self, node: Schema, result: Schema, depth: int, references: int) -> None:
        properties = _object(node, "properties")
        if properties and result.get("type", "OBJECT") == "OBJECT" and "anyOf" not in result:
            result["type"] = "OBJECT"
            result["properties"] = {
                name: self.convert(child, depth + 1, references) for name, child in properties.items()
            }
            for keyword in ("required", "propertyOrdering"):
                if names := [name for name in _names(node, keyword) if name in properties]:
                    result[keyword] = names
        if "items" in node and result.get("type", "ARRAY") == "ARRAY" and "anyOf" not in result:
            result["type"] = "ARRAY"
            result["items"] = self.convert(node["items"], depth + 1, references)
        elif result.get("type") == "ARRAY":
            result.setdefault("items", {"type": "STRING"})


def _plain(node: Schema) -> Schema:
    """The keywords that the subset has by the same name, where they hold what they must."""
    result = {key: node[key] for key in _TEXTS if isinstance(node.get(key), str)}
    result |= {key: node[key] for key in _COUNTS if type(node.get(key)) is int and 0 <= node[key] < _INT64}
    result |= {key: node[key] for key in _BOUNDS if type(node.get(key)) in (int, float) and math.isfinite(node[key])}
    return result | ({"nullable": True} if node.get("nullable") is True else {})


def _object(node: Schema, keyword: str) -> Schema:
    value = node.get(keyword)
    return value if isinstance(value, dict) else {}


def _names(node: Schema, keyword: str) -> list[str]:
    value = node.get(keyword)
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _convert_type(node: Schema, result: Schema) -> None:
    names = [node["type"]] if isinstance(node.get("type"), str) else _names(node, "type")
    if "null" in names:
        result["nullable"] = True
    real = [name.upper() for name in names if name.lower() in _TYPES]
    if len(real) == 1:
        result["type"] = real[0]
    elif real:
        texts = {"ARRAY": {"items": {"type": "STRING"}}}
        result["anyOf"] = [{"type": name, **texts.get(name, {})} for name in real]
    elif names == ["null"]:
        result["type"] = "NULL"


def _convert_values(node: Schema, result: Schema) -> None:
    values = [node["const"]] if "const" in node else node.get("enum")
    if not isinstance(values, list) or not values:
        return
    if None in values:
        result["nullable"] = True
    real = [value for value in values if value is not None and value != ""]
    if not real:
        return
    if all(isinstance(value, str) for value in real):
        result.pop("anyOf", None)
        result |= {"type": "STRING", "enum": real, "format": "enum"}
        return
    # enum is for strings only: the description says what other values there may be.
    note = f"One of: {', '.join(json.dumps(value, ensure_ascii=False) for value in real)}."
    result["description"] = f"{result['description']} {note}" if result.get("description") else note


def _convert_format(node: Schema, result: Schema) -> None:
    known = {"STRING": _STRING_FORMATS, "NUMBER": _NUMBER_FORMATS, "INTEGER": _NUMBER_FORMATS}
    kind, wanted = result.get("type"), node.get("format")
    if isinstance(wanted, str) and isinstance(kind, str) and wanted in known.get(kind, ()) and "enum" not in result:
        result["format"] = wanted
