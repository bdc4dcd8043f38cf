"""Replies → the chat.completion.chunk events of a stream, as bytes ready to send."""

from typing import Any

import msgspec

from compat.schemas.gemini import Reply
from compat.translation.chat.choice import Answering, Choice
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.sse import DONE, to_event
from compat.translation.usage import Usage, to_usage

_encode = msgspec.json.Encoder().encode
_ROLE = b'{"role":"assistant","content":"","refusal":null}'


class ChatChunks:
    """The stream of one request. `read` takes each reply, `close` ends it; both give bytes of whole events."""

    def __init__(
        self, completion_id: str, model: str, choices: int, answering: Answering, *, include_usage: bool
    ) -> None:
        head = {
            "id": completion_id,
            "object": "chat.completion.chunk",
            "created": answering.created,
            "model": model,
            "service_tier": "default",
        }
        # What every chunk begins and ends with is encoded once; only the delta is encoded for each.
        self._head = _encode(head)[:-1] + b',"choices":['
        self._tail = b'],"usage":null}' if include_usage else b"]}"
        self._include_usage = include_usage
        self._choices = [Choice(index, answering) for index in range(choices)]
        self._begun = False

    def read(self, first_choice: int, reply: Reply) -> bytes:
        """The chunks that a reply adds; b"" for one without content. `first_choice` is the number of its candidate 0."""
        events = b"" if self._begun else self._begin()
        for place, candidate in enumerate(reply.candidates or ()):
            index = first_choice + (place if candidate.index is None else candidate.index)
            if index >= len(self._choices):
                continue
            delta, logprobs = self._choices[index].read(candidate)
            if delta or logprobs:
                events += self._chunk(index, _encode(delta), logprobs=_encode(logprobs) if logprobs else b"null")
        return events

    def close(self, usage: Usage) -> bytes:
        """The end of the stream: a finish chunk for each choice, the usage if it was asked for, and [DONE].

        Raises EmptyAnswer when nothing came that a client could use.
        """
        if all(choice.is_empty and choice.finish_reason == "stop" for choice in self._choices):
            raise EmptyAnswer
        events = b"" if self._begun else self._begin()
        for choice in self._choices:
            closing = choice.closing_delta()
            if choice.refusal:
                closing["refusal"] = choice.refusal
            if closing:
                events += self._chunk(choice.index, _encode(closing))
            events += self._chunk(choice.index, b"{}", finish=_encode(choice.finish_reason))
        if self._include_usage:
            events += to_event(self._head + b'],"usage":' + _encode(to_usage(usage)) + b"}")
        return events + DONE

    def error(self, error: dict[str, Any], status: int) -> bytes:
        """The event that ends a stream which broke midway: no [DONE] follows it."""
        return to_event(_encode({"error": error}))

    def unfinished(self) -> bool:
        """True when a choice that came lacks its finishReason, or none came: the stream was cut off."""
        started = [choice for choice in self._choices if choice.started]
        return not started or any(choice.finish is None for choice in started)

    @property
    def text_length(self) -> int:
        """The characters of text sent so far, for an estimate where counts are missing."""
        return sum(choice.text_length for choice in self._choices)

    def _begin(self) -> bytes:
        """Every choice in order, with its role: accumulators want choice 0 first and new ones ascending."""
        self._begun = True
        return b"".join(self._chunk(choice.index, _ROLE) for choice in self._choices)

    def _chunk(self, index: int, delta: bytes, *, logprobs: bytes = b"null", finish: bytes = b"null") -> bytes:
        return to_event(
            b'%b{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b}%b'
            % (self._head, index, delta, logprobs, finish, self._tail)
        )
