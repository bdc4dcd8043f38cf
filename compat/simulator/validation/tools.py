"""Rules for tools: names, one list of functions, one schema each, what may stand together (reference, 2.4)."""

import re
from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.validation import json_schemas, schemas
from compat.simulator.wire import JsonObject

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*\Z")
_MOST_FUNCTIONS = 512
BUILT_IN = (
    "googleSearch",
    "urlContext",
    "codeExecution",
    "googleMaps",
    "fileSearch",
    "computerUse",
    "mcpServers",
    "googleSearchRetrieval",
)


def violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """What is wrong with the tools, one by one and together."""
    tools = request.get("tools")
    if not tools:
        return
    with_functions = [index for index, tool in enumerate(tools) if "functionDeclarations" in tool]
    built_in = [name for tool in tools for name in BUILT_IN if name in tool]
    yield from _broken_tools(tools, with_functions)
    if with_functions:
        yield from _broken_functions(facts, tools[with_functions[0]], with_functions[0])
    yield from _broken_company(facts, request, bool(with_functions), built_in)


def _broken_tools(tools: list[JsonObject], with_functions: list[int]) -> Iterator[Violation]:
    for index, tool in enumerate(tools):
        if not tool:
            yield Violation(
                f"tools[{index}]",
                f"* GenerateContentRequest.tools[{index}]: required one_of 'tool_type' must be set\n",
            )
        if "googleSearchRetrieval" in tool:
            sentence = "google_search_retrieval is not supported. Please use google_search tool instead."
            yield Violation(f"tools[{index}].google_search_retrieval", sentence)
    if len(with_functions) > 1:
        sentence = "Please put all function declarations into one tool."
        yield Violation(f"tools[{with_functions[1]}].function_declarations", sentence)


def _broken_functions(facts: ModelFacts, tool: JsonObject, index: int) -> Iterator[Violation]:
    declarations = tool["functionDeclarations"]
    place = f"tools[{index}].function_declarations"
    if not facts.takes_functions:
        yield Violation(place, f"Function calling is not enabled for {facts.path}")
    if not declarations:
        yield Violation(place, f"* GenerateContentRequest.{place}: must not be empty.\n")
    if len(declarations) > _MOST_FUNCTIONS:
        yield Violation(place, f"* GenerateContentRequest.{place}: at most {_MOST_FUNCTIONS} are allowed.\n")
    seen = set()
    for position, declaration in enumerate(declarations):
        name = declaration.get("name", "")
        if name in seen:
            yield Violation(f"{place}[{position}].name", f"Duplicate function declaration found: {name}")
        seen.add(name)
        yield from _broken_function(facts, declaration, f"{place}[{position}]")


def _broken_function(facts: ModelFacts, declaration: JsonObject, place: str) -> Iterator[Violation]:
    longest = 128 if facts.since(3) else 64
    name = declaration.get("name", "")
    if not _NAME.match(name) or len(name) > longest:
        sentence = (
            f"* GenerateContentRequest.{place}.name: Invalid function name. Must start with a letter or an"
            " underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-),"
            f" with a maximum length of {longest}.\n"
        )
        yield Violation(f"{place}.name", sentence)
    for field, json_field, snake in (
        ("parameters", "parametersJsonSchema", "parameters"),
        ("response", "responseJsonSchema", "response"),
    ):
        if field in declaration and json_field in declaration:
            yield Violation(f"{place}.{snake}_json_schema", f"{snake} and {snake}_json_schema cannot both be set.")
        if field in declaration:
            yield from _broken_root(declaration[field], f"{place}.{snake}")
            yield from schemas.violations(facts, declaration[field], f"{place}.{snake}")
        if json_field in declaration:
            yield from json_schemas.violations(declaration[json_field], f"{place}.{snake}_json_schema")
    if "behavior" in declaration:
        yield Violation(f"{place}.behavior", "Function behavior is only supported in the Live API.")


def _broken_root(schema: JsonObject, place: str) -> Iterator[Violation]:
    if place.endswith("parameters") and schema.get("type") != "OBJECT":
        yield Violation(place, f"* GenerateContentRequest.{place}: schema should be of type OBJECT.\n")


def _broken_company(
    facts: ModelFacts, request: JsonObject, functions: bool, built_in: list[str]
) -> Iterator[Violation]:
    as_json = request.get("generationConfig", {}).get("responseMimeType") == "application/json"
    invocations = request.get("toolConfig", {}).get("includeServerSideToolInvocations")
    if functions and built_in:
        if not facts.since(3):
            yield Violation("tools", "Tool use with function calling is unsupported")
        elif not invocations:
            sentence = (
                "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with"
                " Function calling."
            )
            yield Violation("tool_config", sentence)
    if as_json and not facts.since(3):
        if functions:
            sentence = "Function calling with a response mime type: 'application/json' is unsupported"
            yield Violation("generation_config.response_mime_type", sentence)
        if built_in:
            sentence = "Tool use with a response mime type: 'application/json' is unsupported"
            yield Violation("generation_config.response_mime_type", sentence)
