"""Gemini's replies as they came, members and all; and the two forms of its streams: events, and an array that grows."""

from typing import Any

import msgspec

from compat.schemas.gemini import EmbeddingReply, Reply
from compat.translation.gemini.errors import to_envelope
from compat.translation.sse import to_event
from compat.translation.substance import blocked_reason, text_length
from compat.translation.usage import Usage

# Gemini's clients know no comments in a stream; white space is nothing in both of its forms.
KEEP_ALIVE = b"\n"

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_embedding = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def to_reply(reply: Reply, response_id: str) -> bytes:
    """The reply, each member as it came, on one line. Its id becomes ours.

    By Google's own id, whoever lent the key could find the answer among what their project did.
    """
    members = _members(reply.text)
    if "responseId" in members:
        members["responseId"] = msgspec.Raw(_encode(response_id))
    # Outside its strings JSON breaks lines for the eye alone.
    return b" ".join(_encode(members).splitlines())


def to_one_embedding(reply: EmbeddingReply) -> bytes:
    """The answer of embedContent, from that of a batch of one."""
    members = _members(reply.text)
    embedding = _embedding(members.pop("embeddings"))[0]
    return _encode({"embedding": embedding, **members})


class GeminiEvents:
    """The stream of one request as Server-Sent Events, each a whole reply (Gemini API, alt=sse)."""

    def __init__(self, response_id: str) -> None:
        self.text_length = 0
        """Characters of text so far."""
        self._id = response_id
        self._ended: dict[int, bool] = {}

    def read(self, first_choice: int, reply: Reply) -> bytes:
        """The event that a reply is."""
        for place, candidate in enumerate(reply.candidates or ()):
            index = place if candidate.index is None else candidate.index
            self._ended[index] = self._ended.get(index, False) or bool(candidate.finishReason)
        if blocked_reason(reply) is not None:
            self._ended[0] = True
        self.text_length += text_length(reply)
        return self._framed(to_reply(reply, self._id))

    def close(self, usage: Usage) -> bytes:
        """Nothing: the last reply has said that it is the last."""
        return b""

    def error(self, error: dict[str, Any], status: int) -> bytes:
        """The event that ends a stream which broke."""
        return self._framed(to_envelope(error, status))

    def unfinished(self) -> bool:
        """True when a candidate that came lacks its finishReason, or none came: the stream was cut off."""
        return not self._ended or not all(self._ended.values())

    def _framed(self, json: bytes) -> bytes:
        return to_event(json)


class GeminiArray(GeminiEvents):
    """The same as one JSON array that grows (Gemini API, without alt=sse)."""

    _begun = False

    def close(self, usage: Usage) -> bytes:
        """The array's end."""
        return b"]\n"

    def error(self, error: dict[str, Any], status: int) -> bytes:
        """The last item of an array that broke."""
        return super().error(error, status) + b"]\n"

    def _framed(self, json: bytes) -> bytes:
        before, self._begun = (b"," if self._begun else b"["), True
        return before + json + b"\n"
