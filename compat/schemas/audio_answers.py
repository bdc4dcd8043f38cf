"""What the routes of sound and of moderations answer, for the API document."""

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


class SpeechUsage(Struct):
    """The tokens of a speech."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class SpeechEvent(Struct, omit_defaults=True):
    """A stretch of sound in base64, or the end with the usage."""

    type: Literal["speech.audio.delta", "speech.audio.done"]
    audio: str = ""
    usage: SpeechUsage | None = None
