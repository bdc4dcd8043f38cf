"""Segments with times, as the model told them and as they are mended; subtitles of them."""

import re
import zlib
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

_CLOCK = re.compile(r"\s*(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6}(?:[.,]\d{1,9})?)s?\s*", re.ASCII)


class Told(Struct):
    """One segment in the model's words."""

    text: str
    start: str | float = ""
    end: str | float = ""


class Transcript(Struct):
    """What the model tells where it is asked for times."""

    segments: list[Told]
    language: str = ""


class Segment(NamedTuple):
    """A stretch of the recording, in seconds from its beginning."""

    start: float
    end: float
    text: str


_decode = msgspec.json.Decoder(Transcript).decode


def read_transcript(text: str) -> Transcript | None:
    """The transcript in a text of JSON; None where it is none."""
    try:
        return _decode(text)
    except msgspec.DecodeError:
        return None


def to_segments(transcript: Transcript, seconds: float | None) -> list[Segment]:
    """The segments in order: none begins before the one ahead of it, ends before it begins, or outlasts the recording."""
    segments, at = [], 0.0
    for told in transcript.segments:
        text = " ".join(told.text.split())
        if not text:
            continue
        start = _within(at, to_seconds(told.start), seconds)
        end = _within(start, to_seconds(told.end), seconds)
        segments.append(Segment(start, end, text))
        at = start
    return segments


def to_seconds(clock: str | float) -> float | None:
    """Seconds from HH:MM:SS.s, MM:SS.s or seconds alone; None for what is no time."""
    found = _CLOCK.fullmatch(str(clock))
    if found is None:
        return None
    hours, minutes, rest = found.groups()
    return round(int(hours or 0) * 3_600 + int(minutes or 0) * 60 + float(rest.replace(",", ".")), 3)


def to_verbose(segment: Segment, place: int, temperature: float) -> dict[str, Any]:
    """OpenAI's segment. Gemini knows no likelihoods of it: they are 0."""
    data = segment.text.encode()
    return {
        "id": place,
        "seek": 0,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": [],
        "temperature": temperature,
        "avg_logprob": 0.0,
        "compression_ratio": round(len(data) / len(zlib.compress(data)), 3),
        "no_speech_prob": 0.0,
    }


def to_srt(segments: list[Segment]) -> str:
    """SubRip subtitles."""
    return "".join(
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{_cue(text)}\n\n"
        for number, (start, end, text) in enumerate(segments, 1)
    )


def to_vtt(segments: list[Segment]) -> str:
    """WebVTT subtitles."""
    cues = (f"{_clock(start, '.')} --> {_clock(end, '.')}\n{_cue(text)}\n\n" for start, end, text in segments)
    return "WEBVTT\n\n" + "".join(cues)


def _within(least: float, told: float | None, most: float | None) -> float:
    value = least if told is None else max(least, told)
    return value if most is None else round(max(least, min(value, most)), 3)


def _clock(seconds: float, mark: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1_000), 1_000)
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{whole:02}{mark}{milliseconds:03}"


def _cue(text: str) -> str:
    """A line that does not look like the times of a cue."""
    return text.replace("-->", "→")
