"""inlineData of an answer → images as data URLs, sound as OpenAI's audio object."""

import base64
import re
import struct
from typing import Any

from compat.schemas.gemini import InlineData

_RATE = re.compile(r"rate=(\d+)")


def to_image(data: InlineData, index: int) -> dict[str, Any]:
    """An image as the image_url part that clients know from requests, with its place among the images."""
    return {"index": index, "type": "image_url", "image_url": {"url": f"data:{data.mimeType};base64,{data.data}"}}


def to_audio(data: InlineData, audio_id: str, created: int, wanted: str) -> dict[str, Any]:
    """OpenAI's audio object. Gemini's speech is bare 16-bit mono PCM: it gets a WAV header unless pcm16 was asked for."""
    sound = data.data
    if data.mimeType.startswith("audio/L16") and wanted != "pcm16":
        rate = _RATE.search(data.mimeType)
        sound = base64.b64encode(_wav(base64.b64decode(data.data), int(rate[1]) if rate else 24_000)).decode()
    return {"id": audio_id, "expires_at": created, "data": sound, "transcript": ""}


def _wav(samples: bytes, rate: int) -> bytes:
    """The samples behind a header of 44 bytes (RIFF WAVE, PCM, one channel, 16 bits)."""
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(samples))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
        + b"data"
        + struct.pack("<I", len(samples))
        + samples
    )
