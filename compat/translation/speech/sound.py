"""Replies → sound as it comes: the bytes of a file, or OpenAI's events with those bytes in base64."""

import binascii
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from compat.schemas.gemini import Reply
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.finish_reason import to_finish_reason
from compat.translation.media import samples_rate, to_bytes, wav_header
from compat.translation.refusals import Untranslatable
from compat.translation.sse import to_event
from compat.translation.usage import Usage

CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
# Gemini counts 25 tokens a second of speech, and an estimate is four characters a token.
_CHARACTERS_A_SECOND = 100
_encode = msgspec.json.Encoder().encode


class Encoder(Protocol):
    """Makes one format of the samples of one sound, 16-bit mono."""

    async def encode(self, samples: bytes) -> bytes:
        """What so many more samples add to the file."""

    async def close(self) -> bytes:
        """The end of the file."""


MakeEncoder = Callable[[int], Encoder]
"""Samples a second → a new encoder."""


class Samples:
    """The samples as they are, behind a WAV header if wanted: its length is not known when it is sent."""

    def __init__(self, rate: int, *, header: bool) -> None:
        self._head = wav_header(rate) if header else b""

    async def encode(self, samples: bytes) -> bytes:
        """The same."""
        head, self._head = self._head, b""
        return head + samples

    async def close(self) -> bytes:
        """Nothing."""
        return b""


PLAIN: dict[str, MakeEncoder] = {
    "wav": lambda rate: Samples(rate, header=True),
    "pcm": lambda rate: Samples(rate, header=False),
}
"""The formats that need no library."""


class SpeechStream:
    """The stream of one request: `read` takes each reply, `close` ends it."""

    def __init__(self, make_encoder: MakeEncoder, *, as_events: bool) -> None:
        self._make_encoder = make_encoder
        self._as_events = as_events
        self._encoder: Encoder | None = None
        self._rate = 1
        self._odd = b""
        self._size = 0
        self._finish: str | None = None

    async def read(self, first_choice: int, reply: Reply) -> bytes:
        """The sound that a reply adds; b"" for one without."""
        samples = self._odd + b"".join(self._pieces(reply))
        whole = len(samples) // 2 * 2
        samples, self._odd = samples[:whole], samples[whole:]
        if not samples:
            return b""
        self._size += whole
        if self._encoder is None:
            self._encoder = self._make_encoder(self._rate)
        return self._told(await self._encoder.encode(samples))

    async def close(self, usage: Usage) -> bytes:
        """The end of the sound, and the usage in a last event. Raises EmptyAnswer, or Untranslatable for half a speech."""
        finish = to_finish_reason(self._finish, called=False)
        if finish == "content_filter":
            raise Untranslatable(f"Gemini would not say all of this text ({self._finish}).", "input", "content_filter")
        if finish == "length":
            raise Untranslatable("The text is too long to be said at once: send it in pieces.", "input")
        if self._encoder is None:
            raise EmptyAnswer
        told = self._told(await self._encoder.close())
        if self._as_events:
            told += to_event(_encode({"type": "speech.audio.done", "usage": to_usage(usage)}))
        return told

    def error(self, error: dict[str, Any], status: int) -> bytes:
        """The event that ends a stream which broke; in bare sound nothing can be said."""
        return to_event(_encode({"error": error})) if self._as_events else b""

    def unfinished(self) -> bool:
        """True when the finishReason is missing: the sound was cut off."""
        return self._finish is None

    @property
    def text_length(self) -> int:
        """As many characters as would be estimated at the tokens of the sound so far."""
        return -(-self._size * _CHARACTERS_A_SECOND // (2 * self._rate))

    def _pieces(self, reply: Reply) -> list[bytes]:
        pieces = []
        for candidate in (reply.candidates or ())[:1]:
            self._finish = candidate.finishReason or self._finish
            for part in (candidate.content.parts if candidate.content else None) or ():
                if part.inlineData is not None and (rate := samples_rate(part.inlineData.mimeType)):
                    self._rate = rate
                    pieces.append(to_bytes(part.inlineData))
        return pieces

    def _told(self, sound: bytes) -> bytes:
        if not self._as_events or not sound:
            return sound
        audio = binascii.b2a_base64(sound, newline=False).decode()
        return to_event(_encode({"type": "speech.audio.delta", "audio": audio}))


def to_usage(usage: Usage) -> dict[str, int]:
    """OpenAI's usage of a speech."""
    prompt, completion = usage.totals()
    return {"input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion}
