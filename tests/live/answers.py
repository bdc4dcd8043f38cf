"""Answers read as a strict client reads them: every frame, every schema, every rule of order is checked on the way."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.live import openapi
from tests.live.gateway import Gateway

_FRAMES = re.compile(rb"(?::[^\r\n]*\n|data: [^\r\n]+\n\n)*")
_LINE_ENDS = ("\u2028", "\u2029", "\x85")


@dataclass
class Answer:
    """One choice of a completion, whole or put together from its chunks."""

    text: str = ""
    reasoning: str = ""
    refusal: str | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    finish: str | None = None
    images: list[Any] = field(default_factory=list)
    audio: dict[str, Any] | None = None
    annotations: list[Any] = field(default_factory=list)
    logprobs: list[Any] = field(default_factory=list)
    extra: dict[str, Any] | None = None
    function_call: dict[str, Any] | None = None
    content: str | None = None
    """The content member as it came in a whole answer."""


@dataclass
class Result:
    """A whole or streamed answer to one request."""

    response: httpx.Response
    choices: list[Answer] = field(default_factory=list)
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    """The error object: of an error status, or of the event that ended a stream."""
    done: bool = False
    """True when a stream ended with [DONE]."""
    comments: int = 0
    chunks: list[dict[str, Any]] = field(default_factory=list)
    model: str = ""

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def headers(self) -> httpx.Headers:
        return self.response.headers

    @property
    def first(self) -> Answer:
        return self.choices[0]

    @property
    def attempts(self) -> int:
        return int(self.headers["x-tumbler-attempts"])


def chat(
    gateway: Gateway, model: str, *, stream: bool = False, path: str = "/v1/chat/completions", **body: Any
) -> Result:
    """Ask for a chat completion and check the answer against the document."""
    body = {"messages": [{"role": "user", "content": "Hello"}], **body, "model": model}
    if stream:
        body = {"stream_options": {"include_usage": True}, **body, "stream": True}
    return read(gateway.post(path, body), include_usage=stream and bool(body["stream_options"]))


def read(response: httpx.Response, *, include_usage: bool = False, text: bool = False) -> Result:
    """Check and take apart an answer of chat/completions, or of completions with `text`."""
    kind = response.headers.get("content-type", "")
    assert response.headers["x-request-id"].startswith("req_")
    if response.status_code == 200 and kind.startswith("text/event-stream"):
        return _read_stream(Result(response), include_usage, text=text)
    assert kind == "application/json", (kind, response.text)
    payload = response.json()
    if response.status_code != 200:
        openapi.check(payload, openapi.ERROR)
        assert set(payload) == {"error"}
        return Result(response, error=payload["error"])
    openapi.check(payload, openapi.TEXT if text else openapi.CHAT)
    usage = payload["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    choices = [_of_text(choice) if text else _of_message(choice) for choice in payload["choices"]]
    assert [choice["index"] for choice in payload["choices"]] == list(range(len(choices)))
    return Result(response, choices, usage, model=payload["model"])


def _of_text(choice: dict[str, Any]) -> Answer:
    return Answer(text=choice["text"], finish=choice["finish_reason"])


def _of_message(choice: dict[str, Any]) -> Answer:
    message = choice["message"]
    assert message.get("tool_calls", True), "tool_calls must be left out when there are none"
    logprobs = (choice["logprobs"] or {}).get("content") or []
    for call in message.get("tool_calls", ()):
        _check_call(call)
    return Answer(
        text=message["content"] or "",
        content=message["content"],
        reasoning=message.get("reasoning_content", ""),
        refusal=message["refusal"],
        calls=message.get("tool_calls", []),
        finish=choice["finish_reason"],
        images=message.get("images", []),
        audio=message.get("audio"),
        annotations=message.get("annotations", []),
        logprobs=logprobs,
        extra=message.get("extra_content"),
        function_call=message.get("function_call"),
    )


def _check_call(call: dict[str, Any]) -> None:
    assert call["id"]
    if call["type"] == "function":
        assert isinstance(json.loads(call["function"]["arguments"]), dict)


def _read_stream(result: Result, include_usage: bool, *, text: bool) -> Result:
    raw = result.response.content
    assert _FRAMES.fullmatch(raw), raw[-300:]
    assert not any(end in raw.decode() for end in _LINE_ENDS), "a line end inside of JSON text must be escaped"
    result.comments = len(re.findall(rb"^:", raw, re.MULTILINE))
    payloads = [line[6:] for line in raw.split(b"\n") if line.startswith(b"data: ")]
    result.done = payloads[-1:] == [b"[DONE]"]
    chunks = [json.loads(payload) for payload in payloads[: -1 if result.done else None]]
    if chunks and "error" in chunks[-1]:
        openapi.check(chunks[-1], openapi.ERROR)
        result.error = chunks.pop()["error"]
    assert result.done != (result.error is not None), "a stream ends with [DONE] or with an error event"
    result.chunks = chunks
    _check_heads(chunks, text=text)
    if result.done:
        usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
        assert len(usages) == include_usage
        result.usage = usages[0] if usages else None
        assert not usages or chunks[-1]["choices"] == []
    for chunk in chunks:
        assert ("usage" in chunk) == include_usage
        for choice in chunk["choices"]:
            _add(result, choice, text=text)
    if result.done:
        assert all(choice.finish for choice in result.choices)
        for choice in result.choices:
            for call in choice.calls:
                _check_call(call)
    return result


def _check_heads(chunks: list[dict[str, Any]], *, text: bool) -> None:
    heads = {(chunk["id"], chunk["object"], chunk["created"], chunk["model"]) for chunk in chunks}
    assert len(heads) <= 1
    for chunk in chunks:
        openapi.check(chunk, openapi.TEXT if text else openapi.CHUNK) if not text else _check_text_chunk(chunk)


def _check_text_chunk(chunk: dict[str, Any]) -> None:
    """The document has no chunk of the legacy endpoint: it is the same object, its finish_reason null until the end."""
    filled = [{**choice, "finish_reason": choice["finish_reason"] or "stop"} for choice in chunk["choices"]]
    chunk = {name: value for name, value in chunk.items() if name != "usage" or value is not None}
    openapi.check({**chunk, "choices": filled}, openapi.TEXT)


def _add(result: Result, choice: dict[str, Any], *, text: bool) -> None:
    """Put a delta to what came before, and hold it to the rules of order that accumulators rely on."""
    index = choice["index"]
    if index == len(result.choices):
        result.choices.append(Answer())
        assert text or choice["delta"]["role"] == "assistant", "a choice begins with its role"
    elif not text:
        assert "role" not in choice["delta"], "the role comes once"
    answer = result.choices[index]
    assert answer.finish is None, "nothing comes after the finish"
    answer.finish = choice["finish_reason"]
    if text:
        answer.text += choice["text"]
        return
    delta = choice["delta"]
    assert delta or choice["finish_reason"] or choice["logprobs"], "empty deltas are not sent"
    assert not (choice["finish_reason"] and delta), "the finish chunk has an empty delta"
    answer.text += delta.get("content") or ""
    answer.reasoning += delta.get("reasoning_content") or ""
    answer.refusal = delta.get("refusal") or answer.refusal
    answer.images += delta.get("images", [])
    answer.audio = delta.get("audio", answer.audio)
    answer.annotations += delta.get("annotations", [])
    answer.extra = delta.get("extra_content", answer.extra)
    answer.function_call = delta.get("function_call", answer.function_call)
    answer.logprobs += (choice["logprobs"] or {}).get("content") or []
    for call in delta.get("tool_calls", ()):
        assert call["index"] == len(answer.calls), "whole calls, numbered 0, 1, 2 across the stream"
        answer.calls.append({name: value for name, value in call.items() if name != "index"})
