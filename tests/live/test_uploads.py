"""Files larger than a request, sent by the packages of Google and OpenAI under both servers, and named in a request."""

import base64
import hashlib
import io
import random
from pathlib import Path

import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.live.gateway import Gateway
from tests.scripted_gemini import ScriptedGemini

# More than the 20 MiB of a request, and nothing that compresses.
LARGE = random.Random(7).randbytes(21 * 1024 * 1024)


def client_of(gateway: Gateway, version: str | None = None) -> genai.Client:
    http = types.HttpOptions(base_url=gateway.url, timeout=30_000, api_version=version)
    return genai.Client(api_key=gateway.token, http_options=http)


def test_google_genai_keeps_a_file_of_many_pieces(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(LARGE)
    with client_of(gateway) as client:
        file = client.files.upload(file=path)
        assert (file.display_name, file.mime_type, file.size_bytes) == ("film.mp4", "video/mp4", len(LARGE))
        assert file.state == types.FileState.ACTIVE and file.expiration_time > file.create_time
        assert base64.b64decode(file.sha256_hash).decode() == hashlib.sha256(LARGE).hexdigest()
        assert client.files.get(name=file.name) == file
        assert file in list(client.files.list(config={"page_size": 1}))
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=30) as other:
            assert other.files.content(file.name.replace("files/", "file-")).read() == LARGE
        client.files.delete(name=file.name)
        with pytest.raises(errors.ClientError) as refused:
            client.files.get(name=file.name)
        assert (refused.value.code, refused.value.status) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("version", [None, "v1beta"])
def test_google_genai_names_its_file(gateway: Gateway, gemini: ScriptedGemini, model: str, version: str | None) -> None:
    with client_of(gateway, version) as client:
        config = types.UploadFileConfig(mime_type="text/csv", display_name="A table")
        file = client.files.upload(file=io.BytesIO(b"a,b\n1,2\n"), config=config)
        answer = client.models.generate_content(model=model, contents=[file, "What is in it?"])
        assert answer.text == "Hello!"
        client.files.delete(name=file.name)
    (call,) = gemini.calls_of(model)
    [part, _] = call.json["contents"][0]["parts"]
    assert part == {"inlineData": {"mimeType": "text/csv", "data": base64.b64encode(b"a,b\n1,2\n").decode()}}


async def test_google_genai_does_so_on_an_event_loop(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    client = client_of(gateway)
    config = types.UploadFileConfig(mime_type="text/plain")
    file = await client.aio.files.upload(file=io.BytesIO(b"Hello"), config=config)
    answer = await client.aio.models.generate_content(model=model, contents=[file, "What is in it?"])
    assert answer.text == "Hello!"
    await client.aio.files.delete(name=file.name)
    await client.aio.aclose()


def test_google_genai_is_told_what_is_refused(gateway: Gateway) -> None:
    with client_of(gateway) as client:
        config = types.UploadFileConfig(mime_type="text/plain", name="mine")
        with pytest.raises(errors.ClientError) as refused:
            client.files.upload(file=io.BytesIO(b"Hello"), config=config)
        assert (refused.value.code, refused.value.status) == (400, "INVALID_ARGUMENT")
        with pytest.raises(errors.ClientError) as empty:
            client.files.upload(file=io.BytesIO(b""), config=types.UploadFileConfig(mime_type="text/plain"))
        assert "empty" in str(empty.value)


def test_openai_sends_a_file_in_parts(gateway: Gateway, gemini: ScriptedGemini, model: str, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    md5 = hashlib.md5(LARGE, usedforsecurity=False).hexdigest()
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=30) as client:
        upload = client.uploads.upload_file_chunked(
            file=path, mime_type="application/octet-stream", purpose="user_data", part_size=8 * 1024 * 1024, md5=md5
        )
        assert (upload.status, upload.bytes) == ("completed", len(LARGE)) and upload.file is not None
        assert client.files.content(upload.file.id).read() == LARGE
        client.files.delete(upload.file.id)
        begun = client.uploads.create(bytes=1, filename="a", mime_type="text/plain", purpose="user_data")
        assert client.uploads.cancel(begun.id).status == "cancelled"
        with pytest.raises(openai.NotFoundError):
            client.uploads.complete(begun.id, part_ids=["part_0_1"])
        document = client.uploads.upload_file_chunked(
            file=b"a,b", filename="table.csv", bytes=3, mime_type="text/csv", purpose="user_data"
        )
        named = {"type": "file", "file": {"file_id": document.file.id}}
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": [named]}])
        assert answer.choices[0].message.content == "Hello!"
        client.files.delete(document.file.id)
    (call,) = gemini.calls_of(model)
    assert call.json["contents"][0]["parts"][0]["inlineData"]["mimeType"] == "text/csv"
