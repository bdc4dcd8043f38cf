"""Rules for toolConfig: only with functions, and names only where they narrow a choice (reference, 2.5)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.wire import JsonObject

_PLACE = "tool_config.function_calling_config"


def violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """What is wrong with the function calling config."""
    config = request.get("toolConfig", {}).get("functionCallingConfig")
    if config is None:
        return
    declared = {
        declaration.get("name")
        for tool in request.get("tools") or ()
        for declaration in tool.get("functionDeclarations") or ()
    }
    if not declared:
        yield Violation(_PLACE, "Function calling config is set without function_declarations.")
        return
    allowed = config.get("allowedFunctionNames")
    if allowed is None:
        return
    if config.get("mode") not in ("ANY", "VALIDATED"):
        sentence = "Allowed function names should only be set when function calling mode is ANY or VALIDATED."
        yield Violation(f"{_PLACE}.allowed_function_names", sentence)
    for name in allowed:
        if name not in declared:
            sentence = f"Allowed function name '{name}' is not among the function declarations."
            yield Violation(f"{_PLACE}.allowed_function_names", sentence)
