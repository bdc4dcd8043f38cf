"""The document as a page shows it: operations with their examples, and each schema as a table of members."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from compat.openapi.operation import FORM

_BOUNDS = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", "characters"),
    ("minItems", "maxItems", "items"),
    ("maxProperties", "maxProperties", "members"),
)


class Piece(NamedTuple):
    """A word of a type; with `schema` it is the name of a schema to jump to."""

    text: str
    schema: bool = False


class Member(NamedTuple):
    """One row of a schema's table."""

    name: str
    kind: tuple[Piece, ...]
    bounds: str
    required: bool
    description: str


class Shape(NamedTuple):
    """A schema."""

    name: str
    description: str
    members: tuple[Member, ...]


class Refusal(NamedTuple):
    """A status that an operation may answer with, and what its codes mean."""

    status: str
    lines: tuple[str, ...]


class Shown(NamedTuple):
    """One operation, with the schemas of what it takes and answers."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    needs_token: bool
    parameters: tuple[Member, ...]
    request: Shape | None
    answers: tuple[tuple[str, Piece], ...]
    """(media type, schema) of what comes back."""
    status: str
    refusals: tuple[Refusal, ...]
    curl: str


def operations(document: dict[str, Any], base_url: str) -> dict[str, list[Shown]]:
    """The operations by group, in the document's order; their examples ask the server at `base_url`."""
    groups: dict[str, list[Shown]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            shown = _shown(document, base_url, path, method.upper(), operation)
            groups.setdefault(operation["tags"][0], []).append(shown)
    return groups


def shapes(document: dict[str, Any]) -> list[Shape]:
    """Every schema, by name."""
    return [_shape(name, schema) for name, schema in document["components"]["schemas"].items()]


def _shown(document: dict[str, Any], base_url: str, path: str, method: str, operation: dict[str, Any]) -> Shown:
    (status, success), *failures = operation["responses"].items()
    media, taken = next(iter(operation.get("requestBody", {}).get("content", {}).items()), ("", None))
    schema_name = _target(taken["schema"]) if taken else ""
    return Shown(
        operation["operationId"],
        method,
        path,
        operation["summary"],
        operation["description"],
        bool(operation["security"]),
        tuple(_parameter(parameter) for parameter in operation.get("parameters", ())),
        _shape(schema_name, document["components"]["schemas"][schema_name]) if schema_name else None,
        tuple((kind, _answer(content["schema"])) for kind, content in success["content"].items()),
        status,
        tuple(Refusal(code, tuple(failure["description"].split("\n\n"))) for code, failure in failures),
        _curl(base_url, path, method, operation, media, taken),
    )


def _answer(schema: dict[str, Any]) -> Piece:
    schema = schema.get("items", schema)
    return Piece(_target(schema), True) if "$ref" in schema else Piece(schema["format"])


def _curl(
    base_url: str, path: str, method: str, operation: dict[str, Any], media: str, taken: dict[str, Any] | None
) -> str:
    for parameter in operation.get("parameters", ()):
        path = path.replace(f"{{{parameter['name']}}}", str(parameter.get("example", "")))
    url = (base_url.removesuffix("/v1") if operation.get("servers") else base_url) + path
    lines = [f"curl {url}" if method in {"GET", "POST"} else f"curl -X {method} {url}"]
    if operation["security"]:
        lines.append('-H "Authorization: Bearer $TUMBLER_TOKEN"')
    if taken and media == FORM:
        lines += [f"-F '{name}={value}'" for name, value in taken["example"].items()]
    elif taken:
        lines += ["-H 'Content-Type: application/json'", f"-d '{_pretty(taken['example'])}'"]
    return " \\\n  ".join(lines)


def _pretty(example: Any) -> str:
    """Its members one a line, indented as the other arguments are."""
    return json.dumps(example, ensure_ascii=False, indent=2).replace("\n", "\n  ")


def _parameter(parameter: dict[str, Any]) -> Member:
    schema = parameter["schema"]
    return Member(
        parameter["name"], _kind(schema), _bounds([schema]), parameter["required"], parameter.get("description", "")
    )


def _shape(name: str, schema: dict[str, Any]) -> Shape:
    required = set(schema.get("required", ()))
    members = (
        Member(
            member,
            _kind(described),
            _bounds(_branches(described)),
            member in required,
            described.get("description", ""),
        )
        for member, described in schema.get("properties", {}).items()
    )
    return Shape(name, schema.get("description", ""), tuple(members))


def _branches(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return schema.get("anyOf") or [schema]


def _kind(schema: dict[str, Any]) -> tuple[Piece, ...]:
    branches = list(_branches(schema))
    named = [branch for branch in branches if branch.get("type") != "null"]
    pieces = list(_joined(_one_kind(branch) for branch in named))
    if len(named) < len(branches):
        pieces.append(Piece("or null" if named else "null"))
    return tuple(pieces)


def _one_kind(schema: dict[str, Any]) -> tuple[Piece, ...]:
    if "$ref" in schema:
        return (Piece(_target(schema), True),)
    if "enum" in schema:
        return tuple(_joined((Piece(json.dumps(value)),) for value in schema["enum"]))
    if schema.get("type") == "array":
        return (Piece("list of"), *_kind(schema.get("items", {})))
    if "anyOf" in schema:
        return _kind(schema)
    words = {"date": "date"}.get(schema.get("format", "")) or schema.get("type", "anything")
    return (Piece(words),)


def _joined(kinds: Iterable[tuple[Piece, ...]]) -> Iterator[Piece]:
    for place, kind in enumerate(kinds):
        if place:
            yield Piece("or")
        yield from kind


def _bounds(branches: list[dict[str, Any]]) -> str:
    found = []
    for schema in branches:
        for least_name, most_name, unit in _BOUNDS:
            least, most = schema.get(least_name), schema.get(most_name)
            if least_name == most_name:
                least = None
            if least is not None or most is not None:
                found.append(f"{_between(least, most)} {unit}".strip())
    return ", ".join(found)


def _between(least: float | None, most: float | None) -> str:
    if least is None:
        return f"at most {most:,}"
    if most is None:
        return f"at least {least:,}"
    return f"{least:,} to {most:,}"


def _target(schema: dict[str, Any]) -> str:
    return str(schema["$ref"].rsplit("/", 1)[1])
