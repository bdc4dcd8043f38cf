"""Replies → one chat.completion."""

from operator import itemgetter
from typing import Any

import msgspec

from compat.schemas.gemini import Candidate, Reply
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
    choices, is_empty = [], True
    for first, reply in replies:
        for place, candidate in enumerate(reply.candidates or ()):
            choice = Choice(first + (place if candidate.index is None else candidate.index), answering, whole=True)
            told = _choice(choice, candidate)
            is_empty = is_empty and choice.is_empty and told["finish_reason"] == "stop"
            choices.append(told)
    if is_empty:
        raise EmptyAnswer
    choices.sort(key=itemgetter("index"))
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


def _choice(choice: Choice, candidate: Candidate) -> dict[str, Any]:
    delta, logprobs = choice.read(candidate)
    return {
        "index": choice.index,
        "message": _message(delta | choice.closing_delta(), choice),
        "logprobs": logprobs,
        "finish_reason": choice.finish_reason,
    }


def _message(delta: dict[str, Any], choice: Choice) -> dict[str, Any]:
    """The message that a single delta amounts to; its calls need no index here."""
    refusal = choice.refusal
    content = None if choice.calls or refusal else ""
    message = {"role": "assistant", "content": content, "refusal": refusal, "annotations": [], **delta}
    for call in message.get("tool_calls", ()):
        del call["index"]
    return message
