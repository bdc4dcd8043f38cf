"""Rules for contents: not empty, roles, no empty turns, who may speak last (Gemini API reference, 2.1)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.wire import JsonObject


def violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """What is wrong with the list of contents as such."""
    contents = request.get("contents")
    if not contents:
        yield Violation("contents", "* GenerateContentRequest.contents: contents is not specified\n")
        return
    alone = len(contents) == 1
    for index, content in enumerate(contents):
        place = f"contents[{index}]"
        yield from _broken_role(content, place, alone=alone)
        if not content.get("parts"):
            sentence = f"* GenerateContentRequest.{place}.parts: contents.parts must not be empty.\n"
            yield Violation(f"{place}.parts", sentence)
        elif _says_nothing(content["parts"]):
            sentence = f"* GenerateContentRequest.{place}.parts: the only part of the content is an empty text.\n"
            yield Violation(f"{place}.parts", sentence)
    if contents[-1].get("role") == "model" and facts.since(3, 6):
        sentence = "Please ensure that multiturn requests end with a user role or a function response."
        yield Violation(f"contents[{len(contents) - 1}]", sentence)


def _broken_role(content: JsonObject, place: str, *, alone: bool) -> Iterator[Violation]:
    role = content.get("role")
    if role not in ("user", "model") and not (role is None and alone):
        yield Violation(f"{place}.role", "Please use a valid role: user, model.")


def _says_nothing(parts: list[JsonObject]) -> bool:
    """A text may be empty beside other parts, or to carry a signature; not as all there is."""
    return len(parts) == 1 and parts[0].get("text") == "" and "thoughtSignature" not in parts[0]
