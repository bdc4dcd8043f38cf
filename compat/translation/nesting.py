"""How deep JSON is nested: asked before anything that recurses is let near what it holds."""

import re

# Gemini's own parser gives up at about as much; no client's request needs a tenth of it.
MAX_NESTING = 100

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ALIKE = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))


def is_nested_too_deep(json: bytes) -> bool:
    """True when arrays and objects are nested more than MAX_NESTING levels deep. `json` must be valid."""
    # Nearly every text has too few brackets for that.
    if json.count(b"{") + json.count(b"[") <= MAX_NESTING:
        return False
    brackets = _STRING.sub(b"", json).translate(_ALIKE, _OTHERS)
    # Each round takes away the innermost level everywhere.
    for _ in range(MAX_NESTING):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
