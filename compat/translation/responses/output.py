"""The output items of a response as they grow: the same for whole and streamed answers."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from compat.schemas.gemini import CodeExecutionResult, ExecutableCode
from compat.translation.responses.code import CodeCall
from compat.translation.responses.namespaces import NO_NAMESPACES, Named
from compat.translation.signatures import signature_of

Event = dict[str, Any]
"""An event of the stream, without its sequence number. It may hold an item that grows: encode it before reading on."""
Item = dict[str, Any]


class Telling(NamedTuple):
    """What an answer's items need to know; made once a request."""

    new_hex: Callable[[], str]
    thoughts: bool
    """Whether the client asked for summaries of the reasoning."""
    seal: Callable[[dict[str, str]], str] | None
    """Thought signatures by call id → encrypted_content; None where the client does not want it."""
    namespaces: Named = NO_NAMESPACES
    """The namespaces of the functions that are in one."""
    outputs: bool = False
    """Whether the client asked for what code printed and drew."""
    sources: bool = False
    """Whether it asked for the pages that searches found."""


class Output:
    """Takes what a choice's deltas bring; every method gives the events that tell of it."""

    def __init__(self, telling: Telling) -> None:
        self.items: list[Item] = []
        self._telling = telling
        self._message: Item | None = None
        """The message that is being said."""
        self._reasoning: Item | None = None
        """The thought that is being told."""
        self._code: CodeCall | None = None
        """The code that is being run."""
        self._said = 0
        """Characters in the messages that were said before."""

    def read(self, delta: dict[str, Any], logprobs: dict[str, Any] | None) -> Iterator[Event]:
        """What a delta of chat's adds."""
        if ran := delta.get("code"):
            yield from self._run(ran)
        elif self._code is not None and delta.keys() - {"images"}:
            yield from self._end_code()
        if self._telling.thoughts and (thought := delta.get("reasoning_content")):
            yield from self._think(thought)
        if text := delta.get("content"):
            yield from self._say(text, (logprobs or {}).get("content") or [])
        for call in delta.get("tool_calls", ()):
            yield from self._call(call)
        for image in delta.get("images", ()):
            if self._code is not None:
                self._code.show(image["image_url"]["url"])
            else:
                yield from self._draw(image["image_url"]["url"])

    def close(
        self, annotations: list[dict[str, Any]], refusal: str | None, searches: list[str], *, complete: bool
    ) -> Iterator[Event]:
        """What ends the output: sources are known only now."""
        yield from self._end_code()
        yield from self._end_reasoning()
        if refusal:
            yield from self._refuse(refusal)
        citations = [_citation(found, self._said) for found in annotations]
        yield from self._end_message([found for found in citations if found["start_index"] >= 0], complete=complete)
        urls = dict.fromkeys(found["url_citation"]["url"] for found in annotations)
        told = {"sources": [{"type": "url", "url": url} for url in urls]} if self._telling.sources else {}
        for query in searches:
            item = {"type": "web_search_call", "id": self._id("ws"), "status": "completed"}
            yield from self._whole({**item, "action": {"type": "search", "query": query, **told}})

    # --- text ---------------------------------------------------------------------------------------------

    def _say(self, text: str, logprobs: list[dict[str, Any]]) -> Iterator[Event]:
        yield from self._end_reasoning()
        if self._message is None:
            yield from self._begin_message({"type": "output_text", "text": "", "annotations": [], "logprobs": []})
        part = self._part
        part["text"] += text
        part["logprobs"] += logprobs
        yield self._in_part("response.output_text.delta", delta=text, logprobs=logprobs)

    def _refuse(self, refusal: str) -> Iterator[Event]:
        yield from self._begin_message({"type": "refusal", "refusal": ""})
        self._part["refusal"] = refusal
        yield self._in_part("response.refusal.delta", delta=refusal)

    def _begin_message(self, part: dict[str, Any]) -> Iterator[Event]:
        self._message = {
            "id": self._id("msg"),
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        yield from self._add(self._message)
        self._message["content"].append(part)
        yield self._in_part("response.content_part.added", part=part)

    def _end_message(self, annotations: list[dict[str, Any]], *, complete: bool = True) -> Iterator[Event]:
        if self._message is None:
            return
        part = self._part
        if part["type"] == "refusal":
            yield self._in_part("response.refusal.done", refusal=part["refusal"])
        else:
            for index, annotation in enumerate(annotations):
                part["annotations"].append(annotation)
                yield self._in_part(
                    "response.output_text.annotation.added", annotation_index=index, annotation=annotation
                )
            yield self._in_part("response.output_text.done", text=part["text"], logprobs=part["logprobs"])
        yield self._in_part("response.content_part.done", part=part)
        self._said += len(part.get("text", ""))
        self._message["status"] = "completed" if complete else "incomplete"
        yield self._done(self._message)
        self._message = None

    @property
    def _part(self) -> dict[str, Any]:
        assert self._message is not None  # noqa: S101 (asked only while a message is being said)
        part: dict[str, Any] = self._message["content"][0]
        return part

    def _in_part(self, kind: str, **members: Any) -> Event:
        assert self._message is not None  # noqa: S101 (as above)
        place = {"item_id": self._message["id"], "output_index": len(self.items) - 1, "content_index": 0}
        return {"type": kind, **place, **members}

    # --- reasoning ----------------------------------------------------------------------------------------

    def _think(self, thought: str) -> Iterator[Event]:
        yield from self._end_message([])
        if self._reasoning is None:
            yield from self._begin_reasoning()
            self._summary.append({"type": "summary_text", "text": ""})
            yield self._in_summary("response.reasoning_summary_part.added", part=self._summary[0])
        self._summary[0]["text"] += thought
        yield self._in_summary("response.reasoning_summary_text.delta", delta=thought)

    def _begin_reasoning(self) -> Iterator[Event]:
        self._reasoning = {"id": self._id("rs"), "type": "reasoning", "summary": []}
        yield from self._add(self._reasoning)

    def _end_reasoning(self, sealed: str | None = None) -> Iterator[Event]:
        if self._reasoning is None:
            return
        for part in self._reasoning["summary"]:
            yield self._in_summary("response.reasoning_summary_text.done", text=part["text"])
            yield self._in_summary("response.reasoning_summary_part.done", part=part)
        if sealed is not None:
            self._reasoning["encrypted_content"] = sealed
        yield self._done(self._reasoning)
        self._reasoning = None

    @property
    def _summary(self) -> list[dict[str, str]]:
        assert self._reasoning is not None  # noqa: S101 (asked only while a thought is being told)
        summary: list[dict[str, str]] = self._reasoning["summary"]
        return summary

    def _in_summary(self, kind: str, **members: Any) -> Event:
        assert self._reasoning is not None  # noqa: S101 (as above)
        place = {"item_id": self._reasoning["id"], "output_index": len(self.items) - 1, "summary_index": 0}
        return {"type": kind, **place, **members}

    # --- code ---------------------------------------------------------------------------------------------

    def _run(self, ran: ExecutableCode | CodeExecutionResult) -> Iterator[Event]:
        if isinstance(ran, CodeExecutionResult):
            if self._code is not None:
                self._code.hear(ran.outcome, ran.output)
            return
        yield from self._end_code()
        yield from self._end_message([])
        yield from self._end_reasoning()
        place, outputs = len(self.items), self._telling.outputs
        self._code = CodeCall(self._id("ci"), self._id("cntr"), place, tells_outputs=outputs)
        yield from self._add(self._code.item)
        yield from self._code.write(ran.code)

    def _end_code(self) -> Iterator[Event]:
        if self._code is not None:
            yield from self._code.end()
            yield self._done(self._code.item)
            self._code = None

    # --- calls and images ---------------------------------------------------------------------------------

    def _call(self, call: dict[str, Any]) -> Iterator[Event]:
        """A call, which always comes whole; before it the thought that holds its signature."""
        yield from self._end_message([])
        signature = signature_of(call.get("extra_content"))
        if signature and self._telling.seal is not None:
            if self._reasoning is None:
                yield from self._begin_reasoning()
            yield from self._end_reasoning(self._telling.seal({call["id"]: signature}))
        yield from self._end_reasoning()
        if call["type"] == "custom":
            yield from self._tell_call(
                call, "ctc", "custom_tool_call", call["custom"], "input", "custom_tool_call_input"
            )
        else:
            yield from self._tell_call(
                call, "fc", "function_call", call["function"], "arguments", "function_call_arguments"
            )

    def _tell_call(
        self, call: dict[str, Any], prefix: str, kind: str, called: dict[str, str], member: str, events: str
    ) -> Iterator[Event]:
        name, text = called["name"], called[member]
        item = {"id": self._id(prefix), "type": kind, "status": "in_progress", "call_id": call["id"], "name": name}
        if name in self._telling.namespaces:
            item["namespace"], item["name"] = self._telling.namespaces[name]
        item[member] = ""
        yield from self._add(item)
        place = {"item_id": item["id"], "output_index": len(self.items) - 1}
        yield {"type": f"response.{events}.delta", **place, "delta": text}
        item[member] = text
        named = {"name": item["name"]} if member == "arguments" else {}
        yield {"type": f"response.{events}.done", **place, **named, member: text}
        item["status"] = "completed"
        yield self._done(item)

    def _draw(self, url: str) -> Iterator[Event]:
        """An image, as the server's own tool of that name would have made it."""
        yield from self._end_message([])
        yield from self._end_reasoning()
        item: Item = {"id": self._id("ig"), "type": "image_generation_call", "status": "in_progress", "result": None}
        yield from self._add(item)
        place = {"item_id": item["id"], "output_index": len(self.items) - 1}
        for step in ("in_progress", "generating", "completed"):
            yield {"type": f"response.image_generation_call.{step}", **place}
        item |= {"status": "completed", "result": url.partition(";base64,")[2]}
        yield self._done(item)

    # --- items --------------------------------------------------------------------------------------------

    def _whole(self, item: Item) -> Iterator[Event]:
        yield from self._add(item)
        yield self._done(item)

    def _add(self, item: Item) -> Iterator[Event]:
        self.items.append(item)
        yield {"type": "response.output_item.added", "output_index": len(self.items) - 1, "item": item}

    def _done(self, item: Item) -> Event:
        return {"type": "response.output_item.done", "output_index": len(self.items) - 1, "item": item}

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._telling.new_hex()}"


def _citation(annotation: dict[str, Any], said: int) -> dict[str, Any]:
    """A citation as this API has it: chat nests it, and counts from the beginning of all that was said."""
    found = {"type": "url_citation", **annotation["url_citation"]}
    return found | {name: found[name] - said for name in ("start_index", "end_index")}
