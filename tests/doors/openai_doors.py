"""The doors in OpenAI's words but for the Responses API: chat, legacy completions, embeddings."""

import json
from typing import Any

import httpx

from tests.doors.door import FUNCTION, Asked, Door, Error, Told
from tests.live import openapi
from tests.live.answers import Result, read


class Chat(Door):
    """Chat completions."""

    name = "chat.completions"
    path = "/v1/chat/completions"

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        longest, tool = members.pop("longest", None), members.pop("tool", None)
        body = {"model": model, "messages": [{"role": "user", "content": text}], **members}
        if longest:
            body["max_tokens"] = longest
        if tool:
            body["tools"] = [{"type": "function", "function": {"name": tool, "parameters": FUNCTION}}]
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return Asked(self.path, body)

    def read(self, response: httpx.Response) -> Told:
        return _told(read(response, include_usage=True))


class Completions(Chat):
    """The legacy endpoint; tools are not for it."""

    name = "completions"
    calls_functions = False
    path = "/v1/completions"

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        asked = super().ask(model, text=text, stream=stream, **members)
        del asked.body["messages"]
        asked.body["prompt"] = text
        return asked

    def read(self, response: httpx.Response) -> Told:
        return _told(read(response, include_usage=True, text=True))


def _told(result: Result) -> Told:
    told = Told(result.response)
    if result.error is not None:
        told.error = Error(**result.error)
    if result.choices:
        first = result.first
        # A refusal stands where the text would.
        told.text, told.finish = first.text or first.refusal or "", first.finish
        told.calls = [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in first.calls]
    if result.usage is not None:
        told.prompt_tokens, told.completion_tokens = result.usage["prompt_tokens"], result.usage["completion_tokens"]
    return told


class Embeddings(Door):
    """Vectors: a text is told by its characters, and a one behind them by which their length is known."""

    name = "embeddings"
    path = "/v1/embeddings"
    model = "gemini-embedding-2"
    streams = talks = calls_functions = False
    completion_tokens = 0

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        members.pop("longest", None)
        return Asked(self.path, {"model": model, "input": text, **members})

    def read(self, response: httpx.Response) -> Told:
        if response.status_code != 200:
            return Told(response, error=self.read_error(response))
        payload = response.json()
        openapi.check(payload, openapi.EMBEDDINGS)
        *values, one = payload["data"][0]["embedding"]
        text = "".join(chr(round(value / one)) for value in values)
        return Told(response, text, prompt_tokens=payload["usage"]["prompt_tokens"], completion_tokens=0)

    def reply(self, text: str, **how: Any) -> dict[str, Any]:
        counts = how.get("usage") or {"promptTokenCount": 7}
        return {"embeddings": [{"values": [*map(ord, text), 1]}], "usageMetadata": counts}
