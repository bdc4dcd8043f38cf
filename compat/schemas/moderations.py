"""POST moderations."""

from typing import Annotated

from msgspec import Meta, Struct

from compat.schemas.chat import ImagePart, TextPart

DEFAULT = "omni-moderation-latest"


class ModerationRequest(Struct):
    """Texts to be judged one by one, or the parts of one content."""

    input: str | Annotated[list[str | TextPart | ImagePart], Meta(min_length=1, max_length=32)]
    model: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
