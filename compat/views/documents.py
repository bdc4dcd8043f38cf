"""The files that a conversation names, from where they are kept."""

from collections.abc import Mapping

from accounts import files
from accounts.in_db import in_db
from accounts.remembered_settings import settings
from compat.errors import InvalidRequest, NotFound
from compat.translation.stored_files import Document


async def documents_of(user_id: int, named: Mapping[str, str]) -> dict[str, Document]:
    """The caller's files by id; `named` tells where each is named.

    Together they may be as large as a request. Raises NotFound, for another's file as well, and InvalidRequest.
    """
    return await in_db(_read, user_id, named)


def _read(user_id: int, named: Mapping[str, str]) -> dict[str, Document]:
    found = files.of_user(user_id).in_bulk(list(named))
    for file_id, path in named.items():
        if file_id not in found:
            raise NotFound(f"No such File object: {file_id[:80]}", param=path)
    if sum(file.bytes for file in found.values()) > settings.MAX_BODY_BYTES:
        raise InvalidRequest(
            f"The files that are named hold more than {settings.MAX_BODY_BYTES // (1024 * 1024)} MiB together.",
            param=next(iter(named.values())),
            code="request_too_large",
        )
    return {file_id: Document(files.name_of(file), b"".join(files.parts(file))) for file_id, file in found.items()}
