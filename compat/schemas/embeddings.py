"""POST embeddings."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Tokens = list[int]


class EmbeddingRequest(Struct):
    """Texts or token ids to embed."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    input: str | list[str | int | Tokens]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=3072)] | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None
