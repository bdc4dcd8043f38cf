"""response_format → responseMimeType and responseJsonSchema (or responseSchema for older models)."""

import json
from typing import Any

from compat.schemas.chat import ResponseFormat
from compat.translation.families import Family
from compat.translation.refusals import Untranslatable
from compat.translation.schema_check import check_schema, mended
from compat.translation.schema_subset import to_subset


def check_response_format(wanted: ResponseFormat | None) -> None:
    """Refuse a json_schema format without its schema, or with one that no model could follow."""
    if wanted is None or wanted.type != "json_schema":
        return
    if wanted.json_schema is None:
        raise Untranslatable(
            "Missing required parameter: 'response_format.json_schema'.",
            "response_format.json_schema",
            "missing_required_parameter",
        )
    check_schema(wanted.json_schema.schema or {}, "response_format.json_schema.schema")


def to_response_format(wanted: ResponseFormat | None, family: Family, *, has_tools: bool) -> dict[str, Any]:
    """The generationConfig members for a response format; {} where it can only be asked for in words."""
    if wanted is None or wanted.type == "text" or _only_in_words(family, has_tools) or not family.writes_json:
        return {}
    config: dict[str, Any] = {"responseMimeType": "application/json"}
    schema = wanted.json_schema.schema if wanted.json_schema else None
    if schema and family.json_schema:
        config["responseJsonSchema"] = mended(schema)
    elif schema:
        config["responseSchema"] = to_subset(schema)
    return config


def in_words(wanted: ResponseFormat | None, family: Family, *, has_tools: bool) -> str | None:
    """What to tell the model where JSON mode and tools exclude each other (Gemini 2, Gemma); else None."""
    if wanted is None or wanted.type == "text" or not _only_in_words(family, has_tools):
        return None
    if wanted.json_schema is None or not wanted.json_schema.schema:
        return "When you do not call a function, answer with one JSON object and nothing else."
    schema = json.dumps(wanted.json_schema.schema, separators=(",", ":"))
    return f"When you do not call a function, answer only with JSON that fits this schema: {schema}"


def _only_in_words(family: Family, has_tools: bool) -> bool:
    return has_tools and family.writes_json and not family.tools_with_json
