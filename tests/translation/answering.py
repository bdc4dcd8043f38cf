"""Replies as Gemini sends them, put through both ways out: whole, and as the stream that a client adds up again."""

import itertools
import json
from typing import Any

import msgspec

from compat.schemas.gemini import Reply
from compat.translation.chat.choice import Answering
from compat.translation.chat.chunks import ChatChunks
from compat.translation.chat.completion import to_completion
from compat.translation.tools import Declared
from compat.translation.usage import Usage

_reply = msgspec.json.Decoder(Reply)
CREATED = 1_700_000_000


def reply(*parts: Any, finish: str | None = "STOP", **candidate: Any) -> dict[str, Any]:
    """One reply with one candidate; texts may be given bare. `finish=None` leaves it unfinished."""
    made = [{"text": part} if isinstance(part, str) else part for part in parts]
    content = {"content": {"role": "model", "parts": made}} if parts else {}
    return {"candidates": [{**content, **({"finishReason": finish} if finish else {}), **candidate}]}


def call(name: str, args: Any = None, **members: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name} | ({} if args is None else {"args": args}), **members}


def decoded(given: dict[str, Any]) -> Reply:
    return _reply.decode(json.dumps(given))


class Kept(dict[str, str]):
    """The signatures that the translation asked to remember, by call id."""


def answering(declared: Declared | None = None, audio_format: str = "wav", kept: Kept | None = None) -> Answering:
    """A request's circumstances, its ids counted from 1."""
    numbers = itertools.count(1)
    remember = (Kept() if kept is None else kept).__setitem__
    return Answering(declared or Declared(), CREATED, lambda: f"call_{next(numbers)}", remember, audio_format)


def whole(given: dict[str, Any], **circumstances: Any) -> dict[str, Any]:
    """The completion that a reply becomes."""
    made = decoded(given)
    usage = Usage().merged(made.usageMetadata)
    return json.loads(to_completion("chatcmpl-1", "gpt-4o", [(0, made)], usage, answering(**circumstances)))


def message(given: dict[str, Any], **circumstances: Any) -> dict[str, Any]:
    """The message of the only choice."""
    (choice,) = whole(given, **circumstances)["choices"]
    return choice["message"]


def streamed(*given: dict[str, Any], choices: int = 1, include_usage: bool = False, **circumstances: Any) -> bytes:
    """The bytes of the stream that replies become."""
    chunks = ChatChunks("chatcmpl-1", "gpt-4o", choices, answering(**circumstances), include_usage=include_usage)
    usage, events = Usage(), b""
    for one in given:
        made = decoded(one)
        usage = usage.merged(made.usageMetadata)
        events += chunks.read(0, made)
    return events + chunks.close(usage)


def chunks_of(events: bytes) -> list[dict[str, Any]]:
    """The chunks in a stream, which ends with [DONE] and holds nothing but data events."""
    blocks = events.decode().split("\n\n")
    assert blocks.pop() == "" and blocks.pop() == "data: [DONE]"
    assert all(block.startswith("data: {") and "\n" not in block for block in blocks)
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def deltas(*given: dict[str, Any], **circumstances: Any) -> list[dict[str, Any]]:
    """Every delta of choice 0, in order."""
    made = chunks_of(streamed(*given, **circumstances))
    return [choice["delta"] for chunk in made for choice in chunk["choices"] if choice["index"] == 0]


def added_up(events: bytes) -> list[dict[str, Any]]:
    """The choices of a stream as a client adds them up: texts joined, calls by index, every list taken once."""
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks_of(events):
        for piece in chunk["choices"]:
            choice = choices.setdefault(piece["index"], {"message": {}, "finish_reason": None, "logprobs": None})
            assert choice["finish_reason"] is None, "something came after the finish"
            choice["finish_reason"] = piece["finish_reason"]
            _add_logprobs(choice, piece["logprobs"])
            _add_delta(choice["message"], piece["delta"])
    return [{"index": index, **choice} for index, choice in sorted(choices.items())]


def _add_logprobs(choice: dict[str, Any], logprobs: dict[str, Any] | None) -> None:
    if logprobs and choice["logprobs"]:
        choice["logprobs"]["content"] += logprobs["content"]
    elif logprobs:
        choice["logprobs"] = logprobs


def _add_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if name in {"content", "reasoning_content"}:
            message[name] = (message.get(name) or "") + (value or "")
        elif name == "tool_calls":
            for one in value:
                assert one["index"] == len(message.setdefault("tool_calls", [])), "calls are numbered without gaps"
                message["tool_calls"].append({key: part for key, part in one.items() if key != "index"})
        elif name == "images":
            message.setdefault("images", []).extend(value)
        elif name == "audio":
            known = message.setdefault("audio", {**value, "data": ""})
            assert known.keys() >= value.keys() and (known["data"] == "" or set(value) == {"data"})
            known["data"] += value["data"]
        else:
            assert name not in message or message[name] is None, f"{name} came twice"
            message[name] = value
