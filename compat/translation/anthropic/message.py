"""Replies → one message, whole or as the events of its stream."""

from collections.abc import Iterable
from typing import Any

import msgspec

from compat.schemas.gemini import Reply
from compat.translation.anthropic.blocks import Blocks, Event, Telling
from compat.translation.anthropic.errors import to_error
from compat.translation.chat.choice import Answering, Choice
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.sse import to_named_event
from compat.translation.usage import NO_USAGE, Usage

_encode = msgspec.json.Encoder().encode

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
"""finish_reason → stop_reason. Gemini does not tell a stop sequence from an end of its own."""


class Answer:
    """One message, reply by reply."""

    def __init__(self, message_id: str, model: str, answering: Answering, telling: Telling) -> None:
        self.choice = Choice(0, answering)
        self._blocks = Blocks(telling)
        self._head = {"id": message_id, "type": "message", "role": "assistant", "model": model}

    def read(self, reply: Reply) -> Iterable[Event]:
        """The events that a reply adds."""
        for candidate in reply.candidates or ():
            if not candidate.index:
                delta, _ = self.choice.read(candidate)
                yield from self._blocks.read(delta)

    def close(self) -> Iterable[Event]:
        """The events that end the content. Raises EmptyAnswer when nothing came that a client could use."""
        choice = self.choice
        if choice.is_empty and choice.finish_reason == "stop":
            raise EmptyAnswer
        if choice.refusal:
            yield from self._blocks.say(choice.refusal)
        yield from self._blocks.close()

    @property
    def stop_reason(self) -> str:
        """Why the message ended."""
        return STOP_REASONS[self.choice.finish_reason]

    def message(self, usage: Usage, stop_reason: str | None) -> dict[str, Any]:
        """The message as far as it got; without a stop reason it has only begun."""
        content = self._blocks.blocks if stop_reason else []
        end = {"stop_reason": stop_reason, "stop_sequence": None, "usage": to_usage(usage)}
        return {**self._head, "content": content, **end}


def to_message(answer: Answer, replies: list[tuple[int, Reply]], usage: Usage) -> bytes:
    """The JSON of a whole message. Raises EmptyAnswer."""
    for _, reply in replies:
        for _event in answer.read(reply):
            pass
    for _event in answer.close():
        pass
    return _encode(answer.message(usage, answer.stop_reason))


class MessageEvents:
    """The stream of a message. `read` takes each reply, `close` ends it; both give bytes of whole events."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._begun = False

    def read(self, first_choice: int, reply: Reply) -> bytes:
        """The events that a reply adds. The first tells what the prompt counts, if Gemini has said it by then."""
        return self._opening(NO_USAGE.merged(reply.usageMetadata)) + _told(self._answer.read(reply))

    def close(self, usage: Usage) -> bytes:
        """The end: the stop reason with the counts, then message_stop. Raises EmptyAnswer."""
        told = self._opening(usage) + _told(self._answer.close())
        delta = {"stop_reason": self._answer.stop_reason, "stop_sequence": None}
        ends = ({"type": "message_delta", "delta": delta, "usage": to_usage(usage)}, {"type": "message_stop"})
        return told + _told(ends)

    def error(self, error: dict[str, Any], status: int) -> bytes:
        """The event that ends a stream which broke."""
        return _event({"type": "error", "error": to_error(error, status)})

    def unfinished(self) -> bool:
        """True when the stream was cut off."""
        return self._answer.choice.finish is None

    @property
    def text_length(self) -> int:
        """Characters of text so far."""
        return self._answer.choice.text_length

    def _opening(self, usage: Usage) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return _event({"type": "message_start", "message": self._answer.message(usage, None)})


def to_usage(usage: Usage) -> dict[str, Any]:
    """Anthropic's usage object: input_tokens are those that no cache held."""
    prompt, completion = usage.totals()
    return {
        "input_tokens": max(0, prompt - usage.cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": completion,
        "service_tier": "standard",
    }


def _told(events: Iterable[Event]) -> bytes:
    return b"".join(map(_event, events))


def _event(event: Event) -> bytes:
    return to_named_event(event["type"], _encode(event))
