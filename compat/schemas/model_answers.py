"""What models answer, for the API document."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from compat.schemas.answers import Count, UnixSeconds


class Model(Struct):
    """A model that the token may use: a mapped name, or one of Gemini's own."""

    id: str
    object: Literal["model"]
    created: UnixSeconds
    owned_by: str
    context_length: Count | UnsetType = UNSET


class ModelList(Struct):
    """The models that the token may use, mapped names first."""

    object: Literal["list"]
    data: list[Model]
