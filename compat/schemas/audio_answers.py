"""What the routes of sound answer, for the API document."""

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


class InputTokenDetails(Struct):
    """Of what a prompt was made."""

    text_tokens: int
    audio_tokens: int


class TranscriptionUsage(Struct, omit_defaults=True):
    """What a transcription took: tokens, or with verbose_json the length of the recording."""

    type: Literal["tokens", "duration"]
    seconds: float = 0.0
    input_tokens: int = 0
    input_token_details: InputTokenDetails | None = None
    output_tokens: int = 0
    total_tokens: int = 0


class TranscriptionSegment(Struct):
    """A stretch of the recording. Likelihoods are 0: Gemini tells none."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class Transcription(Struct, omit_defaults=True):
    """The words; with verbose_json the language, the length in seconds and the segments."""

    text: str
    task: Literal["transcribe", "translate"] | None = None
    language: str | None = None
    duration: float | None = None
    segments: list[TranscriptionSegment] | None = None
    usage: TranscriptionUsage | None = None


class TranscriptEvent(Struct, omit_defaults=True):
    """Some words, or the end with all of them and the usage."""

    type: Literal["transcript.text.delta", "transcript.text.done"]
    delta: str = ""
    text: str = ""
    usage: TranscriptionUsage | None = None
