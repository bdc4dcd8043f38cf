"""Files that come in parts: POST uploads, uploads/{id}/parts, uploads/{id}/complete, uploads/{id}/cancel."""

import re
from datetime import timedelta
from typing import Literal

import msgspec
from rest_framework.request import Request

from accounts import files, uploads
from accounts.in_db import in_db, in_db_soon
from accounts.models import FileUpload as Row
from accounts.models import IssuedToken
from compat.answers import Answer, Response
from compat.asyncview import AsyncAPIView
from compat.errors import BodyTooLarge, InvalidRequest, NotFound
from compat.schemas.file_answers import FileUpload, FileUploadPart
from compat.schemas.files import PartForm, UploadComplete, UploadRequest
from compat.translation.decoding import convert, decode
from compat.translation.mime_types import bare_type
from compat.uploading import finish, in_clients_words
from compat.views.files import told

_encode = msgspec.json.Encoder().encode
_request = msgspec.json.Decoder(UploadRequest)
_complete = msgspec.json.Decoder(UploadComplete)
_PART_ID = re.compile(r"part_([0-9a-f]+)_(\d{1,5})", re.ASCII)


class _UploadsView(AsyncAPIView):
    """What the routes of uploads share: the caller's own alone are there."""

    needs = IssuedToken.Scope.FILES
    endpoint = "uploads"

    async def found(self, upload_id: str) -> Row:
        """The caller's own upload. Raises NotFound, for another's as well."""
        upload = await in_db_soon(uploads.find_of, self.caller.user_id, upload_id)
        if upload is None:
            raise NotFound(f"No such Upload object: {upload_id[:80]}", param="upload_id")
        return upload


class Uploads(_UploadsView):
    """A file that is to come."""

    async def post(self, request: Request) -> Response:
        """Keep room for it. Raises InvalidRequest."""
        asked = decode(await self.body(), _request)
        lives = timedelta(seconds=asked.expires_after.seconds) if asked.expires_after else None
        whose, kind = (self.caller.user_id, self.caller.token_id), bare_type(asked.mime_type)
        with in_clients_words("bytes"):
            upload = await in_db(
                uploads.begin, *whose, asked.filename, asked.purpose, media_type=kind, size=asked.bytes, lives=lives
            )
        return Answer(_encode(_told(upload, "pending")))


class UploadParts(_UploadsView):
    """A part of it: they may come in any order, and at once."""

    async def post(self, request: Request, upload_id: str) -> Response:
        """Keep it. Raises NotFound, InvalidRequest."""
        upload = await self.found(upload_id)
        try:
            data = convert(await self.form(), PartForm).data.data
        except BodyTooLarge as error:
            # openai-python's upload_file_chunked sends 64 MiB at a time unless it is told otherwise.
            raise BodyTooLarge(f"{error.message} Send smaller parts: openai-python takes `part_size`.") from None
        if not data:
            raise InvalidRequest("The part is empty.", param="data", code="empty_file")
        with in_clients_words("data"):
            stretch = await in_db(uploads.begin_stretch, upload)
            created = await in_db(uploads.add_stretch, upload, stretch, data)
        return Answer(_encode(FileUploadPart(_part_id(upload, stretch), int(created.timestamp()), upload.pk)))


class CompleteUpload(_UploadsView):
    """The end of it."""

    async def post(self, request: Request, upload_id: str) -> Response:
        """Make a file of the parts that are named. Raises NotFound, InvalidRequest."""
        asked = decode(await self.body(), _complete)
        upload = await self.found(upload_id)
        # Also for a client that heard no answer and asks again.
        if upload.status == Row.Status.PENDING:
            await finish(upload, _stretches(upload, asked.part_ids), asked.md5)
        return Answer(_encode(_told(upload, "completed")))


class CancelUpload(_UploadsView):
    """The end of one that is not wanted any more."""

    async def post(self, request: Request, upload_id: str) -> Response:
        """Erase what has come. Raises NotFound."""
        upload = await self.found(upload_id)
        with in_clients_words("upload_id"):
            await in_db(uploads.cancel, upload)
        return Answer(_encode(_told(upload, "cancelled")))


def _told(upload: Row, status: Literal["pending", "completed", "cancelled"]) -> FileUpload:
    file = upload.file
    name = files.name_of(file)
    return FileUpload(
        id=upload.pk,
        bytes=upload.size or 0,
        created_at=int(upload.created.timestamp()),
        expires_at=int(upload.expires.timestamp()),
        filename=name,
        purpose=file.purpose,
        status=status,
        file=told(file, name) if status == "completed" else None,
    )


def _part_id(upload: Row, stretch: int) -> str:
    return f"part_{upload.pk.removeprefix('upload_')}_{stretch}"


def _stretches(upload: Row, part_ids: list[str]) -> list[int]:
    """The numbers of parts. Raises InvalidRequest for what is no part of this upload, and for one that is named twice."""
    stretches = []
    for part_id in part_ids:
        found = _PART_ID.fullmatch(part_id)
        if found is None or found[1] != upload.pk.removeprefix("upload_") or not 1 <= int(found[2]) <= upload.stretches:
            raise InvalidRequest(f"No such part of this upload: {part_id[:80]}", param="part_ids", code="invalid_value")
        stretches.append(int(found[2]))
    if len(set(stretches)) != len(stretches):
        raise InvalidRequest("A part is named twice.", param="part_ids", code="invalid_value")
    return stretches
