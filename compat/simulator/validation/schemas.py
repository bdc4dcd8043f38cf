"""Rules for a protobuf Schema beyond its shape (Gemini API reference, section 3)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.wire import JsonObject

_DEEPEST = 32
_STRING_FORMATS = {"enum", "date-time"}


def violations(facts: ModelFacts, schema: JsonObject, place: str, depth: int = 0) -> Iterator[Violation]:
    """What is wrong with the schema and all schemas in it; place is its path."""
    if depth > _DEEPEST:
        yield Violation(place, "The specified schema produces a constraint that has too many states for serving.")
        return
    yield from _broken_node(facts, schema, place)
    for name, inner in schema.get("properties", {}).items():
        yield from violations(facts, inner, f"{place}.properties[{name}]", depth + 1)
    if "items" in schema:
        yield from violations(facts, schema["items"], f"{place}.items", depth + 1)
    for index, inner in enumerate(schema.get("anyOf", ())):
        yield from violations(facts, inner, f"{place}.any_of[{index}]", depth + 1)


def _broken_node(facts: ModelFacts, schema: JsonObject, place: str) -> Iterator[Violation]:
    kind = schema.get("type")
    where = f"* GenerateContentRequest.{place}"
    if kind is None and "anyOf" not in schema:
        yield Violation(f"{place}.type", f"{where}.type: must be specified.\n")
    if kind == "ARRAY" and "items" not in schema:
        yield Violation(f"{place}.items", f"{where}.items: missing field.\n")
    if "properties" in schema and kind not in ("OBJECT", None):
        yield Violation(f"{place}.properties", f"{where}.properties: only allowed for OBJECT type\n")
    if "enum" in schema and kind != "STRING":
        yield Violation(f"{place}.enum", f"{where}.enum: only allowed for STRING type\n")
    for index, name in enumerate(schema.get("enum", ())):
        if not name:
            yield Violation(f"{place}.enum[{index}]", f"{where}.enum[{index}]: cannot be empty\n")
    yield from _broken_names(schema, place, where)
    if kind == "STRING" and not facts.since(3) and schema.get("format", "enum") not in _STRING_FORMATS:
        sentence = f"{where}.format: only 'enum' and 'date-time' are supported for STRING type\n"
        yield Violation(f"{place}.format", sentence)


def _broken_names(schema: JsonObject, place: str, where: str) -> Iterator[Violation]:
    known = schema.get("properties", {})
    for field, snake in (("required", "required"), ("propertyOrdering", "property_ordering")):
        for index, name in enumerate(schema.get(field, ())):
            if name not in known:
                sentence = f"{where}.{snake}[{index}]: property is not defined\n"
                yield Violation(f"{place}.{snake}[{index}]", sentence)
