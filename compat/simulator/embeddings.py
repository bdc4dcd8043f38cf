"""Embeddings that depend on nothing but model and text (Gemini API reference, 2.8)."""

import math
from array import array
from hashlib import shake_256

from compat.simulator.model_facts import ModelFacts
from compat.simulator.tokens import count_parts
from compat.simulator.wire import JsonObject

FULL_LENGTH = 3_072


def to_embedding(request: JsonObject, facts: ModelFacts) -> JsonObject:
    """`{"values": […]}` of the asked length: the first numbers of the full vector.

    gemini-embedding-001 is of length one only in full; gemini-embedding-2 at every size.
    """
    said = "\n".join(part["text"] if "text" in part else str(part) for part in request["content"]["parts"])
    length = request.get("outputDimensionality", FULL_LENGTH)
    stretched = length if facts.id != "gemini-embedding-001" else FULL_LENGTH
    raw = array("h", shake_256(f"{facts.served_as}\n{said}".encode()).digest(2 * max(length, stretched)))
    norm = math.sqrt(sum(value * value for value in raw[:stretched])) or 1.0
    return {"values": [round(value / norm, 9) for value in raw[:length]]}


def count_embedding_tokens(requests: list[JsonObject]) -> dict[str, int]:
    """The prompt tokens of some embedding requests, by modality."""
    counts = {"TEXT": 0}
    for request in requests:
        count_parts(request["content"]["parts"], counts)
    return counts


def with_usage(reply: JsonObject, facts: ModelFacts, counts: dict[str, int]) -> JsonObject:
    """The reply with its usageMetadata, which only gemini-embedding-2 sends (its details have no s after Token)."""
    if facts.id != "gemini-embedding-001":
        details = [{"modality": modality, "tokenCount": tokens} for modality, tokens in counts.items() if tokens]
        reply["usageMetadata"] = {"promptTokenCount": sum(counts.values()), "promptTokenDetails": details}
    return reply
