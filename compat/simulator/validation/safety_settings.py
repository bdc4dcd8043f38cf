"""Rules for safetySettings: one entry a category, and only the categories of this API (reference, 2.12)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.wire import JsonObject

_OFFERED = {
    f"HARM_CATEGORY_{name}"
    for name in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY")
}


def violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """Doubled, foreign and incomplete settings."""
    seen = set()
    for index, setting in enumerate(request.get("safetySettings") or ()):
        category = setting.get("category")
        place = f"safety_settings[{index}]"
        if category not in _OFFERED or "threshold" not in setting:
            sentence = f"* GenerateContentRequest.{place}: element predicate failed: $.category in ({category})\n"
            yield Violation(f"{place}.category", sentence)
        elif category in seen:
            sentence = f"* GenerateContentRequest.safety_settings: duplicate safety setting for {category}\n"
            yield Violation(place, sentence)
        seen.add(category)
