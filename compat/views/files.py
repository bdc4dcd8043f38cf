"""Files: POST and GET files, GET and DELETE files/{id}, GET files/{id}/content."""

from datetime import timedelta
from functools import partial
from urllib.parse import quote

import msgspec
from rest_framework.request import Request

from accounts import files
from accounts.in_db import in_db, in_db_soon
from accounts.models import IssuedToken, StoredFile
from accounts.paging import rows_of
from compat.answers import Answer, Download, Response
from compat.asyncview import AsyncAPIView
from compat.errors import InvalidRequest, NotFound
from compat.query import page_in, query_of
from compat.schemas.file_answers import File, FileDeleted, FileList
from compat.schemas.files import FileForm
from compat.translation.decoding import convert
from compat.uploading import in_clients_words
from compat.views.either import InEitherWords
from compat.views.gemini_files import GeminiFiles, OneGeminiFile

_encode = msgspec.json.Encoder().encode
_USUAL, _MOST = 1_000, 10_000


class FilesView(AsyncAPIView):
    """What the routes of files share: the caller's own files alone are there."""

    needs = IssuedToken.Scope.FILES

    async def found(self, file_id: str) -> StoredFile:
        """The caller's own file. Raises NotFound, for another's as well."""
        file = await in_db_soon(files.find, self.caller.user_id, file_id)
        if file is None:
            raise no_such_file(file_id)
        return file


class Files(InEitherWords, FilesView):
    """The caller's files, and one more."""

    of_gemini = GeminiFiles

    async def get(self, request: Request) -> Response:
        """OpenAI's list of files."""
        query = query_of(request)
        page = page_in(query, usual=_USUAL, most=_MOST)
        mine = files.of_user(self.caller.user_id)
        if purpose := query.get("purpose"):
            mine = mine.filter(purpose=purpose)
        found, has_more = await in_db_soon(_listed, partial(rows_of, mine, page))
        first, last = (found[0].id, found[-1].id) if found else (None, None)
        return Answer(_encode(FileList(found, first, last, has_more)))

    async def post(self, request: Request) -> Response:
        """Keep a file. Raises InvalidRequest."""
        form = convert(await self.form(), FileForm)
        upload, lives = form.file, form.expires_after
        if not upload.data:
            raise InvalidRequest("The file is empty.", param="file", code="empty_file")
        name, lives_for = upload.filename or "file", timedelta(seconds=lives.seconds) if lives else None
        about = (self.caller.user_id, name, form.purpose, upload.data)
        with in_clients_words("file"):
            file = await in_db(files.keep_if_room, *about, media_type=upload.content_type, lives=lives_for)
        return Answer(_encode(told(file, name)))


class OneFile(InEitherWords, FilesView):
    """One of the caller's files."""

    of_gemini = OneGeminiFile

    async def get(self, request: Request, file_id: str) -> Response:
        """OpenAI's file object. Raises NotFound."""
        file = await self.found(file_id)
        return Answer(_encode(told(file, files.name_of(file))))

    async def delete(self, request: Request, file_id: str) -> Response:
        """Erase it. Raises NotFound."""
        if not await in_db(files.delete, self.caller.user_id, file_id):
            raise no_such_file(file_id)
        return Answer(_encode(FileDeleted(file_id)))


class FileContent(FilesView):
    """What is in one of the caller's files."""

    async def get(self, request: Request, file_id: str) -> Response:
        """The bytes as they came. Raises NotFound."""
        file = await self.found(file_id)
        await in_db_soon(files.require_readable, file)
        name = quote(files.name_of(file), safe="")
        headers = {
            "content-type": "application/octet-stream",
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
        }
        return Download(files.read(file), file.bytes, headers)


def no_such_file(file_id: str) -> NotFound:
    """What is told of a file that is not there, or another's."""
    return NotFound(f"No such File object: {file_id[:80]}", param="id")


def _listed(rows: "partial[tuple[list[StoredFile], bool]]") -> tuple[list[File], bool]:
    found, has_more = rows()
    return [told(file, files.name_of(file)) for file in found], has_more


def told(file: StoredFile, name: str) -> File:
    """OpenAI's file object."""
    return File(
        id=file.pk,
        bytes=file.bytes,
        created_at=int(file.created.timestamp()),
        expires_at=int(file.expires.timestamp()),
        filename=name,
        purpose=file.purpose,
    )
