"""Files in Anthropic's words, and named by their id in the blocks of messages."""

import json

import httpx
import pytest

from tests.surface.conftest import ask

PDF = b"%PDF-1.7 a document"
PNG = b"\x89PNG\r\n\x1a\n a picture"


class Anthropics:
    """Files of one user, asked for as Anthropic's clients do."""

    def __init__(self, site):
        self.site = site

    async def ask(self, path, body=b"", method="GET", query="", **headers):
        told = {"x-api-key": self.site.token, "anthropic-version": "2023-06-01", **headers}
        return await ask(f"/v1/{path}", body, method=method, query=query.encode(), headers=tuple(told.items()))

    async def upload(self, content=b"Hello.", name="note.txt", kind="text/plain", **members):
        form = httpx.Request("POST", "http://localhost/", data=members, files={"file": (name, content, kind)})
        return await self.ask("files", form.read(), "POST", **{"content-type": form.headers["content-type"]})

    async def kept(self, *about, **more):
        answered = await self.upload(*about, **more)
        assert answered.status == 200, answered.body
        return answered.json["id"]

    async def say(self, *blocks, path="messages"):
        body = {"model": "gemini-2.5-flash", "max_tokens": 100, "messages": [{"role": "user", "content": list(blocks)}]}
        headers = {"content-type": "application/json"}
        return await self.ask(path, json.dumps(body).encode(), "POST", **headers)


@pytest.fixture
def asked(files):
    return Anthropics(files.site)


@pytest.fixture
def others(others_files):
    return Anthropics(others_files.site)


def error_of(answered):
    """Anthropic's envelope: type and message of the error."""
    assert answered.json.keys() == {"type", "error", "request_id"} and answered.json["type"] == "error"
    assert answered.json["request_id"] == answered.headers["request-id"]
    return answered.json["error"]["type"], answered.json["error"]["message"]


def named(file_id, kind="document"):
    return {"type": kind, "source": {"type": "file", "file_id": file_id}}


async def test_a_file_is_told_as_anthropic_does(asked, files):
    told = (await asked.upload(PDF, "paper.pdf", "application/pdf", expires_in_seconds="3600")).json
    assert told.keys() == {
        *("id", "type", "filename", "mime_type", "size_bytes", "created_at", "expires_at", "downloadable")
    }
    assert (told["type"], told["filename"], told["mime_type"]) == ("file", "paper.pdf", "application/pdf")
    assert (told["size_bytes"], told["downloadable"]) == (len(PDF), True)
    assert told["created_at"] < told["expires_at"] and told["created_at"].endswith("Z")
    answered = await asked.ask(f"files/{told['id']}")
    assert answered.json == told and answered.headers["request-id"] == answered.headers["x-request-id"]
    assert (await asked.ask(f"files/{told['id']}/content")).body == PDF
    seen = (await files.get(f"/{told['id']}")).json
    assert (seen["object"], seen["filename"], seen["expires_at"] - seen["created_at"]) == ("file", "paper.pdf", 3_600)
    deleted = await asked.ask(f"files/{told['id']}", method="DELETE")
    assert deleted.json == {"id": told["id"], "type": "file_deleted"}
    assert (await files.get(f"/{told['id']}")).status == 404


async def test_lists_come_in_pages(asked):
    ids = [await asked.kept(name=f"{number}.txt") for number in range(5)][::-1]
    first = (await asked.ask("files", query="limit=2")).json
    assert ([file["id"] for file in first["data"]], first["has_more"]) == (ids[:2], True)
    assert (first["first_id"], first["last_id"]) == (ids[0], ids[1])
    for query in (f"page={first['next_page']}", f"after_id={first['last_id']}"):
        rest = (await asked.ask("files", query=query)).json
        assert ([file["id"] for file in rest["data"]], rest["has_more"]) == (ids[2:], False)
        assert rest["next_page"] is None
    for query in (f"ids={ids[1]}&ids={ids[3]}&ids=file-none", f"ids[]={ids[1]},{ids[3]}"):
        some = (await asked.ask("files", query=query)).json
        assert [file["id"] for file in some["data"]] == [ids[1], ids[3]]
    many = "&".join(f"ids=file-{number}" for number in range(101))
    for wrong in ("limit=0", "limit=1001", many):
        answered = await asked.ask("files", query=wrong)
        assert answered.status == 400 and error_of(answered)[0] == "invalid_request_error"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"content": b""}, "The file is empty."),
        ({"expires_in_seconds": "60"}, "expires_in_seconds"),
        ({"expires_in_seconds": "soon"}, "expires_in_seconds"),
    ],
)
async def test_what_is_no_file_is_refused(asked, sent, message):
    answered = await asked.upload(**sent)
    assert answered.status == 400
    kind, told = error_of(answered)
    assert kind == "invalid_request_error" and message in told
    assert (await asked.ask("files")).json["data"] == []


async def test_anothers_file_is_answered_as_one_that_never_was(asked, others):
    file_id = await asked.kept()
    for path, method in (("", "GET"), ("/content", "GET"), ("", "DELETE")):
        answered = await others.ask(f"files/{file_id}{path}", method=method)
        never = await others.ask(f"files/file-never{path}", method=method)
        assert answered.status == never.status == 404
        kind, message = error_of(answered)
        assert (kind, message) == ("not_found_error", error_of(never)[1].replace("file-never", file_id))
    assert (await asked.ask(f"files/{file_id}")).status == 200
    refused = await ask("/v1/files", method="GET", headers=(("anthropic-version", "2023-06-01"),))
    assert (refused.status, error_of(refused)[0]) == (401, "authentication_error")


@pytest.mark.parametrize(
    ("kind", "content", "name", "type_"),
    [
        ("document", PDF, "paper", "application/pdf"),
        ("document", b"a,b", "table.csv", "text/csv"),
        ("image", PNG, "picture.png", "image/png"),
    ],
)
@pytest.mark.parametrize("path", ["messages", "messages/count_tokens"])
async def test_a_block_names_a_file(asked, files, kind, content, name, type_, path):
    file_id = await asked.kept(content, name)
    answered = await asked.say({"type": "text", "text": "What is it?"}, named(file_id, kind), path=path)
    assert answered.status == 200, answered.body
    body = files.site.gemini.calls[-1][3]
    [said, part] = body.get("generateContentRequest", body)["contents"][0]["parts"]
    assert part["inlineData"]["mimeType"] == type_ and said == {"text": "What is it?"}
    assert file_id not in str(files.site.gemini.calls)


async def test_the_result_of_a_tool_names_a_file(asked, files):
    file_id = await asked.kept(PDF, "paper.pdf")
    call = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [named(file_id)]}
    body = {
        **{"model": "gemini-2.5-flash", "max_tokens": 100},
        "messages": [
            {"role": "user", "content": "Read"},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ],
        "tools": [{"name": "read", "input_schema": {"type": "object"}}],
    }
    answered = await asked.ask("messages", json.dumps(body).encode(), "POST", **{"content-type": "application/json"})
    assert answered.status == 200, answered.body
    assert "application/pdf" in str(files.site.gemini.calls[-1][3])


async def test_nobody_names_anothers_file(asked, others):
    file_id = await asked.kept(PDF, "paper.pdf")
    for one in (file_id, "file-never"):
        answered = await others.say({"type": "text", "text": "What is it?"}, named(one))
        assert (answered.status, error_of(answered)) == (
            404,
            ("not_found_error", f"messages[0].content[1].source.file_id: No such File object: {one}"),
        )
    assert await others.site.untouched()


async def test_a_file_without_its_id_is_refused(asked):
    for kind in ("image", "document"):
        answered = await asked.say({"type": kind, "source": {"type": "file"}})
        assert answered.status == 400
        assert error_of(answered)[1].startswith("messages[0].content[0].source: ")
