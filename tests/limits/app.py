"""Requests straight into the ASGI app: what a server would hand it, and what it sent back."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from tumbler_site.asgi import application

CHAT = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 50}


@dataclass
class Answered:
    """A status, headers, and the body in the pieces it was sent in."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    done: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]

    @property
    def code(self) -> str | None:
        return self.error["code"] if self.status >= 400 else None


def _payload(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(CHAT if body is None else body).encode()


async def ask(
    path: str = "/v1/chat/completions",
    body: Any = None,
    *,
    token: str | None = None,
    method: str = "POST",
    headers: tuple[tuple[str, str], ...] = (),
    client: tuple[str, int] | None = ("127.0.0.1", 50_000),
    answered: Answered | None = None,
    leave: asyncio.Event | None = None,
    query: str = "",
) -> Answered:
    """One request; a body may be bytes. `answered` fills as the answer comes; the client leaves when `leave` is set."""
    answered = answered or Answered()
    given = {"host": "localhost", "content-type": "application/json"}
    if token is not None:
        given["authorization"] = f"Bearer {token}"
    usual = [(name, value) for name, value in given.items() if name not in dict(headers)]
    sent = [(name.encode(), value.encode()) for name, value in (*usual, *headers)]
    payload = b"" if method == "GET" else _payload(body)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "headers": sent,
        "client": client,
        "server": ("127.0.0.1", 80),
    }
    messages = [{"type": "http.request", "body": payload, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await (leave or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answered.status = message["status"]
            answered.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif message.get("body"):
            answered.pieces.append(message["body"])

    await application(scope, receive, send)
    answered.done = True
    return answered
