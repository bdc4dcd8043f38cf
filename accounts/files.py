"""Files of users: kept sealed, found by their owner alone, gone when their time is over. docs/batches.md tells more.

Everything here asks the database, so it belongs into `in_db`, but for `read`, which goes there by itself.
"""

import itertools
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from accounts.in_db import in_db
from accounts.models import Batch, FilePart, StoredFile, User
from accounts.sealing import Unsealable, seal_bytes, unseal_bytes

PART_BYTES = 256 * 1024
_MOST_FILES = 10_000


class NoRoom(Exception):
    """The user's files take all the room there is for one user."""


class Gone(Exception):
    """The file was deleted while it was read."""


def keep(
    user_id: int, name: str, purpose: str, content: Iterable[bytes], *, lives: timedelta | None = None
) -> StoredFile:
    """Keep a file whose content comes in pieces, for `lives` or as long as files are kept."""
    now = timezone.now()
    file_id = f"file-{uuid.uuid4().hex[:24]}"
    longest = timedelta(days=settings.FILE_DAYS)
    file = StoredFile(
        id=file_id,
        user_id=user_id,
        purpose=purpose,
        name=seal_bytes(file_id, name.encode()),
        created=now,
        expires=now + min(lives or longest, longest),
    )
    with transaction.atomic():
        file.save(force_insert=True)
        for number, part in enumerate(_in_parts(content)):
            FilePart.objects.create(file=file, number=number, content=seal_bytes(place_of(file_id, number), part))
            file.bytes += len(part)
        file.save(update_fields=["bytes"])
    return file


@transaction.atomic
def keep_if_room(
    user_id: int, name: str, purpose: str, content: bytes, *, lives: timedelta | None = None
) -> StoredFile:
    """Keep a file that the user brings. Raises NoRoom."""
    # Of two at once one waits here for the other, for each would find the room that is there for one.
    list(User.objects.select_for_update(no_key=True).filter(pk=user_id).values_list("pk"))
    _require_room(user_id, len(content))
    return keep(user_id, name, purpose, [content], lives=lives)


def _require_room(user_id: int, size: int) -> None:
    if not has_room(user_id, size) or of_user(user_id).count() >= _MOST_FILES:
        raise NoRoom


def has_room(user_id: int, size: int) -> bool:
    """True when so many bytes more fit: the results of the user's batches count before they are in files."""
    taken = of_user(user_id).aggregate(taken=Sum("bytes"))["taken"] or 0
    unfiled = Batch.objects.filter(user=user_id).aggregate(taken=Sum("result_bytes"))["taken"] or 0
    return bool(taken + unfiled + size <= settings.FILES_MIB * 1024 * 1024)


def of_user(user_id: int) -> QuerySet[StoredFile]:
    """The files that a user has now."""
    return StoredFile.objects.filter(user=user_id, expires__gt=timezone.now())


def find(user_id: int, file_id: str) -> StoredFile | None:
    """The user's own file; None for another's as well."""
    return of_user(user_id).filter(pk=file_id).first()


def name_of(file: StoredFile) -> str:
    """The name under which it came; "" when its encryption key is gone."""
    try:
        return unseal_bytes(file.pk, bytes(file.name)).decode()
    except Unsealable:
        return ""


def parts(file: StoredFile) -> Iterator[bytes]:
    """The content, a part in memory at a time. Raises Unsealable, Gone."""
    left = file.bytes
    for number in itertools.count():
        part = part_of(file, number)
        if part is None and left:
            raise Gone
        if part is None:
            return
        left -= len(part)
        yield part


async def read(file: StoredFile) -> AsyncIterator[bytes]:
    """The same for those on an event loop, who wait for each part. Raises Unsealable."""
    for number in itertools.count():
        part = await in_db(part_of, file, number)
        if part is None:
            return
        yield part


def part_of(file: StoredFile, number: int) -> bytes | None:
    """One part of the content, counted from 0; None behind the last. Raises Unsealable."""
    sealed = FilePart.objects.filter(file=file, number=number).values_list("content", flat=True).first()
    return None if sealed is None else unseal_bytes(place_of(file.pk, number), bytes(sealed))


def lines(file: StoredFile) -> Iterator[bytes]:
    """The lines of the content, without their ends. Raises Unsealable, Gone."""
    rest = b""
    for part in parts(file):
        *whole, rest = (rest + part).split(b"\n")
        yield from whole
    if rest:
        yield rest


def delete(user_id: int, file_id: str) -> bool:
    """Erase the user's own file; False when there is none."""
    found = of_user(user_id).filter(pk=file_id)
    return _erase(list(found.values_list("pk", flat=True))) > 0


def purge(now: datetime, at_most: int) -> int:
    """Erase so many of the files whose time is over: how many."""
    over = StoredFile.objects.filter(expires__lte=now).values_list("pk", flat=True)
    return _erase(list(over[:at_most]))


@transaction.atomic
def _erase(ids: list[str]) -> int:
    FilePart.objects.filter(file__in=ids).delete()
    return StoredFile.objects.filter(pk__in=ids).delete()[0]


def place_of(file_id: str, number: int) -> str:
    """What a part of a file is sealed for."""
    return f"{file_id}/{number}"


def _in_parts(content: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of equal size, none of them empty."""
    rest = bytearray()
    for piece in content:
        rest += piece
        while len(rest) >= PART_BYTES:
            yield bytes(rest[:PART_BYTES])
            del rest[:PART_BYTES]
    if rest:
        yield bytes(rest)
