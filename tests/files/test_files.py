"""Files: taken, told, read, found by their owner alone, and gone in time."""

import asyncio
import json
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import DataError, connection
from django.utils import timezone

from accounts import files as stored
from accounts import metering
from accounts.models import FilePart, StoredFile, UsageRecord
from accounts.rotation import rotate_sealing
from compat.relay import copies
from compat.views import documents
from tests.live.openapi import check

LARGE = bytes(range(256)) * 3_000


async def test_a_file_is_told_as_openai_does_and_read_as_it_came(files):
    answered = await files.upload(LARGE, "caf\u00e9 \u2603.bin", "user_data")
    told = answered.json
    now = timezone.now().timestamp()
    assert (told["object"], told["bytes"], told["filename"]) == ("file", len(LARGE), "caf\u00e9 \u2603.bin")
    assert (told["purpose"], told["status"]) == ("user_data", "processed")
    assert abs(told["created_at"] - now) < 30 and told["expires_at"] - told["created_at"] == 30 * 86_400
    assert (await files.get(f"/{told['id']}")).json == told
    content = await files.get(f"/{told['id']}/content")
    assert (content.status, content.body) == (200, LARGE)
    assert content.headers["content-type"] == "application/octet-stream"
    assert content.headers["content-length"] == str(len(LARGE))
    assert "attachment" in content.headers["content-disposition"]
    head = await files.site.ask(f"/v1/files/{told['id']}/content", method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(LARGE)))


async def test_a_file_lives_as_long_as_it_is_asked_to_and_no_longer_than_the_server_keeps_any(files, settings):
    hour = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    told = (await files.upload(**hour)).json
    assert told["expires_at"] - told["created_at"] == 3_600
    settings.FILE_DAYS = 1
    told = (await files.upload(**{**hour, "expires_after[seconds]": "2592000"})).json
    assert told["expires_at"] - told["created_at"] == 86_400


async def test_lists_come_in_pages(files):
    ids = [await files.kept(name=f"{number}.txt", purpose="batch" if number == 2 else "vision") for number in range(5)]
    first = (await files.get(query="limit=2&order=asc")).json
    assert ([file["id"] for file in first["data"]], first["has_more"]) == (ids[:2], True)
    assert (first["first_id"], first["last_id"], first["object"]) == (ids[0], ids[1], "list")
    rest = (await files.get(query=f"limit=3&order=asc&after={ids[1]}")).json
    assert ([file["id"] for file in rest["data"]], rest["has_more"]) == (ids[2:], False)
    assert [file["id"] for file in (await files.get()).json["data"]] == ids[::-1]
    assert [file["id"] for file in (await files.get(query="purpose=batch")).json["data"]] == [ids[2]]
    behind_nothing = (await files.get(query="after=file-none")).json
    assert (behind_nothing["data"], behind_nothing["first_id"], behind_nothing["has_more"]) == ([], None, False)


@pytest.mark.parametrize(
    ("query", "param"), [("limit=0", "limit"), ("limit=10001", "limit"), ("limit=x", "limit"), ("order=up", "order")]
)
async def test_a_wrong_page_is_refused(files, query, param):
    answered = await files.get(query=query)
    assert (answered.status, answered.error["param"], answered.error["code"]) == (400, param, "invalid_value")


@pytest.mark.parametrize(
    ("sent", "param", "code"),
    [
        ({"purpose": "fine-tune"}, "purpose", "invalid_value"),
        ({"purpose": ""}, "purpose", "invalid_value"),
        ({"content": b""}, "file", "empty_file"),
        ({"expires_after[seconds]": "3600"}, "expires_after.anchor", "missing_required_parameter"),
        (
            {"expires_after[anchor]": "last_active_at", "expires_after[seconds]": "3600"},
            "expires_after.anchor",
            "invalid_value",
        ),
        (
            {"expires_after[anchor]": "created_at", "expires_after[seconds]": "60"},
            "expires_after.seconds",
            "integer_below_min_value",
        ),
        (
            {"expires_after[anchor]": "created_at", "expires_after[seconds]": "soon"},
            "expires_after.seconds",
            "invalid_type",
        ),
    ],
)
async def test_what_is_no_file_is_refused(files, sent, param, code):
    answered = await files.upload(**sent)
    assert (answered.status, answered.error["param"], answered.error["code"]) == (400, param, code)
    assert (await files.get()).json["data"] == []


async def test_a_form_is_asked_for_with_a_file_in_it(files):
    assert (await files.site.ask("/v1/files", b"{}")).status == 415
    boundary = (("content-type", "multipart/form-data; boundary=b"),)
    text = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n'
    answered = await files.site.ask("/v1/files", text, headers=boundary)
    assert (answered.status, answered.error["param"]) == (400, "file")


async def test_a_file_may_be_as_large_as_a_request_and_all_of_a_user_as_large_as_the_server_says(files, settings):
    settings.MAX_BODY_BYTES = 64 * 1024
    assert (await files.upload(b"x" * 70_000)).status == 413
    settings.MAX_BODY_BYTES = 4 * 1024 * 1024
    settings.FILES_MIB = 1
    await files.kept(b"x" * 600_000)
    refused = await files.upload(b"x" * 600_000)
    assert (refused.status, refused.error["code"]) == (400, "files_full")


async def test_two_files_at_once_do_not_take_the_room_of_one(files, settings):
    settings.FILES_MIB = 1
    answered = await asyncio.gather(*(files.upload(b"x" * 600_000) for _ in range(3)))
    assert sorted(one.status for one in answered) == [200, 400, 400]


async def test_a_name_that_no_database_takes_is_the_clients_mistake(files, monkeypatch):
    def find(user_id, file_id):
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    monkeypatch.setattr(stored, "find", find)
    assert (await files.get("/file-\0")).status == 400


async def test_a_deleted_file_is_gone(files):
    file_id = await files.kept(LARGE)
    assert (await files.delete(file_id)).json == {"id": file_id, "object": "file", "deleted": True}
    for answered in (
        await files.get(f"/{file_id}"),
        await files.get(f"/{file_id}/content"),
        await files.delete(file_id),
    ):
        assert (answered.status, answered.error["param"], answered.error["code"]) == (404, "id", "not_found")
    assert not await sync_to_async(FilePart.objects.exists)()


async def test_anothers_file_is_answered_as_one_that_never_was(files, others_files):
    file_id = await files.kept()
    for path in (f"/{file_id}", f"/{file_id}/content"):
        answered, never = await others_files.get(path), await others_files.get(path.replace(file_id, "file-never"))
        assert (answered.status, never.status) == (404, 404)
        assert answered.error["message"] == never.error["message"].replace("file-never", file_id)
    assert (await others_files.delete(file_id)).status == 404
    assert (await others_files.get()).json["data"] == []
    assert (await others_files.get(query=f"after={file_id}")).json["data"] == []
    assert (await files.get(f"/{file_id}")).status == 200


async def test_what_is_over_is_not_there_and_then_erased(files):
    file_id = await files.kept()
    await sync_to_async(StoredFile.objects.update)(expires=timezone.now() - timedelta(seconds=1))
    assert (await files.get(f"/{file_id}")).status == 404
    await files.kept()
    await sync_to_async(stored.purge)(timezone.now(), 10)
    assert await sync_to_async(StoredFile.objects.count)() == await sync_to_async(FilePart.objects.count)() == 1


async def test_the_database_alone_tells_neither_name_nor_content(files):
    await files.kept(b"a very private text", "a-very-private-name.txt")
    dumped = await sync_to_async(_everything)()
    assert b"private" not in dumped


def _everything():
    found = b""
    with connection.cursor() as cursor:
        for table in ("accounts_storedfile", "accounts_filepart"):
            cursor.execute(f"select * from {table}")
            for row in cursor.fetchall():
                found += b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    return found


async def test_a_file_whose_encryption_key_is_gone_is_told_so(files, settings):
    file_id = await files.kept()
    settings.ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    assert (await files.get(f"/{file_id}")).json["filename"] == ""
    content = await files.get(f"/{file_id}/content")
    assert (content.status, content.error["type"]) == (404, "invalid_request_error")
    assert "encryption key" in content.error["message"]
    answered = await files.site.chat(messages=_naming(file_id))
    assert (answered.status, answered.error["type"]) == (404, "invalid_request_error")


async def test_a_rotation_seals_files_anew(files, settings):
    file_id, (old, *_) = await files.kept(LARGE), settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", old]
    await sync_to_async(rotate_sealing)()
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    assert (await files.get(f"/{file_id}/content")).body == LARGE


# --- In conversations ----------------------------------------------------------------------------------------

PDF = b"%PDF-1.7 a document"
PNG = b"\x89PNG\r\n\x1a\n a picture"


def _naming(file_id):
    return [{"role": "user", "content": [{"type": "file", "file": {"file_id": file_id}}]}]


def _item(part):
    return [{"role": "user", "content": [part, {"type": "input_text", "text": "What is it?"}]}]


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (PDF, "paper", "application/pdf"),
        (b"a,b", "table.csv", "text/csv"),
        (PNG, "picture.png", "image/png"),
        (b"sound", "sound.wav", "audio/wav"),
    ],
)
async def test_a_chat_names_a_file(files, content, name, kind):
    file_id = await files.kept(content, name)
    answered = await files.site.chat(messages=_naming(file_id))
    assert answered.status == 200, answered.body
    (part,) = files.site.gemini.calls[-1][3]["contents"][0]["parts"]
    assert part["inlineData"]["mimeType"] == kind
    assert "fileData" not in part and file_id not in str(files.site.gemini.calls)


@pytest.mark.parametrize(("kind", "content", "name"), [("input_file", PDF, "a.pdf"), ("input_image", PNG, "a.png")])
@pytest.mark.parametrize("path", ["responses", "responses/input_tokens"])
async def test_a_response_names_a_file(files, kind, content, name, path):
    file_id = await files.kept(content, name)
    request = {"model": "gpt-4o", "input": _item({"type": kind, "file_id": file_id})}
    answered = await files.site.chat(json.dumps(request).encode(), path=f"/v1/{path}")
    assert answered.status == 200, answered.body
    assert "inlineData" in str(files.site.gemini.calls[-1][3])


async def test_nobody_names_anothers_file(files, others_files):
    file_id = await files.kept(PDF)
    answered = await others_files.site.chat(messages=_naming(file_id))
    assert (answered.status, answered.error["param"]) == (404, "messages[0].content[0].file.file_id")
    assert await others_files.site.untouched()


async def test_a_file_of_a_kind_that_gemini_does_not_take_is_refused(files):
    file_id = await files.kept(b"PK\x03\x04", "archive.zip")
    answered = await files.site.chat(messages=_naming(file_id))
    assert (answered.status, answered.error["param"]) == (400, "messages[0].content[0].file.file_data")


async def test_where_nothing_goes_ahead_what_is_named_together_is_no_larger_than_a_request(files, settings):
    settings.GEMINI_FILES = "never"
    one, other = [await files.kept(PDF + bytes(40_000)) for _ in range(2)]
    settings.MAX_BODY_BYTES = 64 * 1024
    for twice in ((one, other), (one, one)):
        answered = await files.site.chat(messages=[message for file_id in twice for message in _naming(file_id)])
        assert (answered.status, answered.error["code"]) == (400, "request_too_large")


async def test_of_what_does_not_fit_into_a_request_the_largest_goes_ahead_of_it(files, settings):
    settings.MAX_BODY_BYTES = 64 * 1024
    small, large = await files.kept(PDF + bytes(20_000)), await files.kept(PDF + bytes(60_000), "large.pdf")
    answered = await files.site.chat(messages=[message for file_id in (small, large) for message in _naming(file_id)])
    assert answered.status == 200, answered.body
    (uploaded,) = files.site.gemini.files.uploads
    assert (uploaded.content, uploaded.mime_type) == (PDF + bytes(60_000), "application/pdf")
    parts = files.site.gemini.calls[-1][3]["contents"][0]["parts"]
    assert "inlineData" in parts[0]
    assert parts[1] == {"fileData": {"mimeType": "application/pdf", "fileUri": uploaded.uri}}
    assert large not in str(files.site.gemini.calls)


@pytest.mark.parametrize(
    ("limit_mib", "size_mib", "goes_ahead"), [(20, 20, False), (20, 21, True), (80, 11, False), (80, 13, True), (200, 1, True)]
)  # fmt: skip
def test_a_request_with_its_files_is_no_larger_than_gemini_takes(settings, limit_mib, size_mib, goes_ahead):
    """100 MB, of which the client's own part may have as much as a body here, and base64 takes a third more."""
    settings.MAX_BODY_BYTES = limit_mib * 1024 * 1024
    assert documents._ahead({"a": size_mib * 1024 * 1024}) == ({"a"} if goes_ahead else set())


async def test_what_is_named_twice_counts_twice_and_goes_ahead_once(files, settings):
    settings.MAX_BODY_BYTES = 64 * 1024
    file_id = await files.kept(PDF + bytes(40_000))
    assert (await files.site.chat(messages=2 * _naming(file_id))).status == 200
    (uploaded,) = files.site.gemini.files.uploads
    parts = files.site.gemini.calls[-1][3]["contents"][0]["parts"]
    assert [part["fileData"]["fileUri"] for part in parts] == 2 * [uploaded.uri]


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (PDF, "paper", "application/pdf"),
        (b"a,b", "table.csv", "text/csv"),
        (PNG, "picture.png", "image/png"),
        (b"film", "film.mp4", "video/mp4"),
    ],
)
async def test_every_file_goes_ahead_where_that_is_wished(files, settings, content, name, kind):
    settings.GEMINI_FILES = "always"
    file_id = await files.kept(content, name)
    assert (await files.site.chat(messages=_naming(file_id))).status == 200
    request = {"model": "gpt-4o", "input": _item({"type": "input_file", "file_id": file_id})}
    assert (await files.site.chat(json.dumps(request).encode(), path="/v1/responses")).status == 200
    part = {"fileData": {"fileUri": f"files/{file_id}"}}
    body = json.dumps({"contents": [{"role": "user", "parts": [part]}]}).encode()
    for act in ("generateContent", "countTokens"):
        assert (await files.site.ask(f"/v1beta/models/gemini-2.5-flash:{act}", body)).status == 200
    (uploaded,) = files.site.gemini.files.uploads
    assert (uploaded.content, uploaded.mime_type) == (content, kind)
    for _, _, _, asked in files.site.gemini.calls:
        assert asked["contents"][0]["parts"][0] == {"fileData": {"mimeType": kind, "fileUri": uploaded.uri}}


async def test_a_file_of_a_kind_that_gemini_does_not_take_does_not_go_ahead(files, settings):
    settings.GEMINI_FILES = "always"
    file_id = await files.kept(b"PK\x03\x04", "archive.zip")
    assert (await files.site.chat(messages=_naming(file_id))).status == 400
    assert not files.site.gemini.files.begun


async def test_nobodys_file_goes_ahead_of_anothers_request(files, others_files, settings):
    settings.GEMINI_FILES = "always"
    file_id = await files.kept(PDF)
    assert (await others_files.site.chat(messages=_naming(file_id))).status == 404
    assert not others_files.site.gemini.files.begun


@pytest.mark.parametrize("uri", ["stored:file-0", "STORED:file-0"])
async def test_nobody_writes_what_stands_for_a_file_that_goes_ahead(files, uri):
    body = json.dumps({"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": uri}}]}]}).encode()
    assert (await files.site.ask("/v1beta/models/gemini-2.5-flash:generateContent", body)).status == 400
    part = {"type": "image_url", "image_url": {"url": uri}}
    assert (await files.site.chat(messages=[{"role": "user", "content": [part]}])).status == 400
    assert not files.site.gemini.calls


ANTHROPICS = (("anthropic-version", "2023-06-01"),)


@pytest.mark.parametrize(("path", "headers"), [("/v1/files/", ()), ("/v1beta/files/", ()), ("/v1/files/", ANTHROPICS)])
async def test_whoever_deletes_a_file_deletes_its_copies_at_gemini(files, settings, path, headers):
    settings.GEMINI_FILES = "always"
    file_id = await files.kept(PDF)
    await files.site.chat(messages=_naming(file_id))
    (uploaded,) = files.site.gemini.files.uploads
    assert (await files.site.ask(f"{path}{file_id}", method="DELETE", headers=headers)).status == 200
    await copies.drained()
    assert files.site.gemini.files.deleted == [(uploaded.key, uploaded.name)]


async def test_a_request_whose_files_went_ahead_is_recorded_once(files, settings):
    settings.GEMINI_FILES = "always"
    file_id = await files.kept(PDF)
    answered = await files.site.chat(messages=_naming(file_id), stream=True)
    assert answered.status == 200 and b"[DONE]" in answered.body
    await metering.flush()
    (record,) = await sync_to_async(lambda: list(UsageRecord.objects.all()))()
    assert (record.status, record.attempts, record.counts_from) == (200, 1, "upstream")


# --- As OpenAI's own document has it ---------------------------------------------------------------------------


async def test_answers_are_what_openai_says_they_are(files):
    told = (await files.upload()).json
    check(told, "OpenAIFile")
    check((await files.get()).json, "ListFilesResponse")
    check((await files.get(query="after=none")).json, "ListFilesResponse")
    check((await files.get("/file-none")).json, "ErrorResponse")
    check((await files.delete(told["id"])).json, "DeleteFileResponse")


async def test_geminis_own_requests_bring_the_files_that_they_name(files, others_files):
    file_id = await files.kept(b"%PDF-1.7 and more", "report.pdf")
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    part = {"fileData": {"fileUri": f"files/{file_id}"}}
    body = json.dumps({"contents": [{"role": "user", "parts": [{"text": "Read"}, part]}]}).encode()
    assert (await others_files.site.ask(path, body)).status == 403
    assert not files.site.gemini.calls
    assert (await files.site.ask(path, body)).status == 200
    [(_, _, _, asked)] = files.site.gemini.calls
    data = {"mimeType": "application/pdf", "data": "JVBERi0xLjcgYW5kIG1vcmU="}
    assert asked["contents"][0]["parts"] == [{"text": "Read"}, {"inlineData": data}]
