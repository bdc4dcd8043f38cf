"""Files that come in several requests: bytes on their way into an upload, its end, and what may go wrong, in clients' words."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings

from accounts import files, uploads
from accounts.in_db import in_db
from accounts.models import FileUpload, StoredFile
from compat.errors import InvalidRequest, NotFound

_WRITTEN_AT_ONCE = uploads.PARTS_AT_ONCE * files.PART_BYTES


class OutOfStep(InvalidRequest):
    """What comes does not go on from what has come: ask how much that is."""

    code = "upload_out_of_step"


class Arriving:
    """The bytes of one request, on their way behind those that have come; a stretch of them is in memory at a time."""

    def __init__(self, upload: FileUpload, offset: int) -> None:
        self.received = upload.received
        """How many bytes of the file are written down."""
        self._upload = upload
        # A client that heard no answer sends a stretch again, of which the beginning may be here.
        self._known = upload.received - offset
        self._held = bytearray()

    async def take(self, chunk: bytes) -> None:
        """A chunk of the body. Raises InvalidRequest, NotFound."""
        known = min(self._known, len(chunk))
        self._known -= known
        self._held += memoryview(chunk)[known:]
        size = self._upload.size
        if size is not None and self.received + len(self._held) > size:
            raise OutOfStep(f"More than the {size} bytes that the file was said to have.", param="X-Goog-Upload-Offset")
        while len(self._held) >= _WRITTEN_AT_ONCE:
            await self._write(bytes(self._held[:_WRITTEN_AT_ONCE]))
            del self._held[:_WRITTEN_AT_ONCE]

    async def end(self) -> None:
        """Write down the rest. Raises InvalidRequest, NotFound."""
        if self._held:
            await self._write(bytes(self._held))
            self._held.clear()

    async def _write(self, content: bytes) -> None:
        parts = list(files.in_parts([content]))
        with in_clients_words():
            await in_db(uploads.add_behind, self._upload, self.received, parts)
        self.received += len(content)


async def finish(upload: FileUpload, stretches: Sequence[int], md5: str | None = None) -> StoredFile:
    """Make a file of what has come, in the order of these stretches. Raises InvalidRequest, NotFound."""
    sha256, given, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    for stretch in stretches:
        async for part in files.read(upload.file, uploads.first_number(stretch)):
            sha256.update(part)
            given.update(part)
            size += len(part)
    if not size:
        raise InvalidRequest("The file is empty.", code="empty_file")
    if upload.size not in (None, size):
        raise OutOfStep(f"The file was said to have {upload.size} bytes, and {size} have come.")
    if md5 is not None and md5.lower() != given.hexdigest():
        raise InvalidRequest("The MD5 of what has come is another.", param="md5", code="checksum_mismatch")
    with in_clients_words():
        return await in_db(uploads.finish, upload, stretches, size, sha256.hexdigest())


@contextmanager
def in_clients_words(param: str | None = None) -> Iterator[None]:
    """What accounts refuses, as an error of the API."""
    try:
        yield
    except files.NoRoom:
        raise no_room(param) from None
    except uploads.Over:
        raise NotFound("The upload was finished or cancelled, or its hour is over.", param=param) from None
    except uploads.Overtaken:
        raise OutOfStep("Another request has sent bytes of this file in the meantime.", param=param) from None
    except uploads.TooMany:
        raise InvalidRequest(
            f"An upload has {uploads.MOST_STRETCHES} parts at most.", param=param, code="too_many_parts"
        ) from None


def no_room(param: str | None) -> InvalidRequest:
    """The error for a file that there is no room for."""
    return InvalidRequest(
        f"Your files would take more than {settings.FILES_MIB} MiB, which is all the room there is: delete some.",
        param=param,
        code="files_full",
    )
