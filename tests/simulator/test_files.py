"""The Files API: resumable uploads, files of projects, and requests that name them."""

import base64
import hashlib

import pytest

from compat.simulator.files import GRANULARITY, LIVES_SECONDS
from tests.simulator.asking import KEY, text_of

FLASH = "gemini-3.8-flash"
PDF = b"%PDF-1.7 " + bytes(1000)
OTHER = "sim-beta-1"


class Files:
    """What one asks of files."""

    def __init__(self, gemini):
        self._gemini = gemini
        self.client = gemini.client

    async def begin(self, size=1009, kind="application/pdf", key=KEY, name="paper", **headers):
        head = {
            "x-goog-api-key": key,
            "X-Goog-Upload-Protocol": "resumable",
            "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Header-Content-Type": kind,
            "X-Goog-Upload-Header-Content-Length": str(size),
            **headers,
        }
        return await self.client.post("/upload/v1beta/files", json={"file": {"display_name": name}}, headers=head)

    async def piece(self, url, content, offset=0, command="upload, finalize"):
        head = {"X-Goog-Upload-Offset": str(offset), "X-Goog-Upload-Command": command}
        return await self.client.post(url, content=content, headers=head)

    async def uploaded(self, content=PDF, **how):
        begun = await self.begin(size=len(content), **how)
        assert begun.status_code == 200, begun.text
        ended = await self.piece(begun.headers["x-goog-upload-url"], content)
        assert ended.status_code == 200, ended.text
        return ended.json()["file"]

    async def asked(self, method, name, key=KEY):
        return await self.client.request(method, f"/v1beta/{name}", headers={"x-goog-api-key": key})

    async def naming(self, file, key=KEY, method="generateContent"):
        part = {"fileData": {"fileUri": file["uri"], "mimeType": file["mimeType"]}}
        body = {"contents": [{"role": "user", "parts": [{"text": "Read."}, part]}]}
        return await self._gemini.post(FLASH, body, key=key, method=method)


@pytest.fixture
def files(gemini):
    return Files(gemini)


async def test_an_upload_in_one_piece_is_a_file(files):
    file = await files.uploaded()
    digest = hashlib.sha256(PDF).hexdigest()
    assert file["name"].startswith("files/") and file["uri"].endswith(f"/v1beta/{file['name']}")
    assert (file["displayName"], file["mimeType"], file["sizeBytes"]) == ("paper", "application/pdf", str(len(PDF)))
    assert base64.b64decode(file["sha256Hash"]).decode() == digest
    assert (file["createTime"], file["expirationTime"]) == ("2026-11-22T19:00:00Z", "2026-11-24T19:00:00Z")
    assert (await files.asked("GET", file["name"])).json() == file
    assert (await files.asked("GET", "files")).json() == {"files": [file]}


async def test_an_answer_tells_that_the_bytes_have_arrived(files):
    file = await files.uploaded()
    answered = await files.naming(file)
    digest = hashlib.sha256(PDF).hexdigest()
    assert text_of(answered.json()) == (
        f"I see application/pdf of {len(PDF)} bytes with the SHA-256 {digest}. You said: Read."
    )


async def test_a_text_that_is_named_counts_as_many_tokens_as_one_that_is_sent(files):
    file = await files.uploaded(b"words " * 100, kind="text/plain")
    counted = (await files.naming(file, method="countTokens")).json()
    data = {"inlineData": {"mimeType": "text/plain", "data": base64.b64encode(b"words " * 100).decode()}}
    body = {"contents": [{"role": "user", "parts": [{"text": "Read."}, data]}]}
    inline = (await files._gemini.post(FLASH, body, method="countTokens")).json()
    assert counted == inline and counted["totalTokens"] == 152


async def test_a_file_may_come_in_several_pieces(files):
    content = b"x" * (GRANULARITY + 5)
    url = (await files.begin(size=len(content))).headers["x-goog-upload-url"]
    first = await files.piece(url, content[:GRANULARITY], command="upload")
    assert (first.status_code, first.headers["x-goog-upload-status"]) == (200, "active")
    wrong = await files.piece(url, content[GRANULARITY:], offset=0)
    assert (wrong.status_code, f"{GRANULARITY} bytes" in wrong.text) == (400, True)
    last = await files.piece(url, content[GRANULARITY:], offset=GRANULARITY)
    assert last.headers["x-goog-upload-status"] == "final"
    assert base64.b64decode(last.json()["file"]["sha256Hash"]).decode() == hashlib.sha256(content).hexdigest()
    assert (await files.piece(url, b"more")).status_code == 404


async def test_an_upload_may_be_ended_by_itself(files):
    content = b"x" * GRANULARITY
    url = (await files.begin(size=len(content))).headers["x-goog-upload-url"]
    await files.piece(url, content, command="upload")
    ended = await files.piece(url, b"", command="finalize")
    assert ended.json()["file"]["sizeBytes"] == str(GRANULARITY)


async def test_what_is_no_upload_is_refused(files):
    assert (await files.begin(**{"X-Goog-Upload-Protocol": "raw"})).status_code == 400
    assert (await files.begin(size=0)).status_code == 400
    url = (await files.begin(size=10)).headers["x-goog-upload-url"]
    assert (await files.piece(url, b"12345", command="sing")).status_code == 400
    assert (await files.piece(url, b"12345", command="upload")).status_code == 400  # no multiple of the granularity
    url = (await files.begin(size=10)).headers["x-goog-upload-url"]
    assert (await files.piece(url, b"12345")).status_code == 400  # less than was said
    url = (await files.begin(size=10)).headers["x-goog-upload-url"]
    assert (await files.piece(url, b"12345678901")).status_code == 400  # more than was said
    assert (await files.asked("GET", "files")).json() == {"files": []}


async def test_a_file_is_its_projects_alone(files):
    file = await files.uploaded()
    for method in ("GET", "DELETE"):
        refused = await files.asked(method, file["name"], key=OTHER)
        name = file["name"].removeprefix("files/")
        message = f"You do not have permission to access the File {name} or it may not exist."
        assert (refused.status_code, refused.json()["error"]["message"]) == (403, message)
    assert (await files.naming(file, key=OTHER)).json()["error"]["status"] == "PERMISSION_DENIED"
    assert (await files.asked("GET", "files", key=OTHER)).json() == {"files": []}
    assert (await files.naming(file, key="sim-alpha-2")).status_code == 200


async def test_a_deleted_file_is_there_no_more(files):
    file = await files.uploaded()
    assert (await files.asked("DELETE", file["name"])).json() == {}
    assert (await files.asked("GET", file["name"])).status_code == 403
    assert (await files.naming(file)).status_code == 403


async def test_a_file_is_gone_after_two_days(files, clock):
    file = await files.uploaded()
    clock.now += LIVES_SECONDS - 1
    assert (await files.naming(file)).status_code == 200
    clock.now += 1
    assert (await files.naming(file)).status_code == 403
    assert (await files.asked("GET", "files")).json() == {"files": []}


async def test_a_film_takes_a_moment(files, clock):
    file = await files.uploaded(b"a film", kind="video/mp4")
    assert file["state"] == "PROCESSING"
    early = (await files.naming(file)).json()["error"]
    assert (early["code"], early["status"]) == (400, "FAILED_PRECONDITION")
    assert "is not in an ACTIVE state" in early["message"]
    clock.now += 1
    assert (await files.asked("GET", file["name"])).json()["state"] == "ACTIVE"
    assert (await files.naming(file)).status_code == 200


async def test_a_key_that_is_refused_uploads_nothing(files):
    assert (await files.begin(key="sim-dead-alpha-9")).status_code == 400
    assert (await files.asked("GET", "files", key="sim-leaked-alpha-9")).status_code == 403


async def test_control_tells_every_file_and_how_many_bytes_each_call_brought(files):
    file = await files.uploaded()
    await files.uploaded(b"other", key=OTHER)
    listed = (await files.client.get("/control/files")).json()["files"]
    assert [(one["project"], one["sizeBytes"]) for one in listed] == [("alpha", str(len(PDF))), ("beta", "5")]
    assert listed[0]["name"] == file["name"]
    calls = (await files.client.get("/control/calls")).json()["calls"]
    assert [(call["method"], call["project"]) for call in calls[:2]] == [
        ("files.begin", "alpha"),
        ("files.upload", "alpha"),
    ]
    assert calls[1]["body_bytes"] == len(PDF)
    await files.client.post("/control/reset")
    assert (await files.client.get("/control/files")).json() == {"files": []}


async def test_uploads_over_a_connection(over_tcp):
    files = Files(over_tcp)
    content = bytes(range(256)) * 10_000
    file = await files.uploaded(content)
    assert hashlib.sha256(content).hexdigest() in text_of((await files.naming(file)).json())
