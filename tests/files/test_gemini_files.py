"""Files in Gemini's words: sent in pieces or whole, told, named in requests, and the same files as OpenAI's clients see."""

import asyncio
import base64
import hashlib
import json
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from asgiref.sync import sync_to_async
from django.core.signing import Signer
from django.utils import timezone

from accounts import callers, purging
from accounts import files as stored
from accounts.issuing import revoke_token
from accounts.models import FilePart, FileUpload, IssuedToken, StoredFile
from tests.surface.conftest import ask
from tumbler_site.asgi import application

MIB = 1024 * 1024
LARGE = bytes(range(256)) * 12_000
SHARE = "/v1beta/files"


class Uploads:
    """Uploads of one user, in Google's protocol."""

    def __init__(self, site):
        self.site = site

    async def begin(self, size=None, kind="text/plain", body=b"", command="start", **headers):
        told = {
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": command,
            "x-goog-upload-header-content-type": kind,
            **({} if size is None else {"x-goog-upload-header-content-length": str(size)}),
            **({"content-type": "application/json"} if body else {}),
            **headers,
        }
        return await self.site.ask("/upload/v1beta/files", body, headers=tuple(told.items()))

    async def link(self, size=None, **about):
        """The path and query to send pieces to."""
        begun = await self.begin(size, **about)
        assert (begun.status, begun.headers["x-goog-upload-status"]) == (200, "active"), begun.body
        assert begun.headers["x-goog-upload-chunk-granularity"] == str(stored.PART_BYTES)
        address = urlsplit(begun.headers["x-goog-upload-url"])
        assert (address.scheme, address.netloc) == ("http", "localhost")
        return address.path, address.query.encode()

    async def uploaded(self, content=b"Hello.", **about):
        """The file object of a file that came in one piece."""
        answered = await send(await self.link(len(content), **about), content, command="upload, finalize")
        assert (answered.status, answered.headers["x-goog-upload-status"]) == (200, "final"), answered.body
        return answered.json["file"]


async def send(link, content=b"", offset=0, command="upload", headers=(), **about):
    """A piece, as Gemini's clients send it: with no token."""
    path, query = link
    told = (("x-goog-upload-command", command), *headers)
    told += () if offset is None else (("x-goog-upload-offset", str(offset)),)
    return await ask(path, content, query=query, headers=told, **about)


@pytest.fixture
def uploads(files):
    return Uploads(files.site)


@pytest.fixture
def others_uploads(others_files):
    return Uploads(others_files.site)


async def leave(link, content):
    """A client that is gone behind a part of its piece."""
    path, query = link
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http"},
        **{"path": path, "raw_path": path.encode(), "query_string": query, "root_path": ""},
        "headers": [(b"host", b"localhost"), (b"x-goog-upload-command", b"upload"), (b"x-goog-upload-offset", b"0")],
        **{"client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 80)},
    }
    messages = iter([{"type": "http.request", "body": content, "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(messages)

    async def send(message):
        raise AssertionError("nobody is there to be answered")

    await application(scope, receive, send)


def error_of(answered):
    """Google's envelope."""
    error = answered.json["error"]
    assert error["code"] == answered.status and error.keys() <= {"code", "message", "status", "details"}
    return error


def told_status(answered):
    return answered.headers.get("x-goog-upload-status"), answered.headers.get("x-goog-upload-size-received")


# --- In pieces -----------------------------------------------------------------------------------------------


async def test_a_file_comes_in_pieces_and_is_told_as_gemini_does(uploads, files):
    body = json.dumps({"file": {"display_name": "caf\u00e9", "mimeType": "application/pdf"}}).encode()
    link = await uploads.link(len(LARGE), kind="", body=body)
    first = await send(link, LARGE[:MIB])
    assert (first.status, *told_status(first)) == (200, "active", str(MIB))
    assert (await uploads.site.ask(SHARE, method="GET")).json == {"files": []}, "not before it is whole"
    assert (await files.get()).json["data"] == []
    last = await send(link, LARGE[MIB:], MIB, "upload, finalize")
    assert (last.status, *told_status(last)) == (200, "final", str(len(LARGE)))
    told = last.json["file"]
    assert told["displayName"] == "caf\u00e9" and told["mimeType"] == "application/pdf"
    assert (told["sizeBytes"], told["state"], told["source"]) == (str(len(LARGE)), "ACTIVE", "UPLOADED")
    assert base64.b64decode(told["sha256Hash"]).decode() == hashlib.sha256(LARGE).hexdigest()
    assert told["uri"] == f"http://localhost/v1beta/{told['name']}"
    assert told["createTime"] == told["updateTime"] < told["expirationTime"]
    # The same file, in OpenAI's words.
    file_id = told["name"].replace("files/", "file-")
    seen = (await files.get(f"/{file_id}")).json
    assert (seen["bytes"], seen["filename"], seen["purpose"]) == (len(LARGE), "caf\u00e9", "user_data")
    assert seen["expires_at"] - seen["created_at"] == 30 * 86_400
    assert (await files.get(f"/{file_id}/content")).body == LARGE


async def test_a_file_of_openais_is_told_in_geminis_words(uploads, files):
    file_id = await files.kept(b"a,b", "table.csv")
    told = (await uploads.site.ask(f"{SHARE}/{file_id.removeprefix('file-')}", method="GET")).json
    assert (told["displayName"], told["mimeType"], told["sizeBytes"]) == ("table.csv", "text/csv", "3")
    assert base64.b64decode(told["sha256Hash"]).decode() == hashlib.sha256(b"a,b").hexdigest()
    assert (await uploads.site.ask(f"{SHARE}/{file_id}", method="GET")).json == told


async def test_the_end_may_be_said_behind_the_last_piece(uploads):
    link = await uploads.link()
    await send(link, b"Hello, ")
    await send(link, b"you.", 7)
    answered = await send(link, b"", 11, "finalize")
    assert answered.json["file"]["sizeBytes"] == "11"


async def test_a_piece_that_comes_again_counts_once(uploads, files):
    """A client that heard no answer sends its piece again, of which the beginning may be here."""
    link = await uploads.link(len(LARGE))
    await send(link, LARGE[:MIB])
    again = await send(link, LARGE[: 2 * MIB], 0)
    assert told_status(again) == ("active", str(2 * MIB))
    last = await send(link, LARGE[MIB:], MIB, "upload, finalize")
    file_id = last.json["file"]["name"].replace("files/", "file-")
    assert (await files.get(f"/{file_id}/content")).body == LARGE
    repeated = await send(link, LARGE[MIB:], MIB, "upload, finalize")
    assert repeated.json == last.json and told_status(repeated)[0] == "final"
    assert (await send(link, command="query")).json == last.json


async def test_a_piece_that_does_not_go_on_is_told_how_much_has_come(uploads):
    link = await uploads.link(100)
    await send(link, b"x" * 10)
    for command in ("upload", "upload, finalize"):
        answered = await send(link, b"y" * 10, 20, command)
        assert (answered.status, error_of(answered)["status"], *told_status(answered)) == (
            *(400, "INVALID_ARGUMENT"),
            *("active", "10"),
        )
    assert told_status(await send(link, command="query")) == ("active", "10")


async def test_a_client_that_left_in_the_middle_asks_how_much_has_come(uploads, files):
    link = await uploads.link(len(LARGE))
    await leave(link, LARGE[:1_500_000])
    status, received = told_status(await send(link, command="query"))
    assert (status, received) == ("active", str(MIB)), "what was written down before it left"
    at = int(received)
    last = await send(link, LARGE[at:], at, "upload, finalize")
    file_id = last.json["file"]["name"].replace("files/", "file-")
    assert (await files.get(f"/{file_id}/content")).body == LARGE


async def test_of_two_pieces_at_once_one_is_told_to_ask_again(uploads, files):
    link = await uploads.link(len(LARGE))
    answered = await asyncio.gather(*(send(link, LARGE, 0, "upload, finalize") for _ in range(2)))
    won = [one for one in answered if one.status == 200]
    assert won and all(one.json == won[0].json for one in won)
    assert all(error_of(one)["status"] in {"INVALID_ARGUMENT", "NOT_FOUND"} for one in answered if one.status != 200)
    assert [file["bytes"] for file in (await files.get()).json["data"]] == [len(LARGE)]
    file_id = (await files.get()).json["data"][0]["id"]
    assert (await files.get(f"/{file_id}/content")).body == LARGE


async def test_two_ends_at_once_make_one_file(uploads, files):
    link = await uploads.link(10)
    await send(link, b"x" * 10)
    answered = await asyncio.gather(*(send(link, b"", 10, "finalize") for _ in range(3)))
    assert 200 in {one.status for one in answered}
    assert len((await files.get()).json["data"]) == 1


async def test_a_cancelled_upload_is_gone(uploads):
    link = await uploads.link(100)
    await send(link, b"x" * 10)
    answered = await send(link, command="cancel")
    assert (answered.status, *told_status(answered)) == (200, "cancelled", None)
    after = await send(link, b"x", 10)
    assert (after.status, *told_status(after)) == (404, "final", None)
    assert not await sync_to_async(StoredFile.objects.exists)() and not await sync_to_async(FilePart.objects.exists)()


async def test_an_upload_has_an_hour_and_is_then_erased(uploads):
    link = await uploads.link(100)
    await send(link, b"x" * 10)
    whole = await uploads.uploaded()
    past = timezone.now() - timedelta(seconds=1)
    await sync_to_async(FileUpload.objects.update)(expires=past)
    await sync_to_async(StoredFile.objects.filter(whole=False).update)(expires=past)
    assert (await send(link, b"x", 10)).status == 404
    await sync_to_async(purging.purge_some)()
    assert not await sync_to_async(FileUpload.objects.exists)()
    [left] = (await uploads.site.ask(SHARE, method="GET")).json["files"]
    assert left == whole and await sync_to_async(FilePart.objects.count)() == 1


async def test_room_is_kept_for_what_is_to_come(uploads, files, settings):
    settings.FILES_MIB = 1
    link = await uploads.link(600_000)
    refused = await uploads.begin(600_000)
    assert (refused.status, error_of(refused)["details"][0]["reason"]) == (400, "FILES_FULL")
    assert (await files.upload(b"x" * 600_000)).error["code"] == "files_full"
    await send(link, command="cancel")
    unknown = await uploads.link()
    answered = await send(unknown, b"x" * 1_200_000)
    assert (answered.status, error_of(answered)["details"][0]["reason"]) == (400, "FILES_FULL")
    assert told_status(answered) == ("final", None), "or google-genai would send it again"


async def test_what_broke_off_makes_way(uploads, files, settings):
    """Clients begin anew, and do not cancel what broke off."""
    settings.FILES_MIB = 1
    broken = await uploads.link(600_000)
    await send(broken, b"x" * 300_000)
    assert (await uploads.begin(600_000)).status == 400
    await sync_to_async(FileUpload.objects.update)(last_came=timezone.now() - timedelta(minutes=11))
    whole = await uploads.uploaded(b"x" * 600_000)
    assert (await send(broken, command="query")).status == 404
    # What is whole stays, however long ago it came.
    await sync_to_async(FileUpload.objects.update)(last_came=timezone.now() - timedelta(minutes=11))
    assert (await uploads.begin(600_000)).status == 400
    assert (await files.upload(b"x" * 600_000)).error["code"] == "files_full"
    assert [file["bytes"] for file in (await files.get()).json["data"]] == [int(whole["sizeBytes"])]


@pytest.mark.parametrize(
    ("content", "size", "status"), [(b"x" * 101, 100, "active"), (b"x" * 99, 100, "active"), (b"", None, "final")]
)
async def test_a_file_has_the_bytes_that_it_was_said_to_have(uploads, files, content, size, status):
    link = await uploads.link(size)
    answered = await send(link, content, 0, "upload, finalize")
    assert (answered.status, told_status(answered)[0]) == (400, status)
    assert (await files.get()).json["data"] == []


@pytest.mark.parametrize(
    ("about", "field"),
    [
        ({"command": "upload"}, "X-Goog-Upload-Command"),
        ({"command": ""}, "X-Goog-Upload-Command"),
        ({"size": "many"}, "X-Goog-Upload-Header-Content-Length"),
        ({"size": -1}, "X-Goog-Upload-Header-Content-Length"),
        ({"body": b'{"file": {"displayname": "a"}}'}, "file"),
        ({"body": b'{"file": {"name": "files/mine"}}'}, "file.name"),
        ({"body": b'{"file": {"displayName": "%s"}}' % (b"x" * 513)}, "file.display_name"),
        ({"body": b'{"file": {"displayName": 1}}'}, "file.display_name"),
        ({"x-goog-upload-protocol": "multipart"}, "X-Goog-Upload-Protocol"),
    ],
)
async def test_what_begins_no_upload_is_refused(uploads, about, field):
    answered = await uploads.begin(**about)
    assert (answered.status, error_of(answered)["status"]) == (400, "INVALID_ARGUMENT")
    [named] = [detail for detail in error_of(answered)["details"] if "fieldViolations" in detail]
    assert named["fieldViolations"][0]["field"] == field
    assert not await sync_to_async(StoredFile.objects.exists)()


@pytest.mark.parametrize(("kind", "status"), [(b"media", 200), (b"multipart", 400), (b"resumable", 400)])
async def test_what_a_client_says_of_a_file_is_not_taken_for_the_file(uploads, kind, status):
    """Clients that know nothing of the header name their protocol in the query."""
    headers = (("content-type", "application/json"),)
    asked = uploads.site.ask("/upload/v1beta/files", b'{"file": {}}', query=b"uploadType=" + kind, headers=headers)
    assert (await asked).status == status
    assert await sync_to_async(StoredFile.objects.count)() == (status == 200)


@pytest.mark.parametrize(
    ("command", "offset"), [("start", 0), ("", 0), ("upload, query", 0), ("upload", None), ("upload", "x")]
)
async def test_a_command_that_is_none_is_refused(uploads, command, offset):
    answered = await send(await uploads.link(10), b"x", offset, command)
    assert (answered.status, error_of(answered)["status"], *told_status(answered)) == (
        400,
        "INVALID_ARGUMENT",
        "final",
        None,
    )


async def test_a_broken_body_is_no_upload(uploads):
    for body in (b"{", b"[]", b'"a"'):
        assert (await uploads.begin(body=body)).status == 400
    link = await uploads.link(10)
    assert (await send(link, b"x" * 10, headers=(("content-encoding", "gzip"),))).status == 415


async def test_a_script_of_a_browser_may_read_where_to_send_the_pieces(uploads):
    begun = await uploads.begin(6, origin="https://app.example.com")
    exposed = begun.headers["access-control-expose-headers"].split(", ")
    assert {"x-goog-upload-url", "x-goog-upload-status", "x-request-id"} <= set(exposed)


# --- Whose it is ---------------------------------------------------------------------------------------------


async def test_a_link_is_good_only_as_it_was_made(uploads, others_uploads):
    path, query = await uploads.link(10)
    upload = await sync_to_async(FileUpload.objects.get)()
    made_up = (upload.pk, Signer(salt="other").sign(upload.pk), query.decode()[10:-50], f"{upload.pk}:")
    for given in made_up:
        answered = await send((path, f"upload_id={given}".encode()), b"x" * 10)
        assert (answered.status, error_of(answered)["status"]) == (404, "NOT_FOUND")
    with_others_token = await others_uploads.site.ask(
        path, b"x", query=query, headers=(("x-goog-upload-command", "upload"), ("x-goog-upload-offset", "0"))
    )
    assert with_others_token.status == 404
    assert told_status(await send((path, query), command="query")) == ("active", "0")


async def test_a_revoked_token_sends_no_further_piece(uploads):
    link = await uploads.link(10)
    token = await sync_to_async(IssuedToken.objects.get)(user=uploads.site.user)
    await sync_to_async(revoke_token)(token)
    callers.forget()
    answered = await send(link, b"x" * 10, 0, "upload, finalize")
    assert (answered.status, error_of(answered)["status"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("change", "status"), [({"scopes": ["chat"]}, 403), ({"allowed_networks": ["192.0.2.0/24"]}, 403)]
)
async def test_a_link_may_do_no_more_than_its_token(uploads, change, status):
    link = await uploads.link(10)
    await sync_to_async(IssuedToken.objects.filter(user=uploads.site.user).update)(**change)
    callers.forget()
    assert (await send(link, b"x" * 10)).status == status


async def test_an_upload_of_open_access_needs_it_to_be_open(uploads, settings):
    settings.OPEN_ACCESS = True
    begun = await ask(
        "/upload/v1beta/files",
        headers=(("x-goog-upload-protocol", "resumable"), ("x-goog-upload-command", "start")),
    )
    address = urlsplit(begun.headers["x-goog-upload-url"])
    link = address.path, address.query.encode()
    assert (await send(link, b"Hello")).status == 200
    settings.OPEN_ACCESS = False
    assert (await send(link, b"Hello", 5)).status == 401


async def test_anothers_file_is_answered_as_one_that_never_was(uploads, others_uploads, files):
    name = (await uploads.uploaded())["name"]
    for method in ("GET", "DELETE"):
        answered = await others_uploads.site.ask(f"/v1beta/{name}", method=method)
        never = await others_uploads.site.ask("/v1beta/files/never", method=method)
        assert (answered.status, never.status) == (403, 403)
        assert error_of(answered)["status"] == "PERMISSION_DENIED"
        assert error_of(answered)["message"] == error_of(never)["message"].replace("never", name.removeprefix("files/"))
    assert (await others_uploads.site.ask(SHARE, method="GET")).json == {"files": []}
    assert (await uploads.site.ask(f"/v1beta/{name}", method="DELETE")).json == {}
    assert (await uploads.site.ask(f"/v1beta/{name}", method="GET")).status == 403
    assert (await files.get()).json["data"] == []


async def test_the_database_alone_tells_neither_name_nor_kind_nor_digest(uploads):
    from tests.files.test_files import _everything

    body = json.dumps({"file": {"displayName": "a-private-name", "mimeType": "text/x-private"}}).encode()
    await uploads.uploaded(b"private", body=body)
    dumped = await sync_to_async(_everything)()
    assert b"private" not in dumped and hashlib.sha256(b"private").hexdigest().encode() not in dumped


# --- Whole, and listed ---------------------------------------------------------------------------------------


async def test_a_small_file_may_come_whole(uploads, files):
    headers = (("content-type", "text/csv; charset=utf-8"), ("x-goog-upload-file-name", "table.csv"))
    told = (await uploads.site.ask("/upload/v1beta/files", b"a,b", headers=headers)).json["file"]
    assert (told["displayName"], told["mimeType"], told["sizeBytes"]) == ("table.csv", "text/csv", "3")
    assert (await uploads.site.ask("/upload/v1/files", b"a,b", headers=headers)).status == 200
    empty = await uploads.site.ask("/upload/v1beta/files", b"", headers=headers)
    assert (empty.status, error_of(empty)["details"][0]["reason"]) == (400, "EMPTY_FILE")


async def test_lists_come_in_pages(uploads):
    names = [(await uploads.uploaded(b"x"))["name"] for _ in range(5)]
    seen, query = [], "pageSize=2"
    while query:
        page = (await uploads.site.ask(SHARE, method="GET", query=query.encode())).json
        seen.append([file["name"] for file in page["files"]])
        query = f"pageSize=2&pageToken={page['nextPageToken']}" if "nextPageToken" in page else ""
    assert seen == [names[:2:-1], names[2:0:-1], names[:1]]
    assert len((await uploads.site.ask(SHARE, method="GET", query=b"pageSize=5000")).json["files"]) == 5
    assert (await uploads.site.ask(SHARE, method="GET", query=b"pageSize=none")).status == 400


async def test_whoever_sends_geminis_key_is_told_in_geminis_words_below_v1_too(uploads, files):
    """The newest clients ask there."""
    told = await uploads.uploaded()
    key = (("x-goog-api-key", uploads.site.token),)
    assert (await ask("/v1/files", method="GET", headers=key)).json == {"files": [told]}
    assert (await ask(f"/v1/{told['name']}", method="GET", headers=key)).json == told
    assert (await ask("/v1/files/never", method="GET", headers=key)).status == 403
    assert (await ask(f"/v1/{told['name']}", method="DELETE", headers=key)).json == {}


# --- In requests ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent", "countTokens"])
@pytest.mark.parametrize(
    "spelled", ["{name}", "files/{id}", "{uri}", "https://generativelanguage.googleapis.com/v1beta/{name}"]
)
async def test_a_request_names_a_file(uploads, files, method, spelled):
    told = await uploads.uploaded(b"a;b", kind="text/csv")
    file_id = told["name"].replace("files/", "file-")
    named = {"fileData": {"fileUri": spelled.format(**told, id=file_id)}}
    body = json.dumps({"contents": [{"role": "user", "parts": [named, {"text": "Read"}]}]}).encode()
    answered = await uploads.site.ask(f"/v1beta/models/gemini-2.5-flash:{method}", body)
    assert answered.status == 200, answered.body
    [(_, _, _, asked)] = files.site.gemini.calls
    asked = asked.get("generateContentRequest", asked)
    [part, _] = asked["contents"][0]["parts"]
    assert part == {"inlineData": {"mimeType": "text/csv", "data": "YTti"}}


async def test_nobody_names_anothers_file(uploads, others_uploads, files):
    told = await uploads.uploaded()
    foreign = "https://generativelanguage.googleapis.com/v1beta/files/abc123"
    for named in (told["uri"], told["name"], "files/never", foreign):
        part = {"fileData": {"fileUri": named}}
        body = json.dumps({"contents": [{"role": "user", "parts": [part]}]}).encode()
        answered = await others_uploads.site.ask("/v1beta/models/gemini-2.5-flash:generateContent", body)
        assert (answered.status, error_of(answered)["status"]) == (403, "PERMISSION_DENIED")
        shown = named.rpartition("/")[2]
        assert error_of(answered)["message"] == (
            f"You do not have permission to access the File {shown} or it may not exist."
        )
    assert await others_uploads.site.untouched()


@pytest.mark.parametrize(
    "uri", ["http://localhost/v1beta/other/a", "http://elsewhere.test/v1beta/files/abc", "http://["]
)
async def test_an_address_that_is_no_files_is_refused(uploads, uri):
    body = json.dumps({"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": uri}}]}]}).encode()
    answered = await uploads.site.ask("/v1beta/models/gemini-2.5-flash:generateContent", body)
    assert (answered.status, error_of(answered)["status"]) == (400, "INVALID_ARGUMENT")
