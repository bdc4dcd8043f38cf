"""The content blocks of an answer as they grow: the same for whole and streamed answers."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from compat.translation.signatures import signature_of

Event = dict[str, Any]
"""An event of the stream. It may hold a block that grows: encode it before reading on."""
Block = dict[str, Any]


class Telling(NamedTuple):
    """What an answer's blocks need to know; made once a request."""

    thoughts: bool
    """Whether the client asked for thinking."""
    seal: Callable[[dict[str, str]], str]
    """Thought signatures by call id → a thinking block's signature."""


class Blocks:
    """Takes what a choice's deltas bring; every method gives the events that tell of it."""

    def __init__(self, telling: Telling) -> None:
        self.blocks: list[Block] = []
        self._telling = telling
        self._open = False

    def read(self, delta: dict[str, Any]) -> Iterator[Event]:
        """What a delta of chat's adds."""
        if self._telling.thoughts and (thought := delta.get("reasoning_content")):
            yield from self._grow("thinking", "thinking", "thinking_delta", thought, signature="")
        if text := delta.get("content"):
            yield from self._grow("text", "text", "text_delta", text)
        for call in delta.get("tool_calls", ()):
            yield from self._call(call)

    def say(self, text: str) -> Iterator[Event]:
        """A text of ours: why an answer was withheld."""
        yield from self._grow("text", "text", "text_delta", text)

    def close(self) -> Iterator[Event]:
        """The end of the block that is open."""
        if self._open:
            self._open = False
            yield {"type": "content_block_stop", "index": len(self.blocks) - 1}

    def _grow(self, kind: str, member: str, delta: str, text: str, **members: Any) -> Iterator[Event]:
        """Add to the open block of this kind, or begin one."""
        if not self._open or self.blocks[-1]["type"] != kind:
            yield from self._begin({"type": kind, member: "", **members})
        self.blocks[-1][member] += text
        yield self._delta({"type": delta, member: text})

    def _call(self, call: dict[str, Any]) -> Iterator[Event]:
        """A call, which always comes whole; the thought before it carries its signature."""
        signature = signature_of(call.get("extra_content"))
        if signature and self._telling.thoughts:
            if not self._open or self.blocks[-1]["type"] != "thinking":
                yield from self._begin({"type": "thinking", "thinking": "", "signature": ""})
            sealed = self.blocks[-1]["signature"] = self._telling.seal({call["id"]: signature})
            yield self._delta({"type": "signature_delta", "signature": sealed})
        function = call["function"]
        arguments: str = function["arguments"]
        yield from self._begin({"type": "tool_use", "id": call["id"], "name": function["name"], "input": {}})
        yield self._delta({"type": "input_json_delta", "partial_json": arguments})
        self.blocks[-1]["input"] = msgspec.Raw(arguments.encode())
        yield from self.close()

    def _begin(self, block: Block) -> Iterator[Event]:
        yield from self.close()
        self.blocks.append(block)
        self._open = True
        yield {"type": "content_block_start", "index": len(self.blocks) - 1, "content_block": block}

    def _delta(self, delta: dict[str, Any]) -> Event:
        return {"type": "content_block_delta", "index": len(self.blocks) - 1, "delta": delta}
