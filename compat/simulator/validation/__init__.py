"""Whether a request body is one that the real Gemini API would take: one module a member, no HTTP.

`violations(model, body)` is the whole of it; tests of the translation hold its output against this.
"""

from typing import Any

from compat.schemas.gemini_request.requests import COUNT, EMBED, EMBED_BATCH, GENERATE
from compat.schemas.gemini_request.shape import nested_deeper
from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.models import find_model
from compat.simulator.validation import (
    contents,
    embeddings,
    function_turns,
    generation_config,
    parts,
    request,
    safety_settings,
    system_instruction,
    thinking_config,
    thought_signatures,
    tool_config,
    tools,
)
from compat.simulator.wire import JsonObject

__all__ = ["Violation", "checked", "violations"]

_MESSAGES = {
    "generateContent": GENERATE,
    "streamGenerateContent": GENERATE,
    "countTokens": COUNT,
    "embedContent": EMBED,
    "batchEmbedContents": EMBED_BATCH,
}
_DEEPEST = 100  # protobuf's own limit
_GENERATE_RULES = (
    contents.violations,
    parts.violations,
    function_turns.violations,
    system_instruction.violations,
    tools.violations,
    tool_config.violations,
    safety_settings.violations,
    generation_config.violations,
    thinking_config.violations,
    request.violations,
)


def violations(model: str, body: Any, method: str = "generateContent", project: str | None = None) -> list[Violation]:
    """Why the API would answer 400 to this body; empty when it would take it.

    model is an id as in the path (with or without `models/`); raises LookupError when the simulator does not serve
    it. Without a project the thought signatures of any project pass.
    """
    found = find_model(model.removeprefix("models/"))
    if found is None:
        raise LookupError(model)
    return checked(found[0], body, method, project)[1]


def checked(
    facts: ModelFacts, body: Any, method: str, project: str | None = None
) -> tuple[JsonObject, list[Violation]]:
    """The request in normal form (camelCase, no nulls), and what is wrong with it.

    As in the API, a body that does not fit the message types is looked at no further.
    """
    if nested_deeper(body, _DEEPEST):
        return {}, [Violation("", "Invalid JSON payload received. Too many levels of nesting.", malformed=True)]
    found: list[Violation] = []
    read = _MESSAGES[method](body, "", found)
    if found:
        return read, found
    if method == "embedContent":
        found.extend(embeddings.violations(facts, read))
    elif method == "batchEmbedContents":
        found.extend(embeddings.batch_violations(facts, read))
    elif method == "countTokens":
        found.extend(_broken_count(facts, read))
    else:
        found.extend(_broken_generate(facts, read, project))
    return read, found


def _broken_generate(facts: ModelFacts, read: JsonObject, project: str | None) -> list[Violation]:
    found: list[Violation] = []
    for rule in _GENERATE_RULES:
        found.extend(rule(facts, read))
    found.extend(thought_signatures.violations(facts, read, project))
    return found


def _broken_count(facts: ModelFacts, read: JsonObject) -> list[Violation]:
    inner = read.get("generateContentRequest")
    if inner is None:
        return list(contents.violations(facts, read)) + list(parts.violations(facts, read))
    found = _broken_generate(facts, inner, None)
    if "contents" in read:
        found.append(Violation("contents", "Only one of contents and generate_content_request can be set."))
    if inner.get("model", "").removeprefix("models/") != facts.id:
        sentence = "* CountTokensRequest.generate_content_request.model: must match the model of the request\n"
        found.append(Violation("generate_content_request.model", sentence))
    return found
