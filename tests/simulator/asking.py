"""Ways to ask a simulator, in this process or over TCP, and to read what it says."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from compat.simulator.app import Simulator

NOON = 1_795_374_000.0  # 22 November 2026, 11:00 in Los Angeles
KEY = "sim-alpha-1"


class SetClock:
    """A clock that stands still until moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class Asking:
    """A client that speaks to one simulator."""

    def __init__(self, client: httpx.AsyncClient, app: Simulator | None = None) -> None:
        self.client = client
        self.app = app

    async def post(self, model: str, body: Any, *, method: str = "generateContent", key: str = KEY) -> httpx.Response:
        return await self.client.post(
            f"/v1beta/models/{model}:{method}", json=body, headers={"x-goog-api-key": key}, timeout=10
        )

    async def generate(self, model: str, body: Any, key: str = KEY) -> dict[str, Any]:
        response = await self.post(model, body, key=key)
        assert response.status_code == 200, response.text
        return response.json()

    async def stream(self, model: str, body: Any, key: str = KEY) -> list[dict[str, Any]]:
        response = await self.post(model, body, method="streamGenerateContent?alt=sse", key=key)
        assert response.status_code == 200, response.text
        return events(response.content)

    async def error(self, model: str, body: Any, key: str = KEY) -> dict[str, Any]:
        response = await self.post(model, body, key=key)
        error = response.json()["error"]
        assert response.status_code == error["code"]
        return error


def events(raw: bytes) -> list[dict[str, Any]]:
    """The events of a stream, which must all be framed as Google frames them."""
    blocks = raw.split(b"\r\n\r\n")
    assert blocks.pop() == b""
    assert all(block.startswith(b"data: ") for block in blocks)
    return [json.loads(block[6:]) for block in blocks]


def said(text: str, **members: Any) -> dict[str, Any]:
    """A request of one user text, with further members."""
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **members}


def parts_of(reply: dict[str, Any], index: int = 0) -> list[dict[str, Any]]:
    return reply["candidates"][index]["content"].get("parts", [])


def text_of(*replies: dict[str, Any]) -> str:
    """The visible text of one reply, or of all replies of a stream."""
    return "".join(
        part.get("text", "")
        for reply in replies
        for candidate in reply.get("candidates", [])[:1]
        for part in candidate["content"].get("parts", [])
        if not part.get("thought")
    )


def start(*arguments: str, module: str = "compat.simulator") -> "subprocess.Popen[bytes]":
    """A simulator process on a free port that dies with this one."""
    return subprocess.Popen(
        [sys.executable, "-m", module, "--port", "0", "--until-stdin-closes", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


def listening_at(process: "subprocess.Popen[bytes]") -> str:
    """The address in the first line the process writes."""
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    found = re.fullmatch(r"fakegemini listening on (http://127\.0\.0\.1:\d+)\n", line)
    assert found, line
    return found[1]


@contextmanager
def controlled(*arguments: str) -> Iterator[httpx.Client]:
    """A client of the control routes of a simulator process, which ends with this."""
    with start("--control", *arguments) as process:
        with httpx.Client(base_url=listening_at(process), trust_env=False) as control:
            yield control
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
