"""POST audio/transcriptions and audio/translations: forms."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from compat.schemas.uploads import Upload

Text = Annotated[str, Meta(max_length=8_192)]
Words = Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=100)]
Granularity = Literal["word", "segment"]


class RecordingForm(Struct, kw_only=True):
    """What both have."""

    file: Upload
    model: Annotated[str, Meta(min_length=1, max_length=256)]
    prompt: Text | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None


class TranslationForm(RecordingForm, kw_only=True):
    """A recording whose words are wanted in English."""

    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] | None = None


class TranscriptionForm(RecordingForm, kw_only=True):
    """A recording whose words are wanted as they were said."""

    language: Annotated[str, Meta(max_length=40)] | None = None
    languages: Words | None = None
    keywords: Words | None = None
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] | None = None
    timestamp_granularities: Granularity | list[Granularity] | None = None
    stream: bool | None = None
    include: str | Words | None = None
