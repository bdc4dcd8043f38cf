"""Replies → one chat.completion."""

from typing import Any

import msgspec

from compat.schemas.gemini import Reply
from compat.translation.chat.choice import Answering, Choice
from compat.translation.usage import Usage, to_usage

_encode = msgspec.json.Encoder().encode


class EmptyAnswer(Exception):
    """Gemini said it was done, but nothing came that a client could use."""


def to_completion(
    completion_id: str, model: str, replies: list[tuple[int, Reply]], usage: Usage, answering: Answering
) -> bytes:
    """The JSON of a chat.completion from (first choice, reply) pairs, one a call. `model` is the name the client asked for.

    Raises EmptyAnswer when no choice holds anything and none was cut or filtered.
    """
    choices = [choice for first, reply in replies for choice in _choices(first, reply, answering)]
    if not choices or all(choice["empty"] and choice["finish_reason"] == "stop" for choice in choices):
        raise EmptyAnswer
    for choice in choices:
        del choice["empty"]
    return _encode(
        {
            "id": completion_id,
            "object": "chat.completion",
            "created": answering.created,
            "model": model,
            "choices": choices,
            "usage": to_usage(usage),
            "service_tier": "default",
            "system_fingerprint": replies[0][1].modelVersion,
        }
    )


def _choices(first: int, reply: Reply, answering: Answering) -> list[dict[str, Any]]:
    choices = []
    for place, candidate in enumerate(reply.candidates or ()):
        choice = Choice(first + (place if candidate.index is None else candidate.index), answering, whole=True)
        delta, logprobs = choice.read(candidate)
        choices.append(
            {
                "index": choice.index,
                "message": _message(delta | choice.closing_delta(), choice),
                "logprobs": logprobs,
                "finish_reason": choice.finish_reason,
                "empty": choice.is_empty,
            }
        )
    return sorted(choices, key=lambda choice: choice["index"])


def _message(delta: dict[str, Any], choice: Choice) -> dict[str, Any]:
    """The message that a single delta amounts to; its calls need no index here."""
    content = delta.get("content")
    if content is None and not choice.calls and not choice.refusal:
        content = ""
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": choice.refusal, "annotations": []}
    message |= {name: value for name, value in delta.items() if name != "content"}
    for call in message.get("tool_calls", ()):
        del call["index"]
    return message
