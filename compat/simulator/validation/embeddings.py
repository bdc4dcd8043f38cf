"""Rules for embedContent and batchEmbedContents (Gemini API reference, 2.8)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.wire import JsonObject

MOST_IN_A_BATCH = 100
_MOST_DIMENSIONS = 3_072


def violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """What is wrong with one embedding request."""
    yield from _broken_request(facts, request, "EmbedContentRequest", "")


def batch_violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """What is wrong with a batch; each request must name the model of the path again."""
    requests = request.get("requests") or []
    if not requests:
        yield Violation("requests", "* BatchEmbedContentsRequest.requests: requests is not specified\n")
    if len(requests) > MOST_IN_A_BATCH:
        sentence = f"* BatchEmbedContentsRequest.requests: at most {MOST_IN_A_BATCH} requests can be in one batch\n"
        yield Violation("requests", sentence)
    for index, one in enumerate(requests):
        place = f"requests[{index}]"
        if one.get("model") != facts.path:
            sentence = f"* BatchEmbedContentsRequest.{place}.model: must match the model of the batch request\n"
            yield Violation(f"{place}.model", sentence)
        yield from _broken_request(facts, one, "BatchEmbedContentsRequest", f"{place}.")


def _broken_request(facts: ModelFacts, request: JsonObject, message: str, prefix: str) -> Iterator[Violation]:
    parts = request.get("content", {}).get("parts")
    if not parts:
        sentence = f"* {message}.{prefix}content: contents is not specified\n"
        yield Violation(f"{prefix}content", sentence)
    for part in parts or ():
        if not part or part.get("text") == "":
            yield Violation(f"{prefix}content", f"* {message}.{prefix}content: content contains an empty Part.\n")
        elif "text" not in part and facts.id == "gemini-embedding-001":
            yield Violation(f"{prefix}content", f"{facts.path} takes text input only.")
    if not 1 <= request.get("outputDimensionality", 1) <= _MOST_DIMENSIONS:
        sentence = f"* {message}.{prefix}output_dimensionality: must be between 1 and {_MOST_DIMENSIONS}\n"
        yield Violation(f"{prefix}output_dimensionality", sentence)
    if "title" in request and request.get("taskType") != "RETRIEVAL_DOCUMENT":
        yield Violation(f"{prefix}title", f"* {message}.{prefix}title: only allowed for RETRIEVAL_DOCUMENT\n")
