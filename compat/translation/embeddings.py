"""embeddings ↔ batchEmbedContents."""

import base64
import math
import sys
from array import array
from collections.abc import Callable
from typing import Any

import msgspec

from compat.schemas.embeddings import EmbeddingRequest
from compat.schemas.gemini import EmbeddingReply
from compat.translation.prompts import to_texts

# Gemini API, batchEmbedContents: at most 100 requests.
SLICE = 100
_AT_MOST = 2048
_encode = msgspec.json.Encoder().encode


class EmbeddingTranslation:
    """One request, checked once, cut into slices that Gemini takes."""

    def __init__(self, request: EmbeddingRequest, default_dimensions: int | None) -> None:
        self.texts = to_texts(request.input, "input", _AT_MOST)
        self._dimensions = request.dimensions or default_dimensions

    def slices(self) -> list[tuple[int, int]]:
        """(first text, how many) of each batch."""
        return [(first, min(SLICE, len(self.texts) - first)) for first in range(0, len(self.texts), SLICE)]

    def to_body(self, model: str, first: int, count: int) -> dict[str, Any]:
        """The body of one batch for a model."""
        return {"requests": [self._one(model, text) for text in self.texts[first : first + count]]}

    def _one(self, model: str, text: str) -> dict[str, Any]:
        one: dict[str, Any] = {"model": f"models/{model}", "content": {"parts": [{"text": text}]}}
        if self._dimensions:
            one["outputDimensionality"] = self._dimensions
        return one

    @property
    def characters(self) -> int:
        """All characters, for an estimate: gemini-embedding-001 counts nothing."""
        return sum(len(text) for text in self.texts)


def to_embeddings(model: str, replies: list[EmbeddingReply], tokens: int, *, as_base64: bool) -> bytes:
    """OpenAI's list of embeddings in input order, each of unit length."""
    write: Callable[[list[float]], Any] = _to_base64 if as_base64 else _unit
    vectors = (embedding.values for reply in replies for embedding in reply.embeddings)
    data = [{"object": "embedding", "index": index, "embedding": write(vector)} for index, vector in enumerate(vectors)]
    return _encode(
        {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    )


def _unit(vector: list[float]) -> list[float]:
    """The vector at length 1: Gemini shortens vectors without it, and OpenAI's clients rely on dot products."""
    length = math.sqrt(math.fsum(value * value for value in vector))
    if length == 0 or abs(length - 1) < 1e-6:
        return vector
    return [value / length for value in vector]


def _to_base64(vector: list[float]) -> str:
    """Little-endian float32, what both SDKs ask for when the caller names no format."""
    numbers = array("f", _unit(vector))
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
