"""Conversations that are too long for a model, without their oldest messages (OpenAI API, truncation: auto)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from compat.schemas.chat import (
    AssistantMessage,
    Message,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from compat.translation.chat.request import ChatTranslation
from compat.translation.families import family_of
from compat.translation.usage import estimate_tokens

_encode = msgspec.json.Encoder().encode

# Our estimate may be too high by so much: below that it is for Gemini to say that a prompt is too long.
_SURELY = 1.2
# What is no text: about an image (Gemini API, tokens).
_TOKENS_OF_MEDIA = 258


class CutTranslation(ChatTranslation):
    """A chat whose oldest messages are left out as far as a model takes no more."""

    def to_body(self, model: str, candidates: int) -> dict[str, Any]:
        """The body, cut where the prompt is longer than the model takes by all that we know."""
        return self._body_of(self._taken(model), model, candidates)

    def to_shorter(self, model: str, candidates: int, share: float) -> dict[str, Any] | None:
        """A body whose prompt has this share of the tokens of the other; None where nothing can be left out."""
        sent = self._taken(model)
        shorter = cut(sent, int(share * (self._tokens_of_tools + _tokens(sent))) - self._tokens_of_tools)
        return None if shorter == sent else self._body_of(shorter, model, candidates)

    def _taken(self, model: str) -> list[Message]:
        messages, most = self.request.messages, family_of(model).input_limit
        if self._tokens_of_tools + _tokens(messages) <= most * _SURELY:
            return messages
        return cut(messages, most - self._tokens_of_tools)

    def _body_of(self, messages: list[Message], model: str, candidates: int) -> dict[str, Any]:
        if messages is self.request.messages:
            return super().to_body(model, candidates)
        request = msgspec.structs.replace(self.request, messages=messages)
        return ChatTranslation(request, self._recall, runs_code=self._runs_code).to_body(model, candidates)

    @property
    def _tokens_of_tools(self) -> int:
        return estimate_tokens(len(_encode(self.request.tools))) if self.request.tools else 0


def cut(messages: Sequence[Message], most_tokens: int) -> list[Message]:
    """The messages without so many of the oldest that the rest has so many tokens by an estimate, or as few as may be.

    Instructions stay, the last words of the user, and the last message; a call goes with its results. Each that goes leaves
    an empty message in its place, so that paths to the others hold.
    """
    left = list(messages)
    over = _tokens(messages) - most_tokens
    last_user = max((place for place, one in enumerate(messages) if isinstance(one, UserMessage)), default=-1)
    units = _units(messages)
    for place, message in enumerate(messages):
        unit = units[place]
        # What a user's words that go were answered goes with them.
        follows = 0 < place < last_user and not isinstance(message, UserMessage) and left[place - 1] is _GONE
        if over <= 0 and not follows:
            break
        if isinstance(message, SystemMessage) or place == last_user or len(messages) - 1 in unit:
            continue
        for member in unit:
            if left[member] is not _GONE:
                over -= _weight(messages[member])
                left[member] = _GONE
    return left


_GONE = AssistantMessage()
"""Stands for one that was left out: nothing comes of it."""


def _units(messages: Sequence[Message]) -> list[list[int]]:
    """For each message the places of what goes when it goes: itself and the results of its calls, which go with nothing else."""
    units = [[place] for place in range(len(messages))]
    made_by = {call.id: place for place, one in enumerate(messages) for call in _calls(one)}
    for place, message in enumerate(messages):
        if isinstance(message, ToolMessage) and message.tool_call_id in made_by:
            units[made_by[message.tool_call_id]].append(place)
            units[place] = []
    return units


def _calls(message: Message) -> Sequence[ToolCall]:
    return (message.tool_calls if isinstance(message, AssistantMessage) else None) or ()


def _tokens(messages: Sequence[Message]) -> int:
    return sum(map(_weight, messages))


def _weight(message: Message) -> int:
    content = message.content
    parts = () if content is None or isinstance(content, str) else content
    characters = len(content) if isinstance(content, str) else 0
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    characters += sum(map(len, texts)) + sum(len(_encode(call)) for call in _calls(message))
    return -(-characters // 4) + _TOKENS_OF_MEDIA * (len(parts) - len(texts))
