"""The door of OpenAI's Responses API; every response and event is held to OpenAI's document."""

import re
from typing import Any

import httpx

from tests.doors.door import FUNCTION, Asked, Door, Error, Told
from tests.live import openapi
from tests.translation.responding import calls_of, obeyed, text_of

_FINISH = {None: "stop", "max_output_tokens": "length", "content_filter": "content_filter"}


class Responses(Door):
    """POST responses."""

    name = "responses"
    path = "/v1/responses"

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        longest, tool = members.pop("longest", None), members.pop("tool", None)
        body = {"model": model, "input": text, **members}
        if longest:
            body["max_output_tokens"] = longest
        if tool:
            body["tools"] = [{"type": "function", "name": tool, "parameters": FUNCTION}]
        if stream:
            body["stream"] = True
        return Asked(self.path, body)

    def read(self, response: httpx.Response) -> Told:
        if response.status_code != 200:
            return Told(response, error=self.read_error(response))
        if not response.headers["content-type"].startswith("text/event-stream"):
            openapi.check(response.json(), "Response")
            return _told(response, response.json())
        events = obeyed(re.sub(rb"^:[^\n]*\n", b"", response.content, flags=re.MULTILINE))
        told = _told(response, events[-1]["response"])
        if told.error is not None:
            # What was told before it broke stands in no item.
            told.text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
        return told

    def event_error_type(self, status: int, kind: str, code: str | None) -> str:
        return "rate_limit_exceeded" if status == 429 else "server_error"


def _told(http: httpx.Response, response: dict[str, Any]) -> Told:
    told = Told(http, text_of(response), calls_of(response))
    if response["status"] == "failed":
        error = response["error"]
        told.error = Error(error["message"], error["code"])
        return told
    told.finish = "tool_calls" if told.calls else _FINISH[(response["incomplete_details"] or {}).get("reason")]
    told.prompt_tokens, told.completion_tokens = response["usage"]["input_tokens"], response["usage"]["output_tokens"]
    return told
