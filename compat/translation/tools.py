"""tools, functions, tool_choice → functionDeclarations and toolConfig, and the way back for names."""

import re
from typing import Any, NamedTuple

from compat.schemas.chat import (
    AllowedTool,
    ChatRequest,
    CustomDefinition,
    FunctionChoice,
    FunctionDefinition,
    ToolChoice,
)
from compat.translation.families import Family
from compat.translation.refusals import Untranslatable
from compat.translation.schema_check import check_schema, mended
from compat.translation.schema_subset import to_object_subset

# OpenAI allows 64 of [a-zA-Z0-9_-]; Gemini also takes . and : and 128 characters, but no digit or dash at the start.
_NAME = re.compile(r"[a-zA-Z0-9_.:-]{1,128}", re.ASCII)
_NOT_OF_NAMES = re.compile(r"[^a-zA-Z0-9_.:-]", re.ASCII)
_PREFIX = "t__"
_CUSTOM_INPUT = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The tool's input, as plain text."}},
    "required": ["input"],
}


class Declared(NamedTuple):
    """The tools of one request: what Gemini is told, and what its calls mean to the client."""

    functions: tuple[FunctionDefinition, ...] = ()
    custom: frozenset[str] = frozenset()
    """Names (OpenAI's) of custom tools: their calls carry free text."""
    legacy: bool = False
    """True when the client sent `functions`: its calls are answered as function_call."""
    single: bool = False
    """True when parallel_tool_calls is false: only the first call of a turn is kept."""

    @property
    def strict(self) -> bool:
        """True where any function asks for calls that fit its schema."""
        return any(function.strict for function in self.functions)


def declared_tools(request: ChatRequest) -> Declared:
    """The tools of a request, their names and schemas checked."""
    if not request.tools and not request.functions:
        return Declared(single=request.parallel_tool_calls is False)
    functions: list[FunctionDefinition] = []
    custom: set[str] = set()
    for index, tool in enumerate(request.tools or ()):
        path = f"tools[{index}].{tool.type}"
        definition = tool.function if tool.type == "function" else _of_custom(tool.custom)
        if definition is None:
            raise Untranslatable(f"Missing required parameter: '{path}'.", path, "missing_required_parameter")
        if tool.type == "custom":
            custom.add(definition.name)
        functions.append(_checked(definition, path))
    legacy = not functions and bool(request.functions)
    if legacy:
        functions = [_checked(definition, f"functions[{i}]") for i, definition in enumerate(request.functions or ())]
    names = [function.name for function in functions]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Untranslatable(
            f"Tool names must be unique: {twice!r} is given twice.", "functions" if legacy else "tools"
        )
    return Declared(tuple(functions), frozenset(custom), legacy, legacy or request.parallel_tool_calls is False)


def to_gemini_name(name: str) -> str:
    """A function name that Gemini takes: one that begins with a digit, a dash or a dot (or our prefix) gets a prefix.

    Names of a history that were never declared here may hold anything: what Gemini does not take becomes `_`.
    """
    name = _NOT_OF_NAMES.sub("_", name)
    plain = (name[:1].isalpha() or name[:1] == "_") and not name.startswith(_PREFIX)
    return (name if plain else f"{_PREFIX}{name}")[:128]


def to_openai_name(name: str) -> str:
    """The client's name for a function that Gemini calls."""
    return name.removeprefix(_PREFIX)


def to_tools(
    declared: Declared, request: ChatRequest, family: Family, *, runs_code: bool = False
) -> list[dict[str, Any]]:
    """Gemini's `tools`: every function in one list; googleSearch and codeExecution where the client asks for them.

    Google's own tools beside functions are refused before Gemini 3, and need a switch since (with_code). What it searched
    for would have to come back then, signed, with the results of the calls, and OpenAI's clients have no place for that.
    """
    tools: list[dict[str, Any]] = []
    if declared.functions and family.functions:
        tools.append({"functionDeclarations": [_declaration(function, family) for function in declared.functions]})
    if request.web_search_options is not None and may_search(declared, family):
        tools.append({"googleSearch": {}})
    if runs_code and may_run_code(declared, family):
        tools.append({"codeExecution": {}})
    return tools


def may_search(declared: Declared, family: Family) -> bool:
    """Whether a model may search the web for a request with these functions."""
    return not (declared.functions and family.functions)


def may_run_code(declared: Declared, family: Family) -> bool:
    """Whether a model may run code for a request with these functions. Those that draw or speak take neither."""
    return family.functions and (family.code_with_functions or not declared.functions)


def with_code(config: dict[str, Any] | None, declared: Declared, family: Family) -> dict[str, Any] | None:
    """The toolConfig of a request that may run code, with the switch for it where there are functions as well."""
    if not (declared.functions and may_run_code(declared, family)):
        return config
    return {**(config or {}), "includeServerSideToolInvocations": True}


def to_tool_config(declared: Declared, request: ChatRequest, family: Family) -> dict[str, Any] | None:
    """Gemini's toolConfig for tool_choice (or function_call); None for its default, AUTO."""
    if not declared.functions or not family.functions:
        _refuse_choice_without_tools(request)
        return None
    mode, names = _mode(declared, request)
    if mode == "AUTO" and not names:
        return None
    config: dict[str, Any] = {"mode": mode}
    if names:
        config["allowedFunctionNames"] = [to_gemini_name(name) for name in names]
    return {"functionCallingConfig": config}


def _mode(declared: Declared, request: ChatRequest) -> tuple[str, list[str]]:
    """The function calling mode and the names it is narrowed to (Gemini API, FunctionCallingConfig)."""
    choice = request.function_call if declared.legacy else request.tool_choice
    # VALIDATED is AUTO whose calls must fit the schema: the nearest to strict.
    auto = "VALIDATED" if declared.strict else "AUTO"
    if choice in (None, "auto"):
        return auto, []
    if choice == "none":
        return "NONE", []
    if isinstance(choice, str):
        return "ANY", []
    if isinstance(choice, FunctionChoice):
        return "ANY", _known([choice.name], declared, "function_call.name")
    assert isinstance(choice, ToolChoice)  # noqa: S101 (the union has no other member)
    if choice.type != "allowed_tools":
        return "ANY", _known([_chosen_name(choice, "tool_choice")], declared, f"tool_choice.{choice.type}.name")
    if choice.allowed_tools is None:
        path = "tool_choice.allowed_tools"
        raise Untranslatable(f"Missing required parameter: '{path}'.", path, "missing_required_parameter")
    if not choice.allowed_tools.tools:
        path = "tool_choice.allowed_tools.tools"
        raise Untranslatable(f"Invalid '{path}': empty array. Expected at least 1 item.", path, "empty_array")
    names = [
        _chosen_name(tool, f"tool_choice.allowed_tools.tools[{i}]") for i, tool in enumerate(choice.allowed_tools.tools)
    ]
    names = _known(names, declared, "tool_choice.allowed_tools.tools")
    return ("ANY" if choice.allowed_tools.mode == "required" else "VALIDATED"), names


def _chosen_name(choice: ToolChoice | AllowedTool, path: str) -> str:
    named = choice.custom if choice.type == "custom" else choice.function
    if named is None:
        path = f"{path}.{'custom' if choice.type == 'custom' else 'function'}"
        raise Untranslatable(f"Missing required parameter: '{path}'.", path, "missing_required_parameter")
    return named.name


def _known(names: list[str], declared: Declared, path: str) -> list[str]:
    known = {function.name for function in declared.functions}
    for name in names:
        if name not in known:
            raise Untranslatable(f"Tool choice {name[:64]!r} is not among the tools of this request.", path)
    return names


def _refuse_choice_without_tools(request: ChatRequest) -> None:
    if isinstance(request.tool_choice, ToolChoice) and not request.tools:
        raise Untranslatable("'tool_choice' names a tool, but 'tools' is empty.", "tool_choice")
    if isinstance(request.function_call, FunctionChoice) and not request.functions:
        raise Untranslatable("'function_call' names a function, but 'functions' is empty.", "function_call")


def _of_custom(tool: CustomDefinition | None) -> FunctionDefinition | None:
    """A custom tool as a function with one text; a grammar cannot be enforced, so it is only described."""
    if tool is None:
        return None
    description = tool.description or ""
    grammar = (tool.format or {}).get("grammar") if isinstance(tool.format, dict) else None
    if isinstance(grammar, dict) and isinstance(grammar.get("definition"), str):
        description += f"\nThe input must follow this {grammar.get('syntax', '')} grammar:\n{grammar['definition']}"
    return FunctionDefinition(tool.name, description or None, _CUSTOM_INPUT)


def _checked(function: FunctionDefinition, path: str) -> FunctionDefinition:
    if not _NAME.fullmatch(function.name):
        raise Untranslatable(
            "Invalid tool name: 1 to 128 of the letters a-z, A-Z, digits, '_', '-', '.' and ':'.", f"{path}.name"
        )
    if function.parameters:
        check_schema(function.parameters, f"{path}.parameters")
    return function


def _declaration(function: FunctionDefinition, family: Family) -> dict[str, Any]:
    declaration: dict[str, Any] = {"name": to_gemini_name(function.name)}
    if function.description:
        declaration["description"] = function.description
    # An object without properties means "no arguments", which older models take only as no parameters at all.
    if function.parameters and not _takes_nothing(function.parameters):
        if family.json_schema:
            declaration["parametersJsonSchema"] = mended(function.parameters)
        else:
            declaration["parameters"] = to_object_subset(function.parameters)
    return declaration


def _takes_nothing(schema: dict[str, Any]) -> bool:
    return schema.get("type", "object") == "object" and not any(
        schema.get(key) for key in ("properties", "$ref", "anyOf", "oneOf", "allOf", "patternProperties")
    )
