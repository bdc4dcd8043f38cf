"""The picture and the sound that the simulated image and speech models make."""

import math
import struct
from base64 import b64encode
from functools import lru_cache

from compat.simulator.wire import JsonObject

# Four pixels.
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR42mNwav3yytmU4fceVpMVwQAtKAYJkkk7BAAAAABJRU5ErkJggg=="
_RATE = 24_000
_SECONDS = 0.25
IMAGE_TOKENS = 1_120
AUDIO_TOKENS = 25


def picture() -> JsonObject:
    """A tiny PNG as inlineData."""
    return {"mimeType": "image/png", "data": _PNG}


@lru_cache(maxsize=1)
def sound() -> JsonObject:
    """A quarter of a second of 440 Hz: raw little-endian 16-bit mono, as Gemini's speech models send it."""
    count = int(_RATE * _SECONDS)
    samples = (int(8_000 * math.sin(2 * math.pi * 440 * moment / _RATE)) for moment in range(count))
    data = b64encode(struct.pack(f"<{count}h", *samples)).decode()
    return {"mimeType": f"audio/L16;codec=pcm;rate={_RATE}", "data": data}
