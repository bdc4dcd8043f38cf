"""What embeddings answer, for the API document."""

from typing import Literal

from msgspec import Struct

from compat.schemas.answers import Count


class Vector(Struct):
    """The vector of one input, of unit length: numbers, or base64 of little-endian float32."""

    object: Literal["embedding"]
    index: Count
    embedding: list[float] | str


class EmbeddingTokens(Struct):
    """The tokens of all inputs."""

    prompt_tokens: Count
    total_tokens: Count


class EmbeddingList(Struct):
    """A vector for each input, in its order."""

    object: Literal["list"]
    data: list[Vector]
    model: str
    usage: EmbeddingTokens
