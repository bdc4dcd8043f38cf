"""The doors that count tokens: a text is told by the number that its letters make."""

from typing import Any

import httpx

from tests.doors.door import Asked, Told
from tests.doors.gemini import Generate
from tests.doors.messages import Messages
from tests.doors.responses import Responses


class _Counting:
    """What these doors share: they cost nothing, and answer with a number."""

    streams = talks = calls_functions = spends = False
    completion_tokens = 0

    def tells_tokens(self, *, stream: bool) -> bool:
        return False

    def reply(self, text: str, **how: Any) -> dict[str, Any]:
        return {"totalTokens": int.from_bytes(text.encode())}


def _spelled(response: httpx.Response, member: str = "input_tokens") -> Told:
    number: int = response.json()[member]
    return Told(response, number.to_bytes(8).lstrip(b"\0").decode())


class MessageTokens(_Counting, Messages):
    """POST messages/count_tokens."""

    name = "messages.count"
    path = "/v1/messages/count_tokens"

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        return super().ask(model, text=text, **members)

    def read(self, response: httpx.Response) -> Told:
        return _spelled(response) if response.status_code == 200 else super().read(response)


class ResponseInputTokens(_Counting, Responses):
    """POST responses/input_tokens."""

    name = "responses.count"
    path = "/v1/responses/input_tokens"

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        return super().ask(model, text=text, **members)

    def read(self, response: httpx.Response) -> Told:
        return _spelled(response) if response.status_code == 200 else super().read(response)


class CountTokens(_Counting, Generate):
    """POST models/…:countTokens."""

    name = "gemini.count"
    path = "/v1beta/models/{model}:countTokens"

    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        members.pop("longest", None)
        return super().ask(model, text=text, **members)

    def read(self, response: httpx.Response) -> Told:
        return _spelled(response, "totalTokens") if response.status_code == 200 else super().read(response)
