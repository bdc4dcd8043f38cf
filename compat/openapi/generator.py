"""The document's maker: drf-spectacular walks the routes and methods, our tables say what each one is."""

from typing import Any

import msgspec
from django.urls import URLPattern, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema

from compat.edge import EXPOSED
from compat.errors import CompatError, PoolExhausted, Retryable
from compat.openapi.headers import HEADERS
from compat.openapi.members import MEMBERS
from compat.openapi.operation import FORM, Operation
from compat.openapi.operations import OPERATIONS
from compat.schemas import answers
from compat.schemas.responses import ResponseRequest
from compat.urls import ALIASES, ROUTES

_BYTES = {"type": "string", "format": "binary"}
_REF = "#/components/schemas/{name}"
_TOKEN: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]
_TOKEN_OF_GEMINI: list[dict[str, list[str]]] = [{"googleApiKey": []}, {"keyInQuery": []}]
_ASKED = {"x-tumbler-model", "x-tumbler-attempts", *(name for name in HEADERS if name.startswith("x-ratelimit"))}
_WAITS = {"retry-after", "retry-after-ms", "x-should-retry"}


class OperationSchema(AutoSchema):
    """DRF's DEFAULT_SCHEMA_CLASS: a route and method without a row in OPERATIONS is a KeyError."""

    def get_operation(self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any) -> dict[str, Any]:
        """The operation object of one method of one route."""
        return _operation(OPERATIONS[path, method])


class Generator(SchemaGenerator):
    """drf-spectacular's, over the OpenAI routes: they are no part of Django's urlconf."""

    def __init__(self) -> None:
        super().__init__(patterns=_patterns())  # type: ignore[no-untyped-call]

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        """The whole document: what the walk found, in the order of our table, and every component that it names."""
        found = super().get_schema(request, public)  # type: ignore[no-untyped-call]
        paths = dict.fromkeys(path for path, _ in OPERATIONS)
        return {**found, "paths": {path: found["paths"][path] for path in paths}, "components": _components()}


def _patterns() -> list[URLPattern]:
    # Django's types know views that answer its own responses; the walk looks at methods alone.
    routes: dict[str, Any] = {route: view for route, view in ROUTES.items() if route not in ALIASES}
    return [path(route.replace("{", "<path:").replace("}", ">"), view) for route, view in routes.items()]


def _operation(told: Operation) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": told.name,
        "tags": [told.group],
        "summary": told.summary,
        "description": told.description,
        "security": [*_TOKEN, *(_TOKEN_OF_GEMINI if told.of_gemini else [])] if told.needs_token else [],
    }
    if told.of_gemini:
        operation["servers"] = [{"url": "/"}]
    if told.parameters:
        operation["parameters"] = list(told.parameters)
    if told.request is not None:
        content = {"schema": _ref(told.request), "example": told.example}
        also = {FORM: {"schema": _ref(told.form)}} if told.form else {}
        operation["requestBody"] = {"required": True, "content": {told.takes: content, **also}}
    return {**operation, "responses": {str(told.status): _success(told), **_failures(told)}}


def _success(told: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = _BYTES if told.answer is bytes else _ref(told.answer)
    content = {told.gives: {"schema": {"type": "array", "items": answer} if told.many else answer}}
    if told.event is not None:
        content["text/event-stream"] = {"schema": _ref(told.event)}
    return {"description": str(told.answer.__doc__), "headers": _headers(told, waits=False), "content": content}


def _failures(told: Operation) -> dict[str, Any]:
    """A response for each status, with the codes that it may have."""
    by_status: dict[int, list[type[CompatError]]] = {}
    for error in sorted(told.errors, key=lambda error: error.status):
        by_status.setdefault(error.status, []).append(error)
    return {str(status): _failure(told, errors) for status, errors in by_status.items()}


def _failure(told: Operation, errors: list[type[CompatError]]) -> dict[str, Any]:
    waits = any(issubclass(error, Retryable) or "x-should-retry" in error("").headers() for error in errors)
    lines = [f"`{error.code or error.type}`: {error.__doc__}" for error in errors]
    content: dict[str, Any] = {"schema": _ref(told.error)}
    if told.error is answers.Error:
        content["example"] = {"error": errors[-1]("…").body()}
    return {
        "description": "\n\n".join(lines),
        "headers": _headers(told, waits=waits),
        "content": {"application/json": content},
    }


def _headers(told: Operation, *, waits: bool) -> dict[str, Any]:
    """Those of every answer, of the routes that ask Gemini, and of the errors that a wait may mend."""
    asks_gemini = PoolExhausted in told.errors
    left_out = (set() if asks_gemini else _ASKED) | (set() if waits else _WAITS)
    if told.request is not ResponseRequest or told.event is None:
        left_out |= {"x-tumbler-left-out"}
    return {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS if name not in left_out}


def _components() -> dict[str, Any]:
    structs = {
        struct
        for told in OPERATIONS.values()
        for struct in (told.request, told.form, told.answer, told.event, told.error)
        if struct is not None and struct is not bytes
    }
    _, schemas = msgspec.json.schema_components(structs, ref_template=_REF)
    if "Upload" in schemas:
        # A part of a form, not a member of an object.
        schemas["Upload"] = {**_BYTES, "description": schemas["Upload"]["description"]}
    for struct, members in MEMBERS.items():
        for name, words in members.items():
            schemas[struct]["properties"][name]["description"] = words
    return {
        "schemas": dict(sorted(schemas.items())),
        "headers": {name: HEADERS[name] for name in EXPOSED.split(", ")},
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "A token of this server: `tumbler-…`."},
            "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same token."},
            "googleApiKey": {
                "type": "apiKey",
                "in": "header",
                "name": "x-goog-api-key",
                "description": "The same token, for Gemini's own routes.",
            },
            "keyInQuery": {
                "type": "apiKey",
                "in": "query",
                "name": "key",
                "description": "The same token, for Gemini's own routes. It is not logged here, but may be on its way: "
                "a header is the better place.",
            },
        },
    }


def _ref(struct: type) -> dict[str, str]:
    return {"$ref": _REF.format(name=struct.__name__)}
