"""Rules for the fields that take real JSON Schema: responseJsonSchema and parametersJsonSchema (section 3)."""

from collections.abc import Callable, Iterator
from typing import Any

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.wire import JsonObject

_TYPES = {"string", "number", "integer", "boolean", "array", "object", "null"}
_TOO_LARGE = "The specified schema produces a constraint that has too many states for serving."
_DEEPEST = 64
_MOST_NODES = 20_000


def _is_object(value: Any) -> bool:
    return type(value) is dict


def _is_list(value: Any) -> bool:
    return type(value) is list


def _are_names(value: Any) -> bool:
    return type(value) is list and all(type(name) is str for name in value)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


# The keywords that the API understands and what must stand there; others are ignored, whatever they hold.
_KEYWORDS: dict[str, Callable[[Any], bool]] = {
    "properties": _is_object,
    "$defs": _is_object,
    "required": _are_names,
    "propertyOrdering": _are_names,
    "enum": _is_list,
    "anyOf": _is_list,
    "oneOf": _is_list,
    "prefixItems": _is_list,
    "minItems": _is_count,
    "maxItems": _is_count,
    "minimum": _is_number,
    "maximum": _is_number,
}
_SCHEMA_MAPS = ("properties", "$defs", "definitions")
_SCHEMA_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")


def violations(schema: Any, place: str) -> Iterator[Violation]:
    """What is wrong with the schema; keywords that are not understood are ignored, not wrong."""
    if type(schema) is not dict:
        yield Violation(place, f"* GenerateContentRequest.{place}: must be a JSON Schema object.\n")
        return
    for nodes, (path, node, depth) in enumerate(_walk(schema, place, 0)):
        if depth > _DEEPEST or nodes > _MOST_NODES:
            yield Violation(place, _TOO_LARGE)
            return
        yield from _broken_node(node, path, schema)
    if _always_recursive(schema, schema, ()):
        yield Violation(place, f"* GenerateContentRequest.{place}: recursion through required properties.\n")


def _walk(node: Any, path: str, depth: int) -> Iterator[tuple[str, Any, int]]:
    yield path, node, depth
    if type(node) is dict and depth <= _DEEPEST:
        for name, inner in _inner_schemas(node):
            yield from _walk(inner, f"{path}.{name}", depth + 1)


def _inner_schemas(node: JsonObject) -> Iterator[tuple[str, Any]]:
    for keyword in _SCHEMA_MAPS:
        if type(node.get(keyword)) is dict:
            yield from ((f"{keyword}[{name}]", value) for name, value in node[keyword].items())
    for keyword in _SCHEMA_LISTS:
        if type(node.get(keyword)) is list:
            yield from ((f"{keyword}[{index}]", value) for index, value in enumerate(node[keyword]))
    if "items" in node:
        yield "items", node["items"]


def _broken_node(node: Any, path: str, root: JsonObject) -> Iterator[Violation]:
    if type(node) is bool:
        return
    where = f"* GenerateContentRequest.{path}"
    if type(node) is not dict:
        yield Violation(path, f"{where}: must be a JSON Schema object.\n")
        return
    yield from _broken_reference(node, path, root)
    kinds = node.get("type", [])
    for kind in kinds if type(kinds) is list else [kinds]:
        if type(kind) is not str or kind.lower() not in _TYPES:
            yield Violation(f"{path}.type", f"{where}.type: not a JSON Schema type.\n")
    for keyword, fits in _KEYWORDS.items():
        if keyword in node and not fits(node[keyword]):
            yield Violation(f"{path}.{keyword}", f"{where}.{keyword}: has the wrong type.\n")


def _broken_reference(node: JsonObject, path: str, root: JsonObject) -> Iterator[Violation]:
    reference = node.get("$ref")
    if reference is None:
        return
    if [name for name in node if not name.startswith("$")]:
        yield Violation(path, f"* GenerateContentRequest.{path}: $ref must not stand beside other keywords.\n")
    if resolve(reference, root) is None:
        yield Violation(f"{path}.$ref", f"* GenerateContentRequest.{path}: reference cannot be resolved.\n")


def resolve(reference: Any, root: JsonObject) -> JsonObject | None:
    """The schema a local reference (`#`, `#/$defs/name`) points to; None when there is none."""
    if type(reference) is not str or not reference.startswith("#"):
        return None
    node: Any = root
    for step in reference[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if type(node) is dict and name in node:
            node = node[name]
        elif type(node) is list and name.isdigit() and int(name) < len(node):
            node = node[int(name)]
        else:
            return None
    return node if type(node) is dict else None


def _always_recursive(node: Any, root: JsonObject, trail: tuple[str, ...]) -> bool:
    """Whether a value could only be infinite: a reference leads back to itself through required properties alone."""
    if type(node) is not dict or len(trail) > _DEEPEST:
        return False
    reference = node.get("$ref")
    if reference is not None:
        if reference in trail:
            return True
        return _always_recursive(resolve(reference, root), root, (*trail, reference))
    properties = node.get("properties")
    required = node.get("required")
    if type(properties) is not dict or type(required) is not list:
        return False
    return any(_always_recursive(properties.get(name), root, trail) for name in required if type(name) is str)
