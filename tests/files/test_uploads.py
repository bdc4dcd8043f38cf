"""OpenAI's uploads: files larger than one request, in parts that come in any order."""

import asyncio
import hashlib
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts import purging
from accounts import uploads as stored
from accounts.models import FilePart, FileUpload, StoredFile
from accounts.rotation import rotate_sealing
from tests.files.test_files import _naming
from tests.surface.conftest import ask

LARGE = bytes(range(256)) * 6_000
HALF = len(LARGE) // 2


class Uploads:
    """Uploads of one user, in OpenAI's words."""

    def __init__(self, site):
        self.site = site

    async def post(self, path="", **members):
        body = json.dumps(members).encode() if members else b""
        return await self.site.ask(f"/v1/uploads{path}", body, headers=(("content-type", "application/json"),))

    async def begin(self, size=2 * HALF, **members):
        about = {"bytes": size, "filename": "large.bin", "mime_type": "text/plain", "purpose": "user_data"}
        return await self.post(**about | members)

    async def begun(self, *about, **more):
        answered = await self.begin(*about, **more)
        assert answered.status == 200, answered.body
        return answered.json["id"]

    async def part(self, upload_id, data):
        form = httpx.Request("POST", "http://localhost/", files={"data": ("part", data)})
        headers = (("content-type", form.headers["content-type"]),)
        return await self.site.ask(f"/v1/uploads/{upload_id}/parts", form.read(), headers=headers)

    async def parts(self, upload_id, *pieces):
        return [(await self.part(upload_id, piece)).json["id"] for piece in pieces]


@pytest.fixture
def asked(files):
    return Uploads(files.site)


@pytest.fixture
def others(others_files):
    return Uploads(others_files.site)


async def test_a_file_is_made_of_its_parts(asked, files):
    told = (await asked.begin()).json
    assert (told["object"], told["status"], told["bytes"], told["file"]) == ("upload", "pending", len(LARGE), None)
    assert (told["filename"], told["purpose"]) == ("large.bin", "user_data")
    assert told["expires_at"] - told["created_at"] == 3_600
    part = (await asked.part(told["id"], LARGE[:HALF])).json
    assert (part["object"], part["upload_id"]) == ("upload.part", told["id"]) and part["created_at"] >= told[
        "created_at"
    ]
    [second] = await asked.parts(told["id"], LARGE[HALF:])
    assert (await files.get()).json["data"] == [], "not before it is whole"
    md5 = hashlib.md5(LARGE, usedforsecurity=False).hexdigest()
    done = (await asked.post(f"/{told['id']}/complete", part_ids=[part["id"], second], md5=md5)).json
    assert (done["status"], done["bytes"]) == ("completed", len(LARGE))
    assert done["file"] == (await files.get(f"/{done['file']['id']}")).json
    assert (await files.get(f"/{done['file']['id']}/content")).body == LARGE
    assert done["file"]["expires_at"] - done["file"]["created_at"] == 30 * 86_400


async def test_the_order_is_the_one_that_is_named(asked, files, settings):
    upload_id = await asked.begun(3 * 300_000)
    pieces = [bytes([n]) * 300_000 for n in range(4)]
    ids = await asked.parts(upload_id, *pieces)
    named = [ids[2], ids[0], ids[3]]
    done = (await asked.post(f"/{upload_id}/complete", part_ids=named)).json
    path = f"/{done['file']['id']}/content"
    content = pieces[2] + pieces[0] + pieces[3]
    assert (await files.get(path)).body == content, "and the part that was left out is gone"
    assert await sync_to_async(FilePart.objects.count)() == 6
    told = await asked.site.ask(f"/v1beta/files/{done['file']['id']}", method="GET")
    assert told.json["mimeType"] == "text/plain"
    # Parts are bound to the numbers that they came with, also when they are sealed anew.
    old = settings.ENCRYPTION_KEYS[0]
    settings.ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", old]
    await sync_to_async(rotate_sealing)()
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    assert (await files.get(path)).body == content
    assert (await asked.site.ask(f"/v1beta/files/{done['file']['id']}", method="GET")).json == told.json


async def test_parts_may_come_at_once(asked, files):
    upload_id = await asked.begun(5 * 300_000)
    pieces = [bytes([n]) * 300_000 for n in range(5)]
    answered = await asyncio.gather(*(asked.part(upload_id, piece) for piece in pieces))
    ids = [one.json["id"] for one in answered]
    assert len(set(ids)) == 5
    done = (await asked.post(f"/{upload_id}/complete", part_ids=ids)).json
    assert (await files.get(f"/{done['file']['id']}/content")).body == b"".join(pieces)


async def test_a_client_that_heard_no_answer_may_complete_again(asked, files):
    upload_id = await asked.begun(6)
    ids = await asked.parts(upload_id, b"Hello.")
    first, again = [await asked.post(f"/{upload_id}/complete", part_ids=ids) for _ in range(2)]
    assert first.status == again.status == 200 and first.json == again.json
    assert len((await files.get()).json["data"]) == 1
    assert (await asked.part(upload_id, b"more")).status == 404
    assert (await asked.post(f"/{upload_id}/cancel")).status == 404
    assert (await files.get(f"/{first.json['file']['id']}")).status == 200


async def test_of_two_that_complete_at_once_each_is_told_of_one_file(asked, files):
    upload_id = await asked.begun(6)
    ids = await asked.parts(upload_id, b"Hello.")
    answered = await asyncio.gather(*(asked.post(f"/{upload_id}/complete", part_ids=ids) for _ in range(3)))
    assert {one.status for one in answered} <= {200, 404} and 200 in {one.status for one in answered}
    assert len((await files.get()).json["data"]) == 1


async def test_a_part_that_comes_while_it_is_completed_spoils_nothing(asked, files, monkeypatch):
    upload_id = await asked.begun(6)
    ids = await asked.parts(upload_id, b"Hello.")
    row = await sync_to_async(stored.find)(upload_id)
    await asked.part(upload_id, b"more")
    with pytest.raises(stored.Overtaken):
        await sync_to_async(stored.finish)(row, [1], 6, "")
    done = await asked.post(f"/{upload_id}/complete", part_ids=ids)
    assert done.status == 200 and (await files.get(f"/{done.json['file']['id']}/content")).body == b"Hello."


async def test_a_client_may_change_its_mind_about_the_way_to_send(asked, files):
    """What came in the other way has no place in the order that is named."""
    begun = await asked.site.ask(
        "/upload/v1beta/files",
        headers=(("x-goog-upload-protocol", "resumable"), ("x-goog-upload-command", "start")),
    )
    address = urlsplit(begun.headers["x-goog-upload-url"])
    told = (("x-goog-upload-command", "upload"), ("x-goog-upload-offset", "0"))
    assert (await ask(address.path, b"no", query=address.query.encode(), headers=told)).status == 200
    upload_id = parse_qs(address.query)["upload_id"][0].partition(":")[0]
    ids = await asked.parts(upload_id, b"Hello.")
    done = await asked.post(f"/{upload_id}/complete", part_ids=ids)
    assert done.status == 200, done.body
    assert (await files.get(f"/{done.json['file']['id']}/content")).body == b"Hello."


async def test_a_cancelled_upload_is_gone(asked):
    upload_id = await asked.begun()
    await asked.parts(upload_id, LARGE[:HALF])
    told = (await asked.post(f"/{upload_id}/cancel")).json
    assert (told["id"], told["status"]) == (upload_id, "cancelled")
    assert not await sync_to_async(StoredFile.objects.exists)() and not await sync_to_async(FilePart.objects.exists)()
    for path in ("complete", "cancel"):
        answered = await asked.post(f"/{upload_id}/{path}", part_ids=["part_0_1"])
        assert (answered.status, answered.error["param"], answered.error["code"]) == (404, "upload_id", "not_found")


async def test_anothers_upload_is_answered_as_one_that_never_was(asked, others):
    upload_id = await asked.begun(6)
    ids = await asked.parts(upload_id, b"Hello.")
    for one in (upload_id, "upload_never"):
        answered = (
            await others.part(one, b"x"),
            await others.post(f"/{one}/complete", part_ids=ids),
            await others.post(f"/{one}/cancel"),
        )
        assert {(each.status, each.error["message"]) for each in answered} == {(404, f"No such Upload object: {one}")}
    mine = await others.begun(6)
    answered = await others.post(f"/{mine}/complete", part_ids=ids)
    assert (answered.status, answered.error["param"]) == (400, "part_ids")
    assert (await asked.post(f"/{upload_id}/complete", part_ids=ids)).status == 200


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"bytes": 0}, "bytes", "integer_below_min_value"),
        ({"bytes": "6"}, "bytes", "invalid_type"),
        ({"filename": None}, "filename", "invalid_type"),
        ({"purpose": "fine-tune"}, "purpose", "invalid_value"),
        ({"mime_type": 1}, "mime_type", "invalid_type"),
        (
            {"expires_after": {"anchor": "created_at", "seconds": 60}},
            "expires_after.seconds",
            "integer_below_min_value",
        ),
        ({"bytes": 300 * 1024 * 1024}, "bytes", "files_full"),
    ],
)
async def test_what_begins_no_upload_is_refused(asked, members, param, code):
    answered = await asked.begin(**members)
    assert (answered.status, answered.error["param"], answered.error["code"]) == (400, param, code)
    assert not await sync_to_async(FileUpload.objects.exists)()


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        (lambda ids: {"part_ids": []}, "part_ids", "empty_array"),
        (lambda ids: {"part_ids": ids * 2}, "part_ids", "invalid_value"),
        (lambda ids: {"part_ids": [*ids, ids[0][:-1] + "01"]}, "part_ids", "invalid_value"),
        (lambda ids: {"part_ids": [*ids, "part_0_1"]}, "part_ids", "invalid_value"),
        (lambda ids: {"part_ids": [ids[0][:-1] + "2"]}, "part_ids", "invalid_value"),
        (lambda ids: {"part_ids": [ids[0][:-1] + "0"]}, "part_ids", "invalid_value"),
        (lambda ids: {"part_ids": [1]}, "part_ids[0]", "invalid_type"),
        (lambda ids: {"md5": "0"}, "part_ids", "missing_required_parameter"),
        (lambda ids: {"part_ids": ids, "md5": "0" * 32}, "md5", "checksum_mismatch"),
    ],
)
async def test_what_makes_no_file_is_refused(asked, files, change, param, code):
    upload_id = await asked.begun(6)
    ids = await asked.parts(upload_id, b"Hello.")
    answered = await asked.post(f"/{upload_id}/complete", **change(ids))
    assert (answered.status, answered.error["param"], answered.error["code"]) == (400, param, code)
    assert (await files.get()).json["data"] == []
    assert (await asked.post(f"/{upload_id}/complete", part_ids=ids)).status == 200


async def test_a_file_has_the_bytes_that_it_was_said_to_have(asked):
    upload_id = await asked.begun(7)
    ids = await asked.parts(upload_id, b"Hello.")
    answered = await asked.post(f"/{upload_id}/complete", part_ids=ids)
    assert (answered.status, answered.error["code"]) == (400, "upload_out_of_step")
    more = await asked.parts(upload_id, b".")
    assert (await asked.post(f"/{upload_id}/complete", part_ids=ids + more)).status == 200


async def test_a_part_is_a_file_in_a_form(asked):
    upload_id = await asked.begun(6)
    assert (await asked.part(upload_id, b"")).error["code"] == "empty_file"
    assert (await asked.post(f"/{upload_id}/parts", data="x")).status == 415
    text = b'--b\r\nContent-Disposition: form-data; name="data"\r\n\r\nx\r\n--b--\r\n'
    headers = (("content-type", "multipart/form-data; boundary=b"),)
    answered = await asked.site.ask(f"/v1/uploads/{upload_id}/parts", text, headers=headers)
    assert (answered.status, answered.error["param"]) == (400, "data")


async def test_a_part_that_is_too_large_is_told_how_to_be_smaller(asked, settings):
    settings.MAX_BODY_BYTES = 1_000_000
    upload_id = await asked.begun(2_000_000)
    refused = await asked.part(upload_id, b"x" * 1_500_000)
    assert (refused.status, refused.error["code"]) == (413, "request_too_large")
    assert "part_size" in refused.error["message"]
    assert (await asked.part(upload_id, b"x" * 900_000)).status == 200


async def test_more_than_was_told_takes_more_room(asked, settings):
    settings.FILES_MIB = 1
    upload_id = await asked.begun(6)
    assert (await asked.part(upload_id, b"x" * 600_000)).status == 200
    refused = await asked.part(upload_id, b"x" * 600_000)
    assert (refused.status, refused.error["code"], refused.error["param"]) == (400, "files_full", "data")


async def test_an_upload_has_so_many_parts(asked, monkeypatch):
    monkeypatch.setattr(stored, "MOST_STRETCHES", 2)
    upload_id = await asked.begun(6)
    answered = [await asked.part(upload_id, b"xx") for _ in range(3)]
    assert [one.status for one in answered] == [200, 200, 400]
    assert answered[2].error["code"] == "too_many_parts"


async def test_an_upload_has_an_hour_and_the_file_the_time_that_was_asked_for(asked, files):
    upload_id = await asked.begun(6, expires_after={"anchor": "created_at", "seconds": 7_200})
    ids = await asked.parts(upload_id, b"Hello.")
    told = (await asked.post(f"/{upload_id}/complete", part_ids=ids)).json["file"]
    assert told["expires_at"] - told["created_at"] == 7_200
    late = await asked.begun(6)
    past = timezone.now() - timedelta(seconds=1)
    await sync_to_async(FileUpload.objects.update)(expires=past)
    await sync_to_async(StoredFile.objects.filter(whole=False).update)(expires=past)
    assert (await asked.part(late, b"x")).status == 404
    await sync_to_async(purging.purge_some)()
    assert not await sync_to_async(FileUpload.objects.exists)()
    assert [file["id"] for file in (await files.get()).json["data"]] == [told["id"]]


@pytest.mark.parametrize("mime_type", ["text/csv", "Text/CSV; charset=utf-8"])
async def test_a_conversation_names_what_was_uploaded(asked, files, mime_type):
    """Its name tells nothing: it is read as its owner says."""
    upload_id = await asked.begun(3, filename="table", mime_type=mime_type)
    ids = await asked.parts(upload_id, b"a;b")
    file_id = (await asked.post(f"/{upload_id}/complete", part_ids=ids)).json["file"]["id"]
    answered = await files.site.chat(messages=_naming(file_id))
    assert answered.status == 200, answered.body
    (part,) = files.site.gemini.calls[-1][3]["contents"][0]["parts"]
    assert part["inlineData"] == {"mimeType": "text/csv", "data": "YTti"}
