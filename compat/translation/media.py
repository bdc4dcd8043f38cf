"""inlineData of an answer → images as data URLs, sound as OpenAI's audio object."""

import binascii
import re
import struct
from typing import Any

from compat.schemas.gemini import InlineData

_SAMPLES = re.compile(r"audio/(?:L16|pcm)\b(?:.*\brate=(\d{4,6}))?", re.IGNORECASE)
_USUAL_RATE = 24_000
UNKNOWN_LENGTH = 0xFFFFFFFF
"""What a header says whose sound is not made yet; OpenAI's streams say the same, and players read on to the end."""


def to_image(data: InlineData, index: int) -> dict[str, Any]:
    """An image as the image_url part that clients know from requests, with its place among the images."""
    return {"index": index, "type": "image_url", "image_url": {"url": f"data:{data.mimeType};base64,{data.data}"}}


def samples_rate(mime_type: str) -> int | None:
    """Samples a second of bare 16-bit mono PCM (Gemini API, speech); None for sound that has a header of its own."""
    bare = _SAMPLES.match(mime_type)
    return int(bare[1] or _USUAL_RATE) if bare else None


def to_bytes(data: InlineData) -> bytes:
    """The bytes themselves; none of what is no base64."""
    try:
        return binascii.a2b_base64(data.data)
    except ValueError:
        return b""


def wav_header(rate: int, length: int = UNKNOWN_LENGTH) -> bytes:
    """The 44 bytes before so many bytes of samples (RIFF WAVE, PCM, one channel, 16 bits)."""
    whole = min(36 + length, UNKNOWN_LENGTH)
    return (
        b"RIFF"
        + struct.pack("<I", whole)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
        + b"data"
        + struct.pack("<I", length)
    )


class SpokenAnswer:
    """The sound of one chat answer as OpenAI's audio object: told as it comes, or whole at the end.

    Gemini's speech is bare PCM: it gets a WAV header unless pcm16 is wanted.
    """

    def __init__(self, audio_id: str, expires_at: int, wanted: str, *, whole: bool) -> None:
        # Told once, with the first of the sound: accumulators add up what comes again.
        self._once: dict[str, Any] = {"id": audio_id, "expires_at": expires_at, "transcript": ""}
        self._bare = wanted == "pcm16"
        self._whole = whole
        self._rate: int | None = None
        self._begun = False
        self._held = b""

    def add(self, data: InlineData) -> None:
        """The next piece."""
        piece = to_bytes(data)
        if not piece:
            return
        if not self._begun:
            self._begun = True
            self._rate = None if self._bare else samples_rate(data.mimeType)
            if self._rate and not self._whole:
                self._held = wav_header(self._rate)
        self._held += piece

    def more(self) -> dict[str, Any]:
        """What may be told by now: a delta. Only the last base64 is padded, for clients put the texts together."""
        return {} if self._whole else self._tell(len(self._held) // 3 * 3)

    def end(self) -> dict[str, Any]:
        """What is left to tell: a delta."""
        if self._whole and self._rate:
            self._held = wav_header(self._rate, len(self._held)) + self._held
        return self._tell(len(self._held))

    def _tell(self, length: int) -> dict[str, Any]:
        told, self._held = self._held[:length], self._held[length:]
        if not told:
            return {}
        once, self._once = self._once, {}
        return {"audio": {**once, "data": binascii.b2a_base64(told, newline=False).decode()}}
