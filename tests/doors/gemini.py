"""The doors of Gemini's own API: whole and streamed answers, and vectors; a client that trusts nothing but its envelope."""

import json
from typing import Any

import httpx

from tests.doors.door import FUNCTION, Asked, Door, Error, Told
from tests.doors.openai_doors import Embeddings

# Gemini API, errors: the names of the statuses.
_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", "RECITATION": "content_filter"}


class Generate(Door):
    """POST models/…:generateContent, and :streamGenerateContent as events."""

    name = "gemini.generate"
    path = "/v1beta/models/{model}:generateContent"
    has_codes = False
    alive = b"\n"
    passes_on = True

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        longest, tool = members.pop("longest", None), members.pop("tool", None)
        body: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": text}]}], **members}
        if longest:
            body["generationConfig"] = {"maxOutputTokens": longest}
        if tool:
            body["tools"] = [{"functionDeclarations": [{"name": tool, "parametersJsonSchema": FUNCTION}]}]
        path = self.path.format(model=model)
        if stream:
            return Asked(path.replace(":generate", ":streamGenerate"), body, query="alt=sse")
        return Asked(path, body)

    def credentials(self, token: str) -> dict[str, str]:
        return {"x-goog-api-key": token}

    def naming(self, user: str) -> dict[str, Any]:
        return {}

    def read(self, response: httpx.Response) -> Told:
        if response.status_code != 200:
            return Told(response, error=self.read_error(response))
        if not response.headers["content-type"].startswith("text/event-stream"):
            return _told(response, [response.json()])
        blocks = [block for part in response.text.split("\n\n") if (block := part.strip("\n"))]
        assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
        replies = [json.loads(block[6:]) for block in blocks]
        broken = replies.pop() if "error" in replies[-1] else None
        told = _told(response, replies)
        return told if broken is None else Told(response, told.text, error=_error(broken))

    def read_error(self, response: httpx.Response) -> Error:
        assert response.headers["content-type"] == "application/json"
        payload = response.json()
        assert payload["error"]["code"] == response.status_code
        return _error(payload)

    def error_type(self, status: int, kind: str, code: str | None) -> str:
        return _NAMES[status]


class Embed(Generate):
    """POST models/…:batchEmbedContents."""

    name = "gemini.embed"
    path = "/v1beta/models/{model}:batchEmbedContents"
    model = "gemini-embedding-2"
    streams = talks = calls_functions = False
    completion_tokens = 0

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        members.pop("longest", None)
        body = {"requests": [{"content": {"parts": [{"text": text}]}}], **members}
        return Asked(self.path.format(model=model), body)

    def read(self, response: httpx.Response) -> Told:
        if response.status_code != 200:
            return Told(response, error=self.read_error(response))
        payload = response.json()
        text = "".join(map(chr, map(round, payload["embeddings"][0]["values"][:-1])))
        return Told(response, text, prompt_tokens=payload["usageMetadata"]["promptTokenCount"], completion_tokens=0)

    def reply(self, text: str, **how: Any) -> dict[str, Any]:
        return Embeddings().reply(text, **how)


def _error(payload: dict[str, Any]) -> Error:
    assert payload.keys() == {"error"}
    error = payload["error"]
    assert error.keys() - {"details"} == {"code", "message", "status"}
    kinds = {detail["@type"] for detail in error.get("details", ())}
    assert kinds <= {f"type.googleapis.com/google.rpc.{kind}" for kind in ("ErrorInfo", "BadRequest", "RetryInfo")}
    return Error(error["message"], error["status"])


def _told(response: httpx.Response, replies: list[dict[str, Any]]) -> Told:
    candidates = [reply["candidates"][0] for reply in replies if reply.get("candidates")]
    parts = [part for candidate in candidates for part in candidate.get("content", {}).get("parts", ())]
    calls = [
        (part["functionCall"]["name"], part["functionCall"].get("args", {})) for part in parts if "functionCall" in part
    ]
    ends = [candidate["finishReason"] for candidate in candidates if "finishReason" in candidate]
    usage: dict[str, int] = {}
    for reply in replies:
        usage |= reply.get("usageMetadata", {})
    assert {reply["responseId"] for reply in replies if "responseId" in reply} <= {response.headers["x-request-id"]}
    return Told(
        response,
        "".join(part.get("text", "") for part in parts if not part.get("thought")),
        calls,
        "tool_calls" if calls else _FINISH.get(ends[-1], "stop") if ends else None,
        usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0),
        usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0),
    )
