"""Files: POST and GET files, GET and DELETE files/{id}, GET files/{id}/content."""

from datetime import timedelta
from functools import partial

import msgspec
from rest_framework.request import Request

from accounts import files
from accounts.in_db import in_db, in_db_soon
from accounts.models import StoredFile
from accounts.paging import rows_of
from compat.answers import Answer, Response
from compat.errors import InvalidRequest
from compat.query import page_in, query_of
from compat.schemas.file_answers import File, FileDeleted, FileList
from compat.schemas.files import FileForm
from compat.translation.decoding import convert
from compat.uploading import in_clients_words
from compat.views.anthropic_files import AnthropicFileContent, AnthropicFiles, OneAnthropicFile
from compat.views.either import InEitherWords
from compat.views.file_access import ContentView, FilesView, erase, no_such_file
from compat.views.gemini_files import GeminiFiles, OneGeminiFile

_encode = msgspec.json.Encoder().encode
_USUAL, _MOST = 1_000, 10_000


class Files(InEitherWords, FilesView):
    """The caller's files, and one more."""

    of_gemini, of_anthropic = GeminiFiles, AnthropicFiles

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

    of_gemini, of_anthropic = OneGeminiFile, OneAnthropicFile

    async def get(self, request: Request, file_id: str) -> Response:
        """OpenAI's file object. Raises NotFound."""
        file = await self.found(file_id)
        return Answer(_encode(told(file, files.name_of(file))))

    async def delete(self, request: Request, file_id: str) -> Response:
        """Erase it. Raises NotFound."""
        if not await erase(self.caller.user_id, file_id):
            raise no_such_file(file_id)
        return Answer(_encode(FileDeleted(file_id)))


class FileContent(InEitherWords, ContentView):
    """What is in one of the caller's files."""

    of_anthropic = AnthropicFileContent


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
