"""Tools of namespaces: Gemini knows none, so a function bears the namespace's name before its own."""

from collections.abc import Mapping
from types import MappingProxyType

# Gemini API, FunctionDeclaration.name.
_LONGEST = 128

Named = Mapping[str, tuple[str, str]]
"""Name of a function → its namespace and its name in there."""
NO_NAMESPACES: Named = MappingProxyType({})


def joined(namespace: str | None, name: str) -> str:
    """The one name of a namespace's function; the same for its declaration and for its calls in a history."""
    return f"{namespace}__{name}"[:_LONGEST] if namespace else name
