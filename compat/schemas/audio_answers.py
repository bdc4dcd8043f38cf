"""What the audio routes answer, for the API document."""

from typing import Literal

from msgspec import Struct


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
