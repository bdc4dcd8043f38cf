"""What went upstream, held against what the real API takes."""

from collections.abc import Iterable
from typing import Any

from compat.simulator.models import CATALOGUE
from compat.simulator.validation import Violation, violations
from tests.scripted_wire import Call

# Retired, so the simulator does not know them; they take what their successors take.
_STAND_INS = {"gemini-2.0-flash": "gemini-2.5-flash-lite"}


def base_model(name: str) -> str | None:
    """The model that a test's own name (`gemini-2.5-flash--something`) stands for; None when there is no such model now."""
    base = name.partition("--")[0]
    base = _STAND_INS.get(base, base)
    return base if base in CATALOGUE else None


def refused_bodies(calls: Iterable[Call]) -> list[str]:
    """What the real API would refuse among these calls, in words."""
    return [f"{call.model}: {wrong}" for call in calls if call.body for wrong in _wrong_with(call)]


def _wrong_with(call: Call) -> list[Any]:
    body = call.json
    wrong: list[Any] = []
    # Neither vectors nor counts are logged, and both know no such member.
    if call.method not in {"batchEmbedContents", "countTokens"} and body.get("store") is not False:
        wrong.append(f"store is {body.get('store')!r}")
    model = base_model(call.model)
    if model is None or call.method == "list":
        return wrong
    if "requests" in body:
        # The body names the model too; the simulator wants it to be the path's.
        body = {"requests": [{**request, "model": f"models/{model}"} for request in body["requests"]]}
    if "generateContentRequest" in body:
        body = {"generateContentRequest": {**body["generateContentRequest"], "model": f"models/{model}"}}
    return wrong + [found for found in violations(model, body, call.method) if not _is_foreign_signature(found)]


def _is_foreign_signature(found: Violation) -> bool:
    """The simulator knows its own signatures alone: a recorded or scripted one is a real one all the same."""
    return found.field.endswith("thought_signature") and "Corrupted" in found.message
