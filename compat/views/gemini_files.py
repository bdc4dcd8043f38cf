"""Files in Gemini's words: POST upload/v1beta/files, GET v1beta/files, GET and DELETE v1beta/files/{id}."""

from functools import partial
from typing import Any

import msgspec
from rest_framework.request import Request

from accounts import files, uploads
from accounts.in_db import in_db, in_db_soon
from accounts.models import FileUpload, IssuedToken, StoredFile
from accounts.paging import Page, rows_of
from accounts.remembered_settings import settings
from compat.answers import Answer, Response
from compat.authentication import identify_by_link
from compat.body import read_chunks, refuse_encoding
from compat.edge import origin_of
from compat.errors import CompatError, InvalidRequest, NotPermitted
from compat.query import number_in, query_in
from compat.request import LeanRequest
from compat.translation.gemini.files import Kept, not_permitted, to_file, to_id, to_wanted
from compat.upload_links import PARAMETER, over, read_upload_link, to_upload_link
from compat.uploading import Arriving, OutOfStep, finish, in_clients_words
from compat.views.file_access import erase
from compat.views.gemini import InGeminisWords

_encode = msgspec.json.Encoder().encode
_USUAL, _MOST = 10, 100
_MOST_BYTES = 10**15
_PURPOSE = "user_data"
# Headers of Google's upload protocol, as Django names them.
_COMMAND, _PROTOCOL, _TYPE, _FILE_NAME = (
    f"HTTP_X_GOOG_UPLOAD_{name}" for name in ("COMMAND", "PROTOCOL", "HEADER_CONTENT_TYPE", "FILE_NAME")
)
_STATUS = "x-goog-upload-status"


class _GeminiFilesView(InGeminisWords):
    """What the routes of files share: the caller's own files alone are there."""

    needs = IssuedToken.Scope.FILES
    endpoint = "gemini.files"

    def told(self, kept: Kept) -> dict[str, Any]:
        """The object of a file, at the address that the client asked."""
        return to_file(kept, origin_of(self.request._request))


class GeminiFiles(_GeminiFilesView):
    """The caller's files, page by page."""

    async def get(self, request: Request) -> Response:
        """Gemini's list of files. Raises InvalidRequest."""
        # Like Gemini, no fewer than are there when more are asked for than one page has.
        size = min(number_in(self.query, "pageSize", _USUAL, 1, 10**9), _MOST)
        mine = files.of_user(self.caller.user_id)
        page = Page(size, self.query.get("pageToken", ""))
        found, has_more = await in_db_soon(_listed, partial(rows_of, mine, page))
        more = {"nextPageToken": found[-1].id} if has_more else {}
        return Answer(_encode({"files": [self.told(kept) for kept in found], **more}))


class OneGeminiFile(_GeminiFilesView):
    """One of the caller's files."""

    async def get(self, request: Request, file_id: str) -> Response:
        """Gemini's file object. Raises NotPermitted."""
        kept = await in_db_soon(_found, self.caller.user_id, to_id(file_id))
        if kept is None:
            raise NotPermitted(not_permitted(file_id))
        return Answer(_encode(self.told(kept)))

    async def delete(self, request: Request, file_id: str) -> Response:
        """Erase it. Raises NotPermitted."""
        if not await erase(self.caller.user_id, to_id(file_id)):
            raise NotPermitted(not_permitted(file_id))
        return Answer(b"{}")


class GeminiUploads(_GeminiFilesView):
    """A file that comes: all of it at once, or the beginning of one that comes in pieces."""

    async def dispatch(self, request: LeanRequest, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        """The pieces come to the same path, by the link that the beginning was answered with."""
        if PARAMETER in query_in(request.scope):
            return await GeminiUploadPieces().dispatch(request, *args, **kwargs)
        return await super().dispatch(request, *args, **kwargs)

    async def post(self, request: Request) -> Response:
        """Begin, or take it as it is. Raises InvalidRequest."""
        meta = request._request.META
        # Google's older clients name another protocol in the query: what they send is no file, but what is said of one.
        protocol = meta.get(_PROTOCOL, self.query.get("uploadType", "raw").replace("media", "raw")).lower()
        if protocol == "resumable":
            return await self._begin(meta)
        if protocol == "raw":
            return await self._take_whole(meta)
        raise InvalidRequest(
            f"Unsupported upload protocol {protocol[:40]!r}: send resumable or raw.", param="X-Goog-Upload-Protocol"
        )

    async def _begin(self, meta: dict[str, str]) -> Response:
        command = meta.get(_COMMAND, "").strip().lower()
        if command != "start":
            raise InvalidRequest("An upload begins with the command start.", param="X-Goog-Upload-Command")
        body = await self.body() if meta.get("CONTENT_TYPE") else b""
        wanted = to_wanted(body, meta.get(_FILE_NAME, ""), meta.get(_TYPE, ""))
        size = _number(meta, "X-Goog-Upload-Header-Content-Length", usual=None)
        about = (self.caller.user_id, self.caller.token_id, wanted.name, _PURPOSE)
        with in_clients_words():
            upload = await in_db(uploads.begin, *about, media_type=wanted.media_type, size=size)
        link = to_upload_link(self.request._request, upload.pk)
        headers = {
            _STATUS: "active",
            "x-goog-upload-url": link,
            "x-goog-upload-control-url": link,
            "x-goog-upload-chunk-granularity": str(files.PART_BYTES),
        }
        return Answer(b"{}", headers=headers)

    async def _take_whole(self, meta: dict[str, str]) -> Response:
        refuse_encoding(self.request._request)
        chunks: list[bytes] = []
        await read_chunks(self.request._request, settings.MAX_BODY_BYTES, chunks.append)
        content = b"".join(chunks)
        if not content:
            raise InvalidRequest("The file is empty.", code="empty_file")
        wanted = to_wanted(b"", meta.get(_FILE_NAME, ""), meta.get("CONTENT_TYPE", ""))
        about, media_type = (self.caller.user_id, wanted.name, _PURPOSE, content), wanted.media_type
        with in_clients_words():
            file = await in_db(files.keep_if_room, *about, media_type=media_type)
        return Answer(_encode({"file": self.told(_kept(file))}))


class GeminiUploadPieces(_GeminiFilesView):
    """The pieces of a file, by the link to its upload: Gemini's clients send no token with them."""

    is_open = True
    upload: FileUpload | None = None
    goes_on = False
    """Whether the client may go on behind the error."""

    async def post(self, request: Request) -> Response:
        """Do what the command says. Raises LinkOver, InvalidRequest, and what identify_by_link raises."""
        upload = self.upload = await self._found()
        meta = request._request.META
        commands = {command.strip() for command in meta.get(_COMMAND, "").lower().split(",")}
        if upload.status == FileUpload.Status.COMPLETED:
            # Also for a client that heard no answer to its last piece, and sends it again.
            return self._final(upload.file)
        if commands == {"query"}:
            return Answer(b"{}", headers=_active(upload.received))
        if commands == {"cancel"}:
            with in_clients_words():
                await in_db(uploads.cancel, upload)
            return Answer(b"{}", headers={_STATUS: "cancelled"})
        if not commands or not commands <= {"upload", "finalize"}:
            raise InvalidRequest(
                "Expected upload, finalize, both with a comma between them, query or cancel.",
                param="X-Goog-Upload-Command",
            )
        return await self._take(upload, meta, finalize="finalize" in commands)

    async def _found(self) -> FileUpload:
        """The upload that the link is to, if whoever began it may still do so."""
        upload = await in_db_soon(uploads.find, read_upload_link(self.query[PARAMETER]))
        if upload is None or (upload.token_id is None and not upload.open_access):
            raise over()
        self.caller = await identify_by_link(self.request._request, self.needs, upload.token_id)
        if self.caller.user_id != upload.file.user_id:
            raise over()
        return upload

    async def _take(self, upload: FileUpload, meta: dict[str, str], *, finalize: bool) -> Response:
        self.goes_on = True
        offset = _number(meta, "X-Goog-Upload-Offset", usual=-1) or 0
        if offset > upload.received:
            raise OutOfStep(f"{upload.received} bytes of the file have come.", param="X-Goog-Upload-Offset")
        refuse_encoding(self.request._request)
        arriving = Arriving(upload, offset)
        try:
            await read_chunks(self.request._request, settings.MAX_BODY_BYTES, arriving.take)
            await arriving.end()
        finally:
            upload.received = arriving.received
        if not finalize:
            return Answer(b"{}", headers=_active(upload.received))
        return self._final(await finish(upload, [0]))

    def _final(self, file: StoredFile) -> Answer:
        headers = {_STATUS: "final", "x-goog-upload-size-received": str(file.bytes)}
        return Answer(_encode({"file": self.told(_kept(file))}), headers=headers)

    def error_answer(self, error: CompatError, request_id: str) -> Answer:
        """Google's envelope, and whether the upload goes on: google-genai sends a piece again if nobody says so."""
        answer = super().error_answer(error, request_id)
        if error.status < 500 and error.status != 429:
            goes_on = self.goes_on and isinstance(error, OutOfStep)
            answer.headers.update(_active(self.upload.received) if goes_on and self.upload else {_STATUS: "final"})
        return answer


def _number(meta: dict[str, str], header: str, usual: int | None) -> int | None:
    """The number in a header; `usual` where it is missing, and a negative one of these is refused. Raises InvalidRequest."""
    given = meta.get(f"HTTP_{header.upper().replace('-', '_')}")
    if given is None and usual is None:
        return None
    return number_in({} if given is None else {header: given}, header, usual or 0, 0, _MOST_BYTES)


def _active(received: int) -> dict[str, str]:
    return {_STATUS: "active", "x-goog-upload-size-received": str(received)}


def _listed(rows: "partial[tuple[list[StoredFile], bool]]") -> tuple[list[Kept], bool]:
    found, has_more = rows()
    return [_kept(file) for file in found], has_more


def _found(user_id: int, file_id: str) -> Kept | None:
    file = files.find(user_id, file_id)
    return None if file is None else _kept(file)


def _kept(file: StoredFile) -> Kept:
    name, details = files.name_of(file), files.details_of(file)
    return Kept(file.pk, name, details.media_type, file.bytes, details.sha256, file.created, file.expires)
