"""The bytes of a recording: which type they show, and how long it lasts where they tell."""

import re

from compat.translation.refusals import Untranslatable

_MAGIC = (
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"fLaC"), "audio/flac"),
    (re.compile(rb"OggS"), "audio/ogg"),
    (re.compile(rb"FORM....AIF[FC]", re.DOTALL), "audio/aiff"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "audio/aac"),
    (re.compile(rb"ID3|\xff[\xe2-\xff]"), "audio/mp3"),
    (re.compile(rb"....ftypqt", re.DOTALL), "video/quicktime"),
    (re.compile(rb"....ftyp3g", re.DOTALL), "video/3gpp"),
    (re.compile(rb"....ftyp", re.DOTALL), "video/mp4"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "video/webm"),
    (re.compile(rb"\x00\x00\x01[\xb3\xba]"), "video/mpeg"),
)
"""First bytes → the type under which Gemini takes them: webm and mp4 files, with sound alone too, come as films."""


# Before its sound; a file of empty ones would take a second to walk through.
_MOST_CHUNKS = 100


def type_of(data: bytes) -> str:
    """The media type that the bytes show, whatever the client calls them. Raises Untranslatable for what is no sound."""
    head = data[:16]
    for magic, mime_type in _MAGIC:
        if magic.match(head):
            return mime_type
    if not data:
        raise Untranslatable("The file is empty.", "file")
    raise Untranslatable("Unsupported file: send flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav, webm, aac or aiff.", "file")


def seconds_of(data: bytes) -> float | None:
    """How long a WAV file lasts, by its header; None for the others, and for a header that was written before the sound."""
    if not data.startswith(b"RIFF"):
        return None
    bytes_a_second, at = 0, 12
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            break
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"fmt ":
            bytes_a_second = int.from_bytes(data[at + 16 : at + 20], "little")
        elif name == b"data":
            return min(size, len(data) - at - 8) / bytes_a_second if bytes_a_second else None
        at += 8 + size + size % 2
    return None
