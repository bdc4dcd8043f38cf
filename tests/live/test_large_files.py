"""Files that do not fit into a request, by the official openai package in front of the simulator's Files API."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import openai
import pytest
from google import genai
from google.genai import types

from tests.live.gateway import SERVERS, Gateway, eventually
from tests.simulator.asking import controlled

MODEL = "gemini-2.5-flash"
KEYS = ["sim-paid-alpha-1", "sim-paid-beta-1", "sim-paid-gamma-1"]
MIB = 1024 * 1024


@pytest.fixture
def simulator() -> Iterator[httpx.Client]:
    """Its control routes."""
    with controlled("--quota", "unlimited") as control:
        yield control


@pytest.fixture
def gateway(simulator: httpx.Client, start: Callable[..., Gateway]) -> Gateway:
    return start("uvicorn", KEYS, str(simulator.base_url).rstrip("/"), TUMBLER_FIRST_BYTE_SECONDS="60")


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=60, max_retries=0) as client:
        yield client


def document(mib: int) -> bytes:
    return b"%PDF-1.7 " + os.urandom(mib * MIB - 9)


def seen(content: bytes) -> str:
    """What the simulator says of a document that its project holds."""
    return f"application/pdf of {len(content)} bytes with the SHA-256 {hashlib.sha256(content).hexdigest()}"


def test_files_larger_than_a_request_together_are_read_in_a_chat_and_a_response(
    client: openai.OpenAI, gateway: Gateway, simulator: httpx.Client
) -> None:
    contents = [document(9), document(8), document(7)]
    kept = [client.files.create(file=(f"{len(one)}.pdf", one), purpose="user_data") for one in contents]
    parts = [{"type": "file", "file": {"file_id": file.id}} for file in kept]
    question = {"type": "text", "text": "What is in them?"}
    said = "".join(
        chunk.choices[0].delta.content or ""
        for chunk in client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": [*parts, question]}],  # type: ignore[list-item,misc]
            stream=True,
        )
    )
    assert said == f"I see {seen(contents[0])}, application/pdf, application/pdf. You said: What is in them?"

    items = [{"type": "input_file", "file_id": file.id} for file in kept]
    asked = {"role": "user", "content": [*items, {"type": "input_text", "text": "Again."}]}
    response = client.responses.create(model=MODEL, input=[asked])  # type: ignore[list-item]
    assert seen(contents[0]) in response.output_text

    # The largest went ahead, once, and every call was made in the project that holds it.
    (held,) = simulator.get("/control/files").json()["files"]
    calls = simulator.get("/control/calls").json()["calls"]
    assert [call["method"] for call in calls].count("files.upload") == 1
    assert {call["project"] for call in calls if call["model"] == MODEL} == {held["project"]}
    assert sum(call["body_bytes"] for call in calls if call["method"] == "files.upload") == len(contents[0])
    rows = gateway.usage_rows(MODEL, 2)
    assert [(row["status"], row["attempts"], row["counts_from"]) for row in rows] == [(200, 1, "upstream")] * 2

    for file in kept:
        client.files.delete(file.id)
    assert eventually(lambda: simulator.get("/control/files").json()["files"] == [])
    assert str(held["name"]) not in gateway.log() and kept[0].id not in gateway.log()


def test_when_a_project_is_out_of_quota_another_reads_the_file(client: openai.OpenAI, simulator: httpx.Client) -> None:
    content = document(11)
    file = client.files.create(file=("a.pdf", content), purpose="user_data")
    twice = 2 * [{"type": "file", "file": {"file_id": file.id}}]

    def answer() -> str:
        made = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": twice}])  # type: ignore[list-item,misc]
        return str(made.choices[0].message.content)

    assert answer().count(seen(content)) == 2
    (first,) = simulator.get("/control/files").json()["files"]
    simulator.post("/control/faults", json={"fault": "exhausted-day", "project": first["project"], "model": MODEL})
    assert answer().count(seen(content)) == 2
    assert len({held["project"] for held in simulator.get("/control/files").json()["files"]}) == 2
    refused = [call for call in simulator.get("/control/calls").json()["calls"] if call["status"] == 403]
    assert not refused


def test_where_nothing_goes_ahead_files_that_are_too_large_are_refused(
    simulator: httpx.Client, start: Callable[..., Gateway]
) -> None:
    url = str(simulator.base_url).rstrip("/")
    gateway = start("daphne", KEYS[:1], url, TUMBLER_GEMINI_FILES="never")
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=60, max_retries=0) as client:
        file = client.files.create(file=("a.pdf", document(11)), purpose="user_data")
        parts = 2 * [{"type": "file", "file": {"file_id": file.id}}]
        with pytest.raises(openai.BadRequestError, match="hold more than 20 MiB"):
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts}])  # type: ignore[list-item,misc]
    assert simulator.get("/control/files").json()["files"] == []


def test_under_daphne_a_file_goes_ahead_as_well(simulator: httpx.Client, start: Callable[..., Gateway]) -> None:
    url = str(simulator.base_url).rstrip("/")
    gateway = start("daphne", KEYS[:1], url, TUMBLER_GEMINI_FILES="always")
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=60, max_retries=0) as client:
        content = document(1)
        file = client.files.create(file=("a.pdf", content), purpose="user_data")
        parts = [{"type": "file", "file": {"file_id": file.id}}]
        made = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts}])  # type: ignore[list-item,misc]
        assert seen(content) in str(made.choices[0].message.content)


def test_a_file_that_came_in_several_requests_is_read_as_well(client: openai.OpenAI, simulator: httpx.Client) -> None:
    content = document(25)
    upload = client.uploads.upload_file_chunked(
        file=content,
        filename="a.pdf",
        bytes=len(content),
        mime_type="application/pdf",
        purpose="user_data",
        part_size=8 * MIB,
    )
    assert upload.file is not None
    part = {"type": "input_file", "file_id": upload.file.id}
    response = client.responses.create(model=MODEL, input=[{"role": "user", "content": [part]}])  # type: ignore[list-item,misc]
    assert seen(content) in response.output_text


def test_geminis_own_client_uploads_a_film_and_asks_about_it(
    gateway: Gateway, simulator: httpx.Client, tmp_path: Path
) -> None:
    content = os.urandom(22 * MIB)
    (tmp_path / "film.mp4").write_bytes(content)
    gemini = genai.Client(api_key=gateway.token, http_options=types.HttpOptions(base_url=gateway.url, timeout=60_000))
    file = gemini.files.upload(file=tmp_path / "film.mp4")
    answer = gemini.models.generate_content(model=MODEL, contents=[file, "What happens?"])
    assert f"video/mp4 of {len(content)} bytes" in (answer.text or "")
    assert gemini.models.count_tokens(model=MODEL, contents=[file]).total_tokens
    calls = simulator.get("/control/calls").json()["calls"]
    # It was processed before it was named.
    assert "files.get" in [call["method"] for call in calls]
    assert [call["method"] for call in calls].count("files.upload") == 1
    assert file.name is not None
    gemini.files.delete(name=file.name)
    assert eventually(lambda: simulator.get("/control/files").json()["files"] == [])
    gemini.close()


# --- Who leaves ----------------------------------------------------------------------------------------------


class SlowUpstream:
    """Takes no more of an upload than fits into the kernel's buffers, until it is told to go on."""

    def __init__(self) -> None:
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.received: list[int] = []
        self.ended = threading.Event()
        """The upload ended, by whomever."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while True:
                data = b""
                while b"\r\n\r\n" not in data:
                    more = connection.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, rest = data.partition(b"\r\n\r\n")
                if b"command: upload" in head:
                    self._take(connection, len(rest))
                    return
                url = b"X-Goog-Upload-URL: http://x/upload/v1beta/files?upload_id=1\r\n"
                connection.sendall(b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\n{}" % url)

    def _take(self, connection: socket.socket, size: int) -> None:
        self.begun.set()
        self.goes_on.wait(30)
        with suppress(OSError):
            while more := connection.recv(65536):
                size += len(more)
        self.received.append(size)
        self.ended.set()

    def again(self) -> None:
        """Ready for another upload."""
        for event in (self.begun, self.goes_on, self.ended):
            event.clear()

    def close(self) -> None:
        self.goes_on.set()
        self._listening.close()


@pytest.mark.parametrize("server", SERVERS)
def test_a_client_that_leaves_during_an_upload_stops_it(server: str, start: Callable[..., Gateway]) -> None:
    upstream = SlowUpstream()
    gateway = start(server, KEYS[:1], upstream.url, TUMBLER_GEMINI_FILES="always", TUMBLER_KEEP_ALIVE_SECONDS="0.2")
    size = 19 * MIB
    answered = gateway.http.post(
        "/v1/files", data={"purpose": "user_data"}, files={"file": ("a.pdf", b"%PDF-1.7 " + bytes(size - 9))}
    )
    part = {"type": "file", "file": {"file_id": answered.json()["id"]}}
    for stream in (False, True):
        body = {"model": MODEL, "messages": [{"role": "user", "content": [part]}], "stream": stream}
        headers = {"Authorization": f"Bearer {gateway.token}"}
        with httpx.Client(base_url=gateway.url, headers=headers, timeout=2, trust_env=False) as client:
            asked = threading.Thread(target=_left, args=(client, body))
            asked.start()
            assert upstream.begun.wait(10)
            asked.join(15)
        assert eventually(lambda: len(gateway.usage_rows(MODEL)) == 1 + stream)  # noqa: B023
        upstream.goes_on.set()
        assert upstream.ended.wait(10)
        upstream.again()
    assert len(upstream.received) == 2 and max(upstream.received) < size
    rows = gateway.usage_rows(MODEL, 2)
    assert [(row["status"], row["attempts"], row["total_tokens"]) for row in rows] == [(499, 1, 0)] * 2
    upstream.close()


def _left(client: httpx.Client, body: dict[str, object]) -> None:
    """Ask, and leave after a second."""
    with suppress(httpx.TransportError), client.stream("POST", "/v1/chat/completions", json=body) as response:
        until = time.monotonic() + 1
        for _ in response.iter_raw():
            if time.monotonic() > until:
                return
