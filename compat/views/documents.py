"""The files that a conversation names, from where they are kept."""

from collections.abc import Sequence

from accounts import files
from accounts.in_db import in_db
from accounts.models import StoredFile
from accounts.remembered_settings import settings
from compat.errors import InvalidRequest, NotFound
from compat.translation.stored_files import Document

Named = Sequence[tuple[str, str]]
"""The id of each file that a request names, and the path of the member that does."""


async def documents_of(user_id: int, named: Named) -> dict[str, Document]:
    """The caller's files by id.

    Together they may be as large as a request; one that is named twice is sent twice, and counts so. Raises NotFound, for
    another's file as well, and InvalidRequest.
    """
    return await in_db(_read, user_id, named)


def _read(user_id: int, named: Named) -> dict[str, Document]:
    found = files.of_user(user_id).in_bulk({file_id for file_id, _ in named})
    for file_id, path in named:
        if file_id not in found:
            raise _not_found(file_id, path)
    if sum(found[file_id].bytes for file_id, _ in named) > settings.MAX_BODY_BYTES:
        raise InvalidRequest(
            f"The files that are named hold more than {settings.MAX_BODY_BYTES // (1024 * 1024)} MiB together.",
            param=named[0][1],
            code="request_too_large",
        )
    paths = dict(named)
    return {
        file_id: Document(files.name_of(file), _content(file, paths[file_id]), files.details_of(file).media_type)
        for file_id, file in found.items()
    }


def _content(file: StoredFile, path: str) -> bytes:
    try:
        return b"".join(files.parts(file))
    except files.Gone:
        raise _not_found(file.pk, path) from None


def _not_found(file_id: str, path: str) -> NotFound:
    return NotFound(f"No such File object: {file_id[:80]}", param=path)
