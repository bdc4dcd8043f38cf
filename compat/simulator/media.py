"""The image and the sound that the simulated image and speech models make, and what is heard in a sound."""

import math
import struct
import zlib
from array import array
from base64 import b64decode, b64encode
from functools import lru_cache

from compat.simulator.wire import JsonObject

# Width and height at 1K (Gemini API, image generation); the other imageSizes are halves and multiples of them.
_SHAPES = {
    **{"1:1": (1024, 1024), "2:3": (832, 1248), "3:2": (1248, 832), "3:4": (864, 1184), "4:3": (1184, 864)},
    **{"4:5": (896, 1152), "5:4": (1152, 896), "9:16": (768, 1344), "16:9": (1344, 768), "21:9": (1536, 672)},
    **{"1:4": (512, 2048), "4:1": (2048, 512), "1:8": (384, 3072), "8:1": (3072, 384)},
}
_SCALES = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}
_RATE = 24_000
_SECONDS_A_CHARACTER = 0.05
_LEAST_SECONDS = 0.24
TOKENS_A_SECOND = 25
_SAMPLES_A_TOKEN = _RATE // TOKENS_A_SECOND
# Of base64: 12 tokens.
_PIECE = 12 * _SAMPLES_A_TOKEN * 2 // 3 * 4
_MARK = b"said"
IMAGE_TOKENS = 1_120


def image(config: JsonObject) -> JsonObject:
    """A plain PNG as inlineData, of the shape and size that the imageConfig asks for."""
    width, height = _SHAPES[config.get("aspectRatio", "1:1")]
    scale = _SCALES[config.get("imageSize", "1K")]
    return {"mimeType": "image/png", "data": _png(int(width * scale), int(height * scale))}


@lru_cache(maxsize=64)
def _png(width: int, height: int) -> str:
    """One blue in one bit a pixel: some hundred bytes, whatever its size."""
    head = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(-(-width // 8))) * height, 9)
    chunks = ((b"IHDR", head), (b"PLTE", bytes((66, 133, 244))), (b"IDAT", rows), (b"IEND", b""))
    return b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def sound(text: str) -> JsonObject:
    """A tone as long as it would take to say the text: raw little-endian 16-bit mono, as Gemini's speech models send it.

    The text stands in the lowest bits of the first samples, where nobody hears it: `heard` finds it again.
    """
    words = text.encode()
    said = _MARK + len(words).to_bytes(4) + words
    seconds = max(_LEAST_SECONDS, len(text) * _SECONDS_A_CHARACTER)
    count = max(_SAMPLES_A_TOKEN * math.ceil(seconds * TOKENS_A_SECOND), 8 * len(said))
    samples = array("h", (_one_second() * (count // _RATE + 1))[: 2 * count])
    for place, byte in enumerate(said):
        for bit in range(8):
            at = 8 * place + bit
            samples[at] = samples[at] & ~1 | byte >> bit & 1
    return {"mimeType": f"audio/L16;codec=pcm;rate={_RATE}", "data": b64encode(samples.tobytes()).decode()}


def heard(data: str) -> str | None:
    """The text in a sound of ours, bare or in a WAV file; None for any other sound. `data` is base64."""
    sound = b64decode(data)
    at = sound.find(b"data", 0, 200) + 8 if sound.startswith(b"RIFF") else 0
    samples = array("h", sound[at : at + (len(sound) - at) // 2 * 2])
    if _bytes_of(samples, 0, len(_MARK)) != _MARK:
        return None
    length = int.from_bytes(_bytes_of(samples, len(_MARK), 4))
    return _bytes_of(samples, len(_MARK) + 4, length).decode(errors="replace")


def is_silent(sound: JsonObject) -> bool:
    """Whether a sound is bare samples or a WAV file without any."""
    return sound.get("mimeType", "").startswith(("audio/wav", "audio/L16")) and not any(b64decode(sound["data"])[44:])


def seconds_of(media: JsonObject) -> float:
    """How long a sound is: that of bare samples and WAV files is known, others are taken for 64 kilobits a second."""
    size = len(media.get("data", "")) * 3 / 4
    bare = media.get("mimeType", "") == "audio/wav" or media.get("mimeType", "").startswith("audio/L16")
    return size / (2 * _RATE) if bare else size / 8_000


def sound_tokens(data: str) -> int:
    """The tokens of so much sound of ours: 25 a second."""
    return -(-len(data) * 3 // 4 // (2 * _SAMPLES_A_TOKEN)) or 1


def sound_pieces(data: JsonObject) -> list[JsonObject]:
    """The sound in pieces of half a second, as a stream brings it."""
    text = data["data"]
    return [{**data, "data": text[at : at + _PIECE]} for at in range(0, len(text), _PIECE)]


@lru_cache(maxsize=1)
def _one_second() -> bytes:
    tone = (int(8_000 * math.sin(2 * math.pi * 440 * moment / _RATE)) for moment in range(_RATE))
    return array("h", tone).tobytes()


def _bytes_of(samples: "array[int]", start: int, count: int) -> bytes:
    bits = samples[8 * start : 8 * (start + count)]
    return bytes(sum((bits[8 * n + bit] & 1) << bit for bit in range(8)) for n in range(len(bits) // 8))
