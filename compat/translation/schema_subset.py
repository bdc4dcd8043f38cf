"""JSON Schema → the OpenAPI subset of `parameters` and `responseSchema`, for models that take no JSON Schema.

Only schema positions are visited, so a property that happens to be called "title" or "$ref" survives.
"""

from typing import Any

from compat.translation.refusals import Untranslatable

Schema = dict[str, Any]

MAX_DEPTH = 64
MAX_BYTES = 512 * 1024
_REF_DEPTH = 6
_KEPT = (
    "title",
    "description",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "pattern",
    "required",
    "propertyOrdering",
    "nullable",
)
_FORMATS = {"enum", "date-time", "int32", "int64", "float", "double"}


def check_schema(schema: Any, path: str) -> None:
    """Refuse a schema nested deeper than MAX_DEPTH, with more than 20,000 nodes, or a `$ref` that leads nowhere."""
    nodes, stack = 0, [(schema, 0)]
    while stack:
        node, depth = stack.pop()
        nodes += 1
        if depth > MAX_DEPTH or nodes > 20_000:
            raise Untranslatable(
                f"The schema is too deep or too large (at most {MAX_DEPTH} levels).", path, "invalid_schema"
            )
        if isinstance(node, dict):
            _check_reference(node, schema, path)
            stack.extend((child, depth + 1) for child in node.values())
        elif isinstance(node, list):
            stack.extend((child, depth + 1) for child in node)
        elif isinstance(node, str) and len(node) > MAX_BYTES:
            raise Untranslatable("The schema is too large.", path, "invalid_schema")


def _check_reference(node: Schema, root: Any, path: str) -> None:
    """Follow a chain of bare references: one that only ever refers on describes nothing."""
    seen = set()
    while isinstance(node, dict) and isinstance(reference := node.get("$ref"), str) and reference.startswith("#/"):
        if reference in seen:
            raise Untranslatable(f"The schema's $ref {reference[:100]!r} refers to itself.", path, "invalid_schema")
        seen.add(reference)
        node = _target(reference, root)


def to_subset(schema: Schema) -> Schema:
    """The schema in the subset: references inlined (six deep), unions with null as nullable, unknown keywords left out."""
    return _convert(schema, schema, 0)


def _convert(node: Any, root: Schema, references: int) -> Schema:
    if not isinstance(node, dict):
        return {"type": "STRING"} if node is True else {}
    if isinstance(node.get("$ref"), str):
        if references >= _REF_DEPTH:
            return {"type": "OBJECT"}
        siblings = {key: value for key, value in node.items() if key != "$ref"}
        return _convert(_target(node["$ref"], root) | siblings, root, references + 1)
    node = _merged(node, root)
    result: Schema = {key: node[key] for key in _KEPT if key in node}
    if node.get("format") in _FORMATS:
        result["format"] = node["format"]
    _convert_type(node, result)
    _convert_values(node, result)
    _convert_union(node, result, root, references)
    _convert_children(node, result, root, references)
    return result


def _target(reference: str, root: Any) -> Schema:
    """What a local reference (`#/$defs/Name`) points at; {} when it points nowhere."""
    node: Any = root
    for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else []:
        node = node.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(node, dict) else {}
    return node if isinstance(node, dict) else {}


def _merged(node: Schema, root: Schema) -> Schema:
    """`allOf` folded into the node: later members win, properties and required are joined."""
    merged = {key: value for key, value in node.items() if key != "allOf"}
    for member in node.get("allOf") or ():
        if not isinstance(member, dict):
            continue
        if isinstance(member.get("$ref"), str):
            member = _target(member["$ref"], root) | {key: value for key, value in member.items() if key != "$ref"}
        properties = {**merged.get("properties", {}), **member.get("properties", {})}
        required = [*merged.get("required", []), *member.get("required", [])]
        merged |= member
        if properties:
            merged["properties"] = properties
        if required:
            merged["required"] = list(dict.fromkeys(required))
    return merged


def _convert_type(node: Schema, result: Schema) -> None:
    names = node.get("type")
    names = [names] if isinstance(names, str) else list(names or [])
    if "null" in names:
        result["nullable"] = True
    real = [name for name in names if name != "null"]
    if len(real) == 1:
        result["type"] = real[0].upper()
    elif len(real) > 1:
        result["anyOf"] = [{"type": name.upper()} for name in real]
    elif names:
        result["type"] = "NULL"


def _convert_values(node: Schema, result: Schema) -> None:
    values = [node["const"]] if "const" in node else node.get("enum")
    if not isinstance(values, list) or not values:
        return
    if None in values:
        result["nullable"] = True
    texts = [value if isinstance(value, str) else str(value) for value in values if value is not None]
    # enum is for strings only: numbers become their text, which the description then says.
    if any(not isinstance(value, str | None) for value in values):
        note = f"One of: {', '.join(texts)}."
        result["description"] = f"{result['description']} {note}" if result.get("description") else note
        return
    result["type"] = "STRING"
    result["enum"] = texts
    result["format"] = "enum"


def _convert_union(node: Schema, result: Schema, root: Schema, references: int) -> None:
    members = node.get("anyOf") or node.get("oneOf")
    if not isinstance(members, list):
        return
    real = [member for member in members if not (isinstance(member, dict) and member.get("type") == "null")]
    if len(real) < len(members):
        result["nullable"] = True
    if len(real) == 1:
        for key, value in _convert(real[0], root, references).items():
            result.setdefault(key, value)
    elif real:
        result["anyOf"] = [_convert(member, root, references) for member in real]


def _convert_children(node: Schema, result: Schema, root: Schema, references: int) -> None:
    properties = node.get("properties")
    if isinstance(properties, dict) and properties:
        result.setdefault("type", "OBJECT")
        result["properties"] = {name: _convert(child, root, references) for name, child in properties.items()}
        if "required" in result:
            result["required"] = [name for name in result["required"] if name in properties]
    else:
        result.pop("required", None)
    if "items" in node:
        result.setdefault("type", "ARRAY")
        result["items"] = _convert(node["items"], root, references)
    elif result.get("type") == "ARRAY":
        result["items"] = {"type": "STRING"}
    if not result.get("required", True):
        del result["required"]
