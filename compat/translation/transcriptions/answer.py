"""Replies → a transcription: whole in each format, or as events."""

from typing import Any

import msgspec

from compat.schemas.gemini import Reply
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.finish_reason import to_finish_reason
from compat.translation.refusals import Untranslatable
from compat.translation.sse import to_event
from compat.translation.transcriptions.request import NOTHING, TOKENS_A_SECOND, TranscriptionRequest
from compat.translation.transcriptions.segments import (
    Segment,
    read_transcript,
    to_segments,
    to_srt,
    to_verbose,
    to_vtt,
)
from compat.translation.usage import Usage

JSON, PLAIN = "application/json", "text/plain; charset=utf-8"
_encode = msgspec.json.Encoder().encode


def has_segments(reply: Reply) -> bool:
    """True for a reply with segments, none among them, and for one that was cut or filtered: it is not asked for again."""
    return read_transcript(_text(reply)) is not None or _finish(reply) in {"length", "content_filter"}


def content_type(asked: TranscriptionRequest) -> str:
    """The media type of a whole answer."""
    return JSON if asked.form.response_format in {None, "json", "verbose_json"} else PLAIN


def to_transcription(asked: TranscriptionRequest, reply: Reply, usage: Usage) -> bytes:
    """The whole answer in the format that was asked for. Raises Untranslatable, EmptyAnswer."""
    text = _text(reply)
    _refuse_part(_finish(reply), reply)
    if not asked.timed:
        words = _words(text)
        if asked.form.response_format == "text":
            return f"{words}\n".encode()
        return _encode({"text": words} if asked.into_english else {"text": words, "usage": to_usage(usage)})
    transcript = read_transcript(text)
    if transcript is None:
        raise EmptyAnswer
    segments = to_segments(transcript, asked.seconds)
    match asked.form.response_format:
        case "srt":
            return to_srt(segments).encode()
        case "vtt":
            return to_vtt(segments).encode()
    return _encode(_verbose(asked, transcript.language, segments, usage))


def _verbose(asked: TranscriptionRequest, language: str, segments: list[Segment], usage: Usage) -> dict[str, Any]:
    duration = _duration(asked, segments, usage)
    temperature = asked.form.temperature or 0.0
    verbose: dict[str, Any] = {
        "task": "translate" if asked.into_english else "transcribe",
        "language": "english" if asked.into_english else language.strip().lower(),
        "duration": duration,
        "text": " ".join(segment.text for segment in segments),
        "segments": [to_verbose(segment, place, temperature) for place, segment in enumerate(segments)],
    }
    return verbose if asked.into_english else {**verbose, "usage": {"type": "duration", "seconds": duration}}


def _duration(asked: TranscriptionRequest, segments: list[Segment], usage: Usage) -> float:
    """Seconds: by the header of the file, else by the tokens that Gemini counted of it, else by the last segment."""
    if asked.seconds is not None:
        return round(asked.seconds, 3)
    if usage.audio_in:
        return round(usage.audio_in / TOKENS_A_SECOND, 3)
    return segments[-1].end if segments else 0.0


class TranscriptEvents:
    """The stream of one request: `read` takes each reply, `close` ends it."""

    def __init__(self) -> None:
        self._told = self._held = ""
        self._last: Reply | None = None
        self._finish: str | None = None

    def read(self, first_choice: int, reply: Reply) -> bytes:
        """The words that a reply adds; held back while they may be what says that there are none."""
        self._last = reply
        self._finish = _finish(reply) or self._finish
        self._held += _text(reply)
        if not self._held or NOTHING.startswith((self._told + self._held).strip()):
            return b""
        delta, self._held = self._held, ""
        self._told += delta
        return to_event(_encode({"type": "transcript.text.delta", "delta": delta}))

    def close(self, usage: Usage) -> bytes:
        """The words that were held back, and the whole text with the usage. Raises Untranslatable, EmptyAnswer."""
        if self._last is not None:
            _refuse_part(self._finish, self._last)
        rest, whole = _words(self._held), self._told + _words(self._held)
        events = to_event(_encode({"type": "transcript.text.delta", "delta": rest})) if rest else b""
        done = {"type": "transcript.text.done", "text": whole, "usage": to_usage(usage)}
        return events + to_event(_encode(done))

    def error(self, error: dict[str, Any], status: int) -> bytes:
        """The event that ends a stream which broke."""
        return to_event(_encode({"error": error}))

    def unfinished(self) -> bool:
        """True when the finishReason is missing: the answer was cut off."""
        return self._finish is None

    @property
    def text_length(self) -> int:
        """The characters of text so far."""
        return len(self._told) + len(self._held)


def to_usage(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage of a transcription by tokens."""
    prompt, completion = usage.totals()
    return {
        "type": "tokens",
        "input_tokens": prompt,
        "input_token_details": {
            "text_tokens": max(0, prompt - usage.audio_in),
            "audio_tokens": usage.audio_in,
        },
        "output_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _text(reply: Reply) -> str:
    candidate = reply.candidates[0] if reply.candidates else None
    parts = (candidate.content.parts if candidate and candidate.content else None) or ()
    return "".join(part.text or "" for part in parts if not part.thought)


def _words(text: str) -> str:
    return "" if text.strip() == NOTHING else text.strip()


def _finish(reply: Reply) -> str | None:
    """OpenAI's word for the end of the answer; None before it."""
    finish = reply.candidates[0].finishReason if reply.candidates else None
    return to_finish_reason(finish, called=False) if finish else None


def _refuse_part(finish: str | None, reply: Reply) -> None:
    """Raise Untranslatable for an answer that was cut: half a transcript must not pass for a whole one."""
    if finish == "length":
        raise Untranslatable("The recording is too long for one transcript: send it in pieces.", "file")
    if finish == "content_filter":
        why = reply.candidates[0].finishReason if reply.candidates else ""
        raise Untranslatable(f"Gemini would not write all of this recording down ({why}).", "file", "content_filter")
