"""The files that a request names, from where they are kept."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from accounts import files
from accounts.in_db import in_db
from accounts.models import StoredFile
from accounts.remembered_settings import settings
from compat.errors import InvalidRequest, NotFound
from compat.translation.stored_files import HEAD_BYTES, Document, going_ahead

Named = Sequence[tuple[str, str]]
"""The id of each file that a request names, and the path of the member that does."""

# Gemini API, inlineData: a request has up to 100 MB.
_GEMINI_TAKES_BYTES = 100_000_000


class Documents(NamedTuple):
    """The files that a request names, by their ids."""

    by_id: Mapping[str, Document]
    ahead: Mapping[str, StoredFile]
    """Those that go to Gemini ahead of the request."""


async def documents_of(user_id: int, named: Named, *, may_go_ahead: bool = False) -> Documents:
    """The caller's files.

    Those that travel inside the request may together be as large as one; a file that is named twice is sent twice, and
    counts so. Where they `may_go_ahead` the others do (TUMBLER_GEMINI_FILES). Raises NotFound, for another's file as well,
    and InvalidRequest.
    """
    return await in_db(_read, user_id, named, may_go_ahead=may_go_ahead)


def _read(user_id: int, named: Named, *, may_go_ahead: bool) -> Documents:
    found = files.of_user(user_id).in_bulk({file_id for file_id, _ in named})
    for file_id, path in named:
        if file_id not in found:
            raise _not_found(file_id, path)
    times = Counter(file_id for file_id, _ in named)
    sizes = {file_id: file.bytes * times[file_id] for file_id, file in found.items()}
    ahead = _ahead(sizes) if may_go_ahead else set()
    if sum(size for file_id, size in sizes.items() if file_id not in ahead) > settings.MAX_BODY_BYTES:
        raise InvalidRequest(
            f"The files that are named hold more than {settings.MAX_BODY_BYTES // (1024 * 1024)} MiB together.",
            param=named[0][1],
            code="request_too_large",
        )
    paths = dict(named)
    documents = {
        file_id: Document(
            files.name_of(file),
            _content(file, paths[file_id], head=file_id in ahead),
            files.details_of(file).media_type,
            file_id in ahead,
        )
        for file_id, file in found.items()
    }
    return Documents(documents, {file_id: found[file_id] for file_id in ahead})


def _ahead(sizes: Mapping[str, int]) -> set[str]:
    if settings.GEMINI_FILES == "never":
        return set()
    if settings.GEMINI_FILES == "always":
        return set(sizes)
    # base64 makes four bytes of three, and the rest of the request may be as large as a body is.
    left = max(0, _GEMINI_TAKES_BYTES - settings.MAX_BODY_BYTES)
    return going_ahead(sizes, min(settings.MAX_BODY_BYTES, left * 3 // 4))


def _content(file: StoredFile, path: str, *, head: bool) -> bytes:
    try:
        return _head_of(files.parts(file)) if head else b"".join(files.parts(file))
    except files.Gone:
        raise _not_found(file.pk, path) from None


def _head_of(parts: Iterable[bytes]) -> bytes:
    """The first bytes; what came in small pieces has small parts."""
    head = b""
    for part in parts:
        head += part[:HEAD_BYTES]
        if len(head) >= HEAD_BYTES:
            break
    return head


def _not_found(file_id: str, path: str) -> NotFound:
    return NotFound(f"No such File object: {file_id[:80]}", param=path)
