"""Rules for systemInstruction: text only, and only where the model has it (Gemini API reference, 2.3)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.wire import JsonObject


def violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """What is wrong with the system instruction."""
    instruction = request.get("systemInstruction")
    if instruction is None:
        return
    if not facts.system_instruction:
        yield Violation("system_instruction", f"Developer instruction is not enabled for {facts.path}")
    parts = instruction.get("parts")
    if not parts:
        sentence = "* GenerateContentRequest.system_instruction.parts: contents.parts must not be empty.\n"
        yield Violation("system_instruction.parts", sentence)
    for index, part in enumerate(parts or ()):
        if "text" not in part:
            yield Violation(f"system_instruction.parts[{index}]", "System instruction only supports text parts.")
