"""A request that a model refused for one member, without that member: what the client gets is the answer without it."""

from collections.abc import Callable
from typing import Any

from compat.translation.signatures import without_signatures

Body = dict[str, Any]


def _without(*members: str) -> Callable[[Body], Body]:
    def repair(body: Body) -> Body:
        config = {key: value for key, value in body.get("generationConfig", {}).items() if key not in members}
        return {**body, "generationConfig": config}

    return repair


def _system_as_text(body: Body) -> Body:
    """The system instruction as the first user turn's first text, for models without one."""
    if "systemInstruction" not in body:
        return body
    system = body["systemInstruction"].get("parts", [])
    first, *others = body["contents"]
    merged = {**first, "parts": [*system, *first["parts"]]}
    rest = {key: value for key, value in body.items() if key != "systemInstruction"}
    return {**rest, "contents": [merged, *others]}


# By the name of the failure (compat/gemini/failures.py). A body that lacks what is to be mended stays as it is.
REPAIRS: dict[str, Callable[[Body], Body]] = {
    "signature_missing": without_signatures,
    "signature_foreign": without_signatures,
    "penalty_refused": _without("presencePenalty", "frequencyPenalty"),
    "logprobs_refused": _without("responseLogprobs", "logprobs"),
    "thinking_refused": _without("thinkingConfig"),
    "system_refused": _system_as_text,
    # What is mended is not in the request: the file is uploaded anew.
    "file_lost": lambda body: body,
}
