"""JSON as the simulator reads and writes it."""

from typing import Any, TypeAlias

import orjson

JsonObject: TypeAlias = dict[str, Any]

encode = orjson.dumps
decode = orjson.loads


def encode_pretty(value: object) -> bytes:
    """JSON over many lines with two spaces of indent, as Gemini writes whole answers and errors."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
