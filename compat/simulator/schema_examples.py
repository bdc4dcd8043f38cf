"""A small value that fits a schema: JSON Schema or protobuf Schema, whichever of their keywords both have."""

from typing import Any

from compat.simulator.validation.json_schemas import resolve
from compat.simulator.wire import JsonObject

_DEEPEST = 24
_LONGEST = 10_000
_MOST_ITEMS = 100
_COMBINED = ("anyOf", "oneOf", "allOf")
_FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def example(schema: JsonObject, name: str = "value", turn: int = 0) -> Any:
    """A value for the schema; strings say the name of their property.

    turn makes the values of parallel calls differ. Patterns are not obeyed.
    """
    return _value(schema, schema, name, turn, 0)


def _value(node: Any, root: JsonObject, name: str, turn: int, depth: int) -> Any:
    if type(node) is not dict:
        return name
    if "$ref" in node:
        return _value(resolve(node["$ref"], root) or {}, root, name, turn, depth + 1)
    for keyword in ("const", "default", "example"):
        if keyword in node:
            return node[keyword]
    if node.get("enum"):
        return node["enum"][turn % len(node["enum"])]
    if any(_listed(node, keyword) for keyword in _COMBINED):
        return _value(_combined(node, root), root, name, turn, depth + 1)
    return _BUILDERS[_type_of(node)](node, root, name, turn, depth)


def _combined(node: JsonObject, root: JsonObject) -> JsonObject:
    """One schema for the node and what it combines: the first choice of anyOf or oneOf, all of allOf."""
    plain = {keyword: value for keyword, value in node.items() if keyword not in _COMBINED}
    for keyword in ("anyOf", "oneOf"):
        if _listed(node, keyword):
            plain |= _chosen(node[keyword], root)
    return _merged(plain, _listed(node, "allOf"), root)


def _listed(node: JsonObject, keyword: str) -> list[Any]:
    value = node.get(keyword)
    return value if type(value) is list else []


def _number_at(node: JsonObject, keyword: str) -> Any:
    """The number at a keyword, also when it was written as a string; None for anything else."""
    value = node.get(keyword)
    if type(value) is str and value.isdigit():
        return int(value)
    return value if type(value) in (int, float) else None


def _chosen(choices: list[Any], root: JsonObject) -> JsonObject:
    """The first choice that is not null, references followed."""
    for choice in choices:
        found = choice
        while type(found) is dict and "$ref" in found:
            found = resolve(found["$ref"], root) or {}
        if type(found) is dict and str(found.get("type", "")).lower() != "null":
            return found
    return {"type": "null"}


def _merged(node: JsonObject, parts: list[Any], root: JsonObject) -> JsonObject:
    merged = dict(node)
    for part in parts:
        found = resolve(part["$ref"], root) or {} if type(part) is dict and "$ref" in part else part
        if type(found) is not dict:
            continue
        for keyword, value in found.items():
            if keyword == "properties":
                merged[keyword] = {**merged.get(keyword, {}), **value}
            elif keyword == "required":
                merged[keyword] = [*merged.get(keyword, []), *value]
            else:
                merged[keyword] = value
    return merged


def _type_of(node: JsonObject) -> str:
    kind = node.get("type")
    if type(kind) is list:
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in node else "array" if "items" in node else "string"
    return str(kind).lower()


def _object(node: JsonObject, root: JsonObject, name: str, turn: int, depth: int) -> JsonObject:
    """Required properties, and the others while the value is shallow; in the order the schema asks for."""
    properties = node.get("properties") or {}
    required = node.get("required") or []
    order = node.get("propertyOrdering") or properties
    return {
        property_name: _value(properties[property_name], root, property_name, turn, depth + 1)
        for property_name in [*order, *(other for other in required if other not in order)]
        if property_name in properties and (property_name in required or depth < 2) and depth < _DEEPEST
    }


def _array(node: JsonObject, root: JsonObject, name: str, turn: int, depth: int) -> list[Any]:
    if node.get("prefixItems"):
        return [_value(item, root, name, turn, depth + 1) for item in node["prefixItems"]]
    fewest = min(int(_number_at(node, "minItems") or 0), _MOST_ITEMS)
    length = max(fewest, 1 if depth < 6 and _number_at(node, "maxItems") != 0 else 0)
    return [_value(node.get("items"), root, name, turn + index, depth + 1) for index in range(length)]


def _string(node: JsonObject, root: JsonObject, name: str, turn: int, depth: int) -> str:
    text = _FORMATS.get(str(node.get("format")))
    if text is None:
        text = f"{name} {turn + 1}" if turn else name
    text = text.ljust(min(int(_number_at(node, "minLength") or 0), _LONGEST), "x")
    longest = _number_at(node, "maxLength")
    return text if longest is None else text[: max(0, int(longest))]


def _bounded(node: JsonObject, turn: int, step: float) -> float:
    """The first multiple of step from 1 + turn on that the bounds allow, or the nearest bound."""
    above = _number_at(node, "exclusiveMinimum")
    below = _number_at(node, "exclusiveMaximum")
    lowest = _number_at(node, "minimum") if above is None else above + step
    highest = _number_at(node, "maximum") if below is None else below - step
    multiple = _number_at(node, "multipleOf") or 0
    value = multiple or 1 + turn
    if lowest is not None and value < lowest:
        value = -(-lowest // multiple) * multiple if multiple else lowest
    if highest is not None and value > highest:
        value = highest // multiple * multiple if multiple else highest
    return float(value)


def _integer(node: JsonObject, root: JsonObject, name: str, turn: int, depth: int) -> int:
    return int(_bounded(node, turn, 1))


def _number(node: JsonObject, root: JsonObject, name: str, turn: int, depth: int) -> float:
    return _bounded(node, turn, 0.5)


def _boolean(node: JsonObject, root: JsonObject, name: str, turn: int, depth: int) -> bool:
    return True


def _null(node: JsonObject, root: JsonObject, name: str, turn: int, depth: int) -> None:
    return None


_BUILDERS = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "null": _null,
}
