"""What these tests know of a door, that is of one API in whose words clients ask.

Every test of this folder runs at every door, whole and streamed. To let a door join them:

1. write a module beside this one with a subclass of `Door` (messages.py is a good one to begin with): how to ask, how to
   read an answer and an error, and what differs from the members below;
2. put an instance into DOORS in every.py.

A door whose upstream answers are no texts (vectors, pictures, speech) says in `reply` how Gemini says a text there, and in
`read` how a client gets it back; with `talks = False` it is spared what holds for text alone: filters, calls, recordings.
"""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests import gemini_replies
from tests.forms import FORM, form
from tests.live import openapi


@dataclass
class Asked:
    """A request: its path below the origin, and its body, JSON unless there is a `content_type`."""

    path: str
    body: Any
    query: str = ""
    content_type: str = "application/json"

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class AskedInForm(Asked):
    """A request whose members go in a form."""

    content_type: str = FORM

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else form(self.body)


@dataclass
class Error:
    """An error as a door tells it; what its dialect has no member for is None."""

    message: str
    type: str
    code: str | None = None
    param: str | None = None


@dataclass
class Told:
    """What a client makes of an answer, in words that all doors share."""

    response: httpx.Response
    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    """(name, arguments) of each function call."""
    finish: str | None = None
    """stop, length, tool_calls or content_filter; None where an answer was cut, or the door has no such word."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """With the reasoning."""
    error: Error | None = None

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def headers(self) -> httpx.Headers:
        return self.response.headers

    @property
    def attempts(self) -> int:
        return int(self.headers["x-tumbler-attempts"])


class Door(ABC):
    """One API. The members below are those of OpenAI's generating endpoints."""

    name: str
    """As its usage records have it in `endpoint`."""
    path: str
    model = "gemini-2.5-flash"
    streams = True
    talks = True
    calls_functions = True
    alive = b": keep-alive\n"
    """What its streams say in a silence."""
    passes_on = False
    """Whether its clients get Gemini's own words, of empty and blocked answers too."""
    spends = True
    """Whether its answers cost tokens."""
    completion_tokens = 5
    """What it charges for one of `reply`."""
    estimated_tokens = 25
    """What it charges for an answer of 100 characters that nobody counted."""
    added_tokens = 0
    """What is counted of each request beside its text, before Gemini has counted: images, words of our own."""
    takes_json = True
    """Whether its requests are JSON, not forms."""
    names_model = True
    """Whether a request must name its model."""
    has_codes = True
    """Whether its errors have `code` and `param`."""

    @abstractmethod
    def ask(self, model: str, *, text: str = "Hello", stream: bool = False, **members: Any) -> Asked:
        """A request for an answer to the text. Shared members are `longest` (in tokens) and `tool` (a function's name)."""

    @abstractmethod
    def read(self, response: httpx.Response) -> Told:
        """What a client makes of a whole or streamed answer. Fails where the answer breaks a rule of the dialect.

        A stream must be whole, or end with an error as the dialect ends one that broke.
        """

    def read_error(self, response: httpx.Response) -> Error:
        """The error of an error status; fails unless it has the dialect's envelope."""
        assert response.headers["content-type"] == "application/json"
        payload = response.json()
        openapi.check(payload, openapi.ERROR)
        assert set(payload) == {"error"}
        assert set(payload["error"]) == {"message", "type", "param", "code"}
        return Error(**payload["error"])

    def error_type(self, status: int, kind: str, code: str | None) -> str:
        """The type that an error has here whose status, type and code are these of the contract's."""
        return kind

    def event_error_type(self, status: int, kind: str, code: str | None) -> str:
        """The same of an error that ends a stream."""
        return self.error_type(status, kind, code)

    def credentials(self, token: str) -> dict[str, str]:
        """The header in which its clients send their token."""
        return {"authorization": f"Bearer {token}"}

    def naming(self, user: str) -> dict[str, Any]:
        """The members of a request that name whom it is for; none where its dialect has none."""
        return {"user": user}

    def tells_tokens(self, *, stream: bool) -> bool:
        """Whether an answer tells what it has cost."""
        return True

    def sent(self, text: str) -> bytes:
        """What is seen of the text, or of its beginning, in the bytes of a streamed answer."""
        return text.encode()

    def reply(self, text: str, **how: Any) -> dict[str, Any]:
        """How Gemini says the text to this door, whole or as an event; see gemini_replies.reply."""
        return gemini_replies.reply(text, **how)

    def __str__(self) -> str:
        return self.name


FUNCTION: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
"""The parameters of the function that `tool` declares."""
