"""POST audio/speech."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct


class SpeechRequest(Struct):
    """A text to be said."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    input: Annotated[str, Meta(min_length=1, max_length=4096)]
    voice: str | dict[str, Any]
    instructions: Annotated[str, Meta(max_length=4096)] | None = None
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None
    speed: Annotated[float, Meta(ge=0.25, le=4)] | None = None
    stream_format: Literal["audio", "sse"] | None = None
