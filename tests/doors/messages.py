"""The door of Anthropic's messages, and a client that puts its streams together as strictly as can be."""

import json
import re
from typing import Any

import httpx

from tests.doors.door import FUNCTION, Asked, Door, Error, Told

_FINISH = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "content_filter"}
# Anthropic API, errors.
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_BY_CODE = {"insufficient_quota": "billing_error", "no_upstream_key": "api_error"}
_GROWS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "input",
    "signature_delta": "signature",
}


class Messages(Door):
    """POST messages."""

    name = "messages"
    path = "/v1/messages"
    has_codes = False

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        longest, tool = members.pop("longest", None), members.pop("tool", None)
        body = {"model": model, "messages": [{"role": "user", "content": text}], **members}
        if longest:
            body["max_tokens"] = longest
        if tool:
            body["tools"] = [{"name": tool, "input_schema": FUNCTION}]
        if stream:
            body["stream"] = True
        return Asked(self.path, body)

    def credentials(self, token: str) -> dict[str, str]:
        return {"x-api-key": token, "anthropic-version": "2023-06-01"}

    def naming(self, user: str) -> dict[str, Any]:
        return {"metadata": {"user_id": user}}

    def read(self, response: httpx.Response) -> Told:
        if response.status_code != 200:
            return Told(response, error=self.read_error(response))
        assert response.headers["request-id"] == response.headers["x-request-id"]
        if not response.headers["content-type"].startswith("text/event-stream"):
            return _told(response, response.json())
        events = obeyed(re.sub(rb"^:[^\n]*\n", b"", response.content, flags=re.MULTILINE))
        if events[-1]["type"] != "error":
            return _told(response, added(events))
        error = events[-1]["error"]
        text = "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")
        return Told(response, text, error=Error(error["message"], error["type"]))

    def read_error(self, response: httpx.Response) -> Error:
        assert response.headers["content-type"] == "application/json"
        payload = response.json()
        assert payload.keys() == {"type", "error", "request_id"}
        assert payload["type"] == "error"
        assert payload["request_id"] == response.headers["request-id"] == response.headers["x-request-id"]
        return Error(payload["error"]["message"], payload["error"]["type"])

    def error_type(self, status: int, kind: str, code: str | None) -> str:
        return _BY_CODE.get(code or "") or _TYPES[status]


def _told(response: httpx.Response, message: dict[str, Any]) -> Told:
    assert (message["type"], message["role"]) == ("message", "assistant")
    blocks, usage = message["content"], message["usage"]
    return Told(
        response,
        "".join(block["text"] for block in blocks if block["type"] == "text"),
        [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"],
        _FINISH[message["stop_reason"]],
        usage["input_tokens"] + usage["cache_read_input_tokens"],
        usage["output_tokens"],
    )


def obeyed(told: bytes) -> list[dict[str, Any]]:
    """The events of a stream; fails where an accumulator would stumble."""
    blocks = told.decode().split("\n\n")
    assert blocks.pop() == ""
    events = []
    for block in blocks:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def added(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that a client puts together."""
    assert events[0]["type"] == "message_start"
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    message = events[0]["message"]
    assert message["content"] == []
    open_index = None
    for event in events[1:-2]:
        if event["type"] == "content_block_start":
            assert open_index is None and event["index"] == len(message["content"])
            open_index = event["index"]
            message["content"].append(
                event["content_block"] | ({"input": ""} if "input" in event["content_block"] else {})
            )
        elif event["type"] == "content_block_stop":
            assert event["index"] == open_index
            open_index = None
        else:
            assert event["index"] == open_index
            _grow(message["content"][open_index], event["delta"])
    assert open_index is None
    for block in message["content"]:
        if "input" in block:
            block["input"] = json.loads(block["input"])
    return message | events[-2]["delta"] | {"usage": events[-2]["usage"]}


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    told = next(value for name, value in delta.items() if name != "type")
    block[_GROWS[delta["type"]]] += told
