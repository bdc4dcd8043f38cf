"""A recording → the question what is said in it."""

import binascii
from functools import cached_property
from typing import Any

from compat.schemas.transcriptions import TranscriptionForm, TranslationForm
from compat.translation.content import Part
from compat.translation.questions import answering_family, to_question
from compat.translation.refusals import Untranslatable
from compat.translation.transcriptions.recording import seconds_of, type_of

TIMED = {"srt", "vtt", "verbose_json"}
NOTHING = "[no speech]"
"""What the model is to answer when nobody speaks: an empty answer would be one that failed."""

TOKENS_A_SECOND = 32
"""What Gemini counts for sound in a prompt (Gemini API, audio understanding)."""

Form = TranscriptionForm | TranslationForm
_TRANSCRIBE = "Transcribe what is said in this recording, word for word, in the language in which it is said."
_TRANSLATE = "Translate what is said in this recording into English."
_PLAINLY = (
    "Answer with the words alone: no times, no notes, no names of speakers. "
    f"When nothing is said, answer {NOTHING} and nothing else."
)
_IN_SEGMENTS = (
    "Give them in segments of a sentence or two, ten seconds at most, each with the time at which it begins and the time "
    "at which it ends, as MM:SS.s from the beginning of the recording. No segment where nothing is said. "
    "`language` is the English name of the language that is spoken, in lower case."
)
_TIME = {"type": "string", "description": "MM:SS.s"}
_SCHEMA = {
    "type": "object",
    "properties": {
        "language": {"type": "string"},
        "segments": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"start": _TIME, "end": _TIME, "text": {"type": "string"}},
                "required": ["start", "end", "text"],
            },
        },
    },
    "required": ["language", "segments"],
}


class TranscriptionRequest:
    """One form, checked once. Raises Untranslatable."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.into_english = not isinstance(form, TranscriptionForm)
        self.stream = isinstance(form, TranscriptionForm) and bool(form.stream)
        self.timed = form.response_format in TIMED
        self._type = type_of(form.file.data)
        self.seconds = seconds_of(form.file.data)
        if isinstance(form, TranscriptionForm):
            _check(form)
        self._words = _in_words(form, timed=self.timed)

    def to_body(self, model: str, candidates: int) -> dict[str, Any]:
        """The body for a Gemini model. Raises Untranslatable for one that does not answer in words."""
        family = answering_family(model)
        parts: list[Part] = [{"inlineData": {"mimeType": self._type, "data": self._data}}, {"text": self._words}]
        schema = _SCHEMA if self.timed else None
        return to_question(family, parts, schema=schema, temperature=self.form.temperature)

    @cached_property
    def _data(self) -> str:
        return binascii.b2a_base64(self.form.file.data, newline=False).decode()

    @property
    def characters(self) -> int:
        """How long the prompt is, for an estimate: four a token; a sound of unknown length is taken for 64 kilobits a second."""
        seconds = self.seconds or len(self.form.file.data) / 8_000
        return len(self._words) + round(seconds * TOKENS_A_SECOND * 4)


def _check(form: TranscriptionForm) -> None:
    if form.response_format == "diarized_json":
        raise Untranslatable(
            "Speakers are not told apart here: ask for json, text, srt, vtt or verbose_json.",
            "response_format",
            "unsupported_value",
        )
    if form.timestamp_granularities is not None and "word" in form.timestamp_granularities:
        raise Untranslatable(
            "Gemini does not tell when each word is said: ask for segments.",
            "timestamp_granularities",
            "unsupported_value",
        )
    if form.stream and form.response_format in TIMED:
        raise Untranslatable(
            "Only json and text can be streamed: the times come with the whole answer.", "stream", "unsupported_value"
        )


def _in_words(form: Form, *, timed: bool) -> str:
    """What the model is told behind the recording."""
    told = [_TRANSCRIBE if isinstance(form, TranscriptionForm) else _TRANSLATE, _IN_SEGMENTS if timed else _PLAINLY]
    if isinstance(form, TranscriptionForm):
        if languages := [name for name in (form.language, *(form.languages or ())) if name]:
            told.append(f"The language is {' or '.join(languages)}.")
        if form.keywords:
            told.append(f"These words may come in it: {', '.join(form.keywords)}.")
    if form.prompt and form.prompt.strip():
        told.append(
            f"Keep to the spelling, names and style of this text, which is no part of it: {form.prompt.strip()}"
        )
    return "\n".join(told)
