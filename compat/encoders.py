"""Samples → compressed sound, off the event loop.

mp3 by lameenc (LAME, which lets other threads run meanwhile); opus, aac and flac by PyAV (FFmpeg), which is there only where
an operator has installed it: it takes 100 MB.
"""

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from typing import Any, Protocol

import lameenc

from compat.translation.refusals import Untranslatable
from compat.translation.speech.sound import PLAIN, MakeEncoder

_KILOBITS = 64
"""Of mp3, opus and aac: as good as speech of 24,000 samples a second can be told from its original."""

# A second of speech takes three to four thousandths of one, so two threads are enough for hundreds of streams.
_workers = ThreadPoolExecutor(2, thread_name_prefix="sound")


class _Codec(Protocol):
    def encode(self, samples: bytes) -> bytes:
        """What more samples add."""

    def close(self) -> bytes:
        """The end."""


class OffLoop:
    """A codec that is made and works in a thread of a small pool; one piece of a stream at a time."""

    def __init__(self, make: Callable[[], _Codec]) -> None:
        self._make = make
        self._codec: _Codec | None = None

    async def encode(self, samples: bytes) -> bytes:
        """What more samples add."""
        return await asyncio.get_running_loop().run_in_executor(_workers, self._encode, samples)

    async def close(self) -> bytes:
        """The end."""
        return await asyncio.get_running_loop().run_in_executor(_workers, self._ready().close)

    def _encode(self, samples: bytes) -> bytes:
        return self._ready().encode(samples)

    def _ready(self) -> _Codec:
        if self._codec is None:
            self._codec = self._make()
        return self._codec


class _Lame:
    """MPEG audio, layer III."""

    def __init__(self, rate: int) -> None:
        self._lame = lameenc.Encoder()
        self._lame.silence()
        self._lame.set_channels(1)
        self._lame.set_in_sample_rate(rate)
        self._lame.set_bit_rate(_KILOBITS)

    def encode(self, samples: bytes) -> bytes:
        return bytes(self._lame.encode(samples))

    def close(self) -> bytes:
        return bytes(self._lame.flush())


class _Sink(io.RawIOBase):
    """Where FFmpeg writes: it cannot go back, so nothing is written that would have to be mended."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._written += data
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._written)
        self._written.clear()
        return taken


class _Av:
    """A codec and container of FFmpeg's."""

    def __init__(self, container: str, codec: str, rate: int) -> None:
        # Here, in a thread: it takes a tenth of a second and 100 MB the first time.
        import av

        self._make_frame: Any = av.AudioFrame
        self._rate = rate
        self._sink = _Sink()
        self._file = av.open(self._sink, "w", format=container)
        # Opus has rates of its own, 48,000 among them; the resampler makes frames of the size that the codec wants.
        made_rate = 48_000 if codec == "libopus" else rate
        stream: Any = self._file.add_stream(codec, rate=made_rate, layout="mono")
        self._stream = stream
        if codec != "flac":
            stream.bit_rate = _KILOBITS * 1_000
        context: Any = stream.codec_context
        context.open()
        size = context.frame_size or None
        self._resampler = av.AudioResampler(context.format, "mono", made_rate, frame_size=size)

    def encode(self, samples: bytes) -> bytes:
        frame = self._make_frame(format="s16", layout="mono", samples=len(samples) // 2)
        frame.sample_rate = self._rate
        frame.planes[0].update(samples)
        self._mux(frame)
        return self._sink.taken()

    def close(self) -> bytes:
        self._mux(None)
        self._file.mux(self._stream.encode(None))
        self._file.close()
        return self._sink.taken()

    def __del__(self) -> None:
        """Close the file of a client that left: until then FFmpeg keeps megabytes, which nobody but the collector finds."""
        with suppress(Exception):
            self._file.close()

    def _mux(self, frame: Any) -> None:
        for ready in self._resampler.resample(frame):
            self._file.mux(self._stream.encode(ready))


_AV = {"opus": ("ogg", "libopus"), "aac": ("adts", "aac"), "flac": ("flac", "flac")}
"""response_format → container, codec."""


def encoder_of(response_format: str) -> MakeEncoder:
    """What makes encoders of the format. Raises Untranslatable for one whose library is not installed here."""
    if plain := PLAIN.get(response_format):
        return plain
    if response_format == "mp3":
        return lambda rate: OffLoop(partial(_Lame, rate))
    if find_spec("av") is None:
        raise Untranslatable(
            f"This server cannot make {response_format}: its operator has not installed PyAV (pip install av). "
            "Ask for mp3, wav or pcm.",
            "response_format",
            "unsupported_value",
        )
    container, codec = _AV[response_format]
    return lambda rate: OffLoop(partial(_Av, container, codec, rate))
