"""A key and a token that are like no other go through everything, the worst included, and are then nowhere to be found.

These tests come last: they look at what every gateway of the session has left behind as well.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doors.conftest import EVERY_WAY
from tests.doors.door import Door
from tests.doors.every import DOORS
from tests.gemini_replies import KEY_INVALID, error, events, out_of_quota, reply
from tests.live.conftest import CANARY, Start
from tests.live.gateway import SERVERS, Gateway, eventually, manage
from tests.live.sockets import RawClient
from tests.scripted_gemini import ScriptedGemini

PROMPT = f"prompt-{uuid.uuid4().hex}"


class Walk:
    """A session of requests that keeps all that came back."""

    def __init__(self, gateway: Gateway, gemini: ScriptedGemini) -> None:
        self.gateway, self.gemini, self.stem = gateway, gemini, uuid.uuid4().hex[:10]
        self.token = manage(gateway.directory, "issue_token", "canary", "--name", "canary").strip()
        self.seen: list[bytes] = []

    def ask(self, path: str = "/v1/chat/completions", *, method: str = "POST", **options: Any) -> None:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        try:
            response = self.gateway.http.request(method, path, headers=headers, **options)
        except httpx.HTTPError as failed:
            self.seen.append(repr(failed).encode())
        else:
            self.seen.append(str(response.headers).encode() + response.content)

    def knock(self, name: str) -> None:
        """Ask at every door, whole and streamed, for its model of this name."""
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda way: self._knock(*way, name), EVERY_WAY))

    def _knock(self, door: Door, stream: bool, name: str) -> None:
        asked = door.ask(self.model(name, door.model), text=PROMPT, stream=stream)
        headers = {"Authorization": "", "Content-Type": asked.content_type, **door.credentials(self.token)}
        self.ask(f"{asked.path}?{asked.query}", content=asked.content, headers=headers)

    def model(self, name: str, of: str = "gemini-2.5-flash") -> str:
        return f"{of}--{self.stem}-{name}"

    def models(self, name: str) -> set[str]:
        """The models of this name that the doors ask for."""
        return {self.model(name, door.model) for door in DOORS}


def everything(walk: Walk) -> None:
    """Answers, every kind of refusal, and faults whose texts hold the key, as some of Gemini's do."""
    gemini, key = walk.gemini, walk.gateway.keys[0]
    holding_key = f"Permission denied: Consumer 'api_key:{key}' has been suspended. https://x/?key={key}"
    for door in DOORS:
        gemini.will_say(door.reply("Hello!"), model=walk.model("fine", door.model))
    walk.knock("fine")
    walk.ask("/v1/models", method="GET")
    walk.ask(json={"model": walk.model("wrong"), "messages": [], "user": walk.token})
    walk.ask(content=b"{" + PROMPT.encode(), headers={"Content-Type": "application/json"})
    walk.ask(f"/v1/models?key={walk.token}&api_key={walk.token}", method="GET", headers={"Authorization": ""})
    walk.ask(headers={"x-api-key": walk.token[:-1]}, json={})
    _with_the_token_in_the_query(walk)
    for name, script in _faults(gemini, key, holding_key).items():
        for model in walk.models(name):
            script(model=model)
        walk.knock(name)
    _leave(walk)
    # The last: it takes the key out.
    for model in walk.models("dead"):
        gemini.will_refuse(403, error(403, "PERMISSION_DENIED", holding_key), model=model, times=1)
    gemini.will_refuse(400, KEY_INVALID)
    walk.knock("dead")


def _faults(gemini: ScriptedGemini, key: str, holding_key: str) -> dict[str, Callable[..., None]]:
    """What goes wrong upstream, by name: to be scripted for a model."""
    refusals = ((400, "INVALID_ARGUMENT"), (404, "NOT_FOUND"), (500, "INTERNAL"), (503, "UNAVAILABLE"))
    midway = events(reply("Hel", finish=None), error(500, "INTERNAL", holding_key))
    return {
        **{f"says-{one}": partial(gemini.will_refuse, one, error(one, name, holding_key)) for one, name in refusals},
        "dry": partial(gemini.will_refuse, 429, out_of_quota("GenerateRequestsPerDay" + key)),
        "redirect": partial(gemini.will_redirect, f"http://127.0.0.1:9/?key={key}"),
        "html": partial(gemini.will_answer, f"<html>{holding_key}</html>".encode()),
        "hang": gemini.will_hang,
        "cut": partial(gemini.will_cut, with_reset=True),
        "midway": partial(gemini.will_stream, midway),
    }


def _with_the_token_in_the_query(walk: Walk) -> None:
    """As Gemini's clients may send it: where it is taken, where it is not, and where nothing is."""
    body = {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}
    bare, model = {"Authorization": ""}, walk.model("fine")
    for path in (
        *("/v1beta/models", "/v1beta/nothing", "/nothing/at/all", "/upload/v1beta/files"),
        *(f"/v1beta/models/{model}", f"/v1/models/{model}:generateContent"),
    ):
        walk.ask(f"{path}?key={walk.token}", method="GET", headers=bare)
    for method in ("generateContent", "streamGenerateContent", "countTokens", "embedContent"):
        path = f"/v1beta/models/{model}:{method}?key={walk.token}"
        walk.ask(path, json=body, headers=bare)
        walk.ask(
            f"{path}&alt=sse", content=b"{" + PROMPT.encode(), headers={**bare, "Content-Type": "application/json"}
        )
        walk.ask(f"{path}x", json=body, headers=bare)


def _leave(walk: Walk) -> None:
    pieces = [events(reply(f"{n}", finish=None)) for n in range(100)]
    walk.gemini.will_stream(b"".join(pieces), slice=len(pieces[0]), delay=0.05, model=walk.model("left"))
    with RawClient(walk.gateway) as client:
        body = {"model": walk.model("left"), "stream": True, "messages": [{"role": "user", "content": PROMPT}]}
        client.post(json.dumps(body).encode(), token=walk.token)
        client.read_until(b'"content":', times=3)
        walk.seen.append(client.received)


def files_of(gateway: Gateway) -> Iterator[tuple[str, bytes]]:
    """All that the site has written: log, database with its journal, usage journal."""
    for path in sorted(gateway.directory.rglob("*")):
        if path.is_file():
            yield path.name, path.read_bytes()


def command_lines() -> bytes:
    """The arguments of every process of this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return b"\n".join(found)


@pytest.mark.parametrize("server", SERVERS)
def test_a_key_a_token_and_a_prompt_leave_no_trace(start: Start, gemini: ScriptedGemini, server: str) -> None:
    secret = uuid.uuid4().hex
    gateway = start(
        server,
        [f"live-{CANARY}-{secret}-{n:04}" for n in range(2)],
        TUMBLER_LOG_LEVEL="DEBUG",
        DJANGO_LOG_LEVEL="DEBUG",
        TUMBLER_FIRST_BYTE_SECONDS="0.6",
        TUMBLER_IDLE_SECONDS="0.6",
        TUMBLER_KEY_DEADLINE_SECONDS="1",
    )
    walk = Walk(gateway, gemini)
    everything(walk)
    assert eventually(lambda: len(gateway.disabled()) == 2)
    assert gateway.usage_rows(walk.model("left"))
    exported = manage(gateway.directory, "export_usage", "--format", "json")
    secret_of_token = walk.token.partition("_")[2]
    needles = [text.encode() for text in (secret, walk.token, secret_of_token, PROMPT)]
    haystacks = [
        *((f"{server} {name}", content) for name, content in files_of(gateway)),
        *((f"answer {number}", content) for number, content in enumerate(walk.seen)),
        ("usage export", exported.encode()),
        ("process list", command_lines()),
    ]
    assert not [(place, needle) for place, hay in haystacks for needle in needles if needle in hay]
    # It would be no wonder that nothing is found where nothing was.
    assert {call.key for call in gemini.calls} == set(gateway.keys)
    assert any(PROMPT.encode() in call.body for call in gemini.calls)
    assert len(walk.seen) > 10 * len(EVERY_WAY)
    assert len(gateway.log()) > 200


def test_no_gateway_of_this_session_has_written_a_key_or_a_token_anywhere(
    gateway: Gateway, every_gateway: list[Gateway]
) -> None:
    needles = [CANARY.encode(), gateway.token.partition("_")[2].encode()]
    found = [
        (each.server, name)
        for each in every_gateway
        for name, content in files_of(each)
        if any(needle in content for needle in needles)
    ]
    assert not found
    assert not any(needle in command_lines() for needle in needles)


def test_no_gateway_of_this_session_has_met_an_error_of_its_own(every_gateway: list[Gateway]) -> None:
    assert not [each.log() for each in every_gateway if "Traceback" in each.log()]
