"""The OpenAPI 3.1 document of what is served under /v1: made once, from the routes, the structs and a table of words."""

from functools import cache
from typing import Any

import msgspec


@cache
def document() -> dict[str, Any]:
    """The document. drf-spectacular is imported when somebody asks for it, not in every worker."""
    from compat.openapi.generator import Generator

    made: dict[str, Any] = Generator().get_schema(public=True)
    return made


@cache
def document_json() -> bytes:
    """The document as /openapi.json serves it and docs/openapi.json holds it."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n"
