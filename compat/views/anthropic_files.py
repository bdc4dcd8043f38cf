"""Files in Anthropic's words: what files, files/{id} and files/{id}/content answer to its clients."""

from datetime import timedelta
from urllib.parse import parse_qs

import msgspec
from django.db.models import QuerySet
from rest_framework.request import Request

from accounts import files
from accounts.in_db import in_db, in_db_soon
from accounts.models import StoredFile
from accounts.paging import Page, rows_of
from compat.answers import Answer, Response
from compat.errors import InvalidRequest
from compat.query import number_in, query_of
from compat.schemas.anthropic import FileForm
from compat.schemas.anthropic_answers import AnthropicFile, AnthropicFileDeleted, AnthropicFileList
from compat.translation.decoding import convert
from compat.translation.mime_types import type_of_file
from compat.translation.moments import to_rfc3339
from compat.uploading import in_clients_words
from compat.views.anthropic import InAnthropicsWords
from compat.views.file_access import ContentView, FilesView, erase, no_such_file

_encode = msgspec.json.Encoder().encode
_USUAL, _MOST, _MOST_IDS = 20, 1_000, 100
_PURPOSE, _UNNAMED = "user_data", "unnamed"


class AnthropicFiles(InAnthropicsWords, FilesView):
    """The caller's files, and one more."""

    async def get(self, request: Request) -> Response:
        """Anthropic's list of files. Raises InvalidRequest."""
        query = query_of(request)
        after = query.get("page", "").removeprefix("page_") or query.get("after_id", "")
        page = Page(number_in(query, "limit", _USUAL, 1, _MOST), after)
        mine = files.of_user(self.caller.user_id)
        if ids := _ids_in(request):
            mine, page = mine.filter(pk__in=ids), Page(_MOST_IDS)
        found, has_more = await in_db_soon(_listed, mine, page)
        first, last = (found[0].id, found[-1].id) if found else (None, None)
        return Answer(_encode(AnthropicFileList(found, first, last, has_more, f"page_{last}" if has_more else None)))

    async def post(self, request: Request) -> Response:
        """Keep a file. Raises InvalidRequest."""
        form = convert(await self.form(), FileForm)
        upload, seconds = form.file, form.expires_in_seconds
        if not upload.data:
            raise InvalidRequest("The file is empty.", param="file", code="empty_file")
        about = (self.caller.user_id, upload.filename or _UNNAMED, _PURPOSE, upload.data)
        lives = timedelta(seconds=seconds) if seconds else None
        with in_clients_words("file"):
            file = await in_db(files.keep_if_room, *about, media_type=upload.content_type, lives=lives)
        return Answer(_encode(_told(file)))


class OneAnthropicFile(InAnthropicsWords, FilesView):
    """One of the caller's files."""

    async def get(self, request: Request, file_id: str) -> Response:
        """Anthropic's file object. Raises NotFound."""
        return Answer(_encode(_told(await self.found(file_id))))

    async def delete(self, request: Request, file_id: str) -> Response:
        """Erase it. Raises NotFound."""
        if not await erase(self.caller.user_id, file_id):
            raise no_such_file(file_id)
        return Answer(_encode(AnthropicFileDeleted(file_id)))


class AnthropicFileContent(InAnthropicsWords, ContentView):
    """What is in one of the caller's files."""


def _ids_in(request: Request) -> list[str]:
    """The files that alone are asked for. Raises InvalidRequest."""
    query = parse_qs(request.scope["query_string"].decode("latin-1"))  # type: ignore[attr-defined]
    ids = [one for name in ("ids", "ids[]") for given in query.get(name, ()) for one in given.split(",")]
    if len(set(ids)) > _MOST_IDS:
        raise InvalidRequest(f"At most {_MOST_IDS} ids are taken.", param="ids", code="array_above_max_length")
    return ids


def _listed(rows: QuerySet[StoredFile], page: Page) -> tuple[list[AnthropicFile], bool]:
    found, has_more = rows_of(rows, page)
    return [_told(file) for file in found], has_more


def _told(file: StoredFile) -> AnthropicFile:
    name = files.name_of(file) or _UNNAMED
    return AnthropicFile(
        id=file.pk,
        filename=name,
        mime_type=type_of_file(files.details_of(file).media_type, name),
        size_bytes=file.bytes,
        created_at=to_rfc3339(file.created),
        expires_at=to_rfc3339(file.expires),
    )
