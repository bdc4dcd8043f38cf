"""JSON as the simulator reads and writes it."""

import json
from typing import Any, TypeAlias

import orjson

JsonObject: TypeAlias = dict[str, Any]

decode = orjson.loads


def encode(value: object) -> bytes:
    """JSON in one line; also for numbers beyond 64 bits, which bodies made in Python may hold."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def encode_pretty(value: object) -> bytes:
    """JSON over many lines with two spaces of indent, as Gemini writes whole answers and errors."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
