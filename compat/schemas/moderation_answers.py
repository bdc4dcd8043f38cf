"""What moderations answer, for the API document."""

from typing import Literal

from msgspec import Struct


class ModerationResult(Struct):
    """What was found in one content: flags at a score of 0.5 and more."""

    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[Literal["text", "image"]]]


class Moderation(Struct):
    """A judgement of contents, in their order."""

    id: str
    model: str
    results: list[ModerationResult]
