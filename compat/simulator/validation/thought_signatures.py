"""Gemini 3 and later: the first function call of each step of the current turn is signed (reference, section 6)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.signatures import is_own, is_placeholder
from compat.simulator.wire import JsonObject

_MISSING = (
    "Function call is missing a thought_signature in functionCall parts. This is required for tools to work"
    " correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call"
    " `default_api:{name}` , position {position}. Please refer to"
    " https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
)


def violations(facts: ModelFacts, request: JsonObject, project: str | None) -> Iterator[Violation]:
    """Missing and foreign signatures in the current turn; without a project any own signature passes."""
    contents = request.get("contents") or []
    if not facts.needs_signatures or len(contents) < 2:
        return
    for index in range(_current_turn(contents), len(contents)):
        for position, part in enumerate(contents[index].get("parts") or ()):
            if "functionCall" in part:
                yield from _broken_signature(facts, part, project, index, position)
                break


def _current_turn(contents: list[JsonObject]) -> int:
    """The index after the last user content that holds something other than function responses."""
    for index in range(len(contents) - 1, -1, -1):
        content = contents[index]
        if content.get("role") != "model" and any(
            "functionResponse" not in part for part in content.get("parts") or ()
        ):
            return index + 1
    return 0


def _broken_signature(
    facts: ModelFacts, part: JsonObject, project: str | None, index: int, position: int
) -> Iterator[Violation]:
    signature = part.get("thoughtSignature")
    field = f"contents[{index}].parts[{position}].thought_signature"
    if not signature:
        yield Violation(field, _MISSING.format(name=part["functionCall"].get("name", ""), position=index + 1))
    elif not is_placeholder(signature) and not is_own(signature, facts, project):
        yield Violation(field, "Corrupted thought signature.")
