"""Rules for the order and number of function calls and responses in contents (Gemini API reference, 2.1 and 2.2)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.wire import JsonObject

CALL_ORDER = (
    "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
)
RESPONSE_ORDER = "Please ensure that function response turn comes immediately after a function call turn."
COUNT = (
    "Please ensure that the number of function response parts is equal to the number of function call parts of the"
    " function call turn."
)
AGREEMENT = "Please ensure that the id and name of each function response match a function call of the previous turn."


def violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """What is wrong with the sequence of calls and responses."""
    open_calls: list[JsonObject] = []
    role_before = None
    contents = request.get("contents") or ()
    for index, content in enumerate(contents):
        parts = content.get("parts") or ()
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        responses = [part["functionResponse"] for part in parts if "functionResponse" in part]
        place = f"contents[{index}]"
        if calls and role_before != "user":
            yield Violation(place, CALL_ORDER)
        if responses and not open_calls:
            yield Violation(place, RESPONSE_ORDER)
        elif len(responses) != len(open_calls):
            yield Violation(place, COUNT)
        elif responses and facts.names_calls and not _agree(open_calls, responses):
            yield Violation(place, AGREEMENT)
        open_calls = calls
        role_before = content.get("role")
    if open_calls:
        yield Violation(f"contents[{len(contents) - 1}]", COUNT)


def _agree(calls: list[JsonObject], responses: list[JsonObject]) -> bool:
    """Whether calls and responses are the same pairs of id and name, in whatever order."""

    def pairs(named: list[JsonObject]) -> list[tuple[str, str]]:
        return sorted((one.get("id", ""), one.get("name", "")) for one in named)

    return pairs(calls) == pairs(responses)
