"""Files of users: kept sealed, found by their owner alone, gone when their time is over. docs/batches.md tells more.

Everything here asks the database, so it belongs into `in_db`, but for `read`, which goes there by itself.
"""

import hashlib
import itertools
import uuid
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from accounts.in_db import in_db
from accounts.models import Batch, FilePart, FileUpload, StoredFile
from accounts.one_at_a_time import wait_for_others_of
from accounts.sealing import Unsealable, seal_bytes, unseal_bytes

PART_BYTES = 256 * 1024
_MOST_FILES = 10_000
_STILL = timedelta(minutes=10)
_encode = msgspec.json.Encoder().encode


class NoRoom(Exception):
    """The user's files take all the room there is for one user."""


class Gone(Exception):
    """The file was deleted while it was read."""


class Details(msgspec.Struct, frozen=True):
    """What is known of a file that is whole."""

    media_type: str = ""
    sha256: str = ""
    """In hex; "" of files that are older than this column."""


_details = msgspec.json.Decoder(Details)


def keep(
    user_id: int,
    name: str,
    purpose: str,
    content: Iterable[bytes],
    *,
    media_type: str = "",
    lives: timedelta | None = None,
) -> StoredFile:
    """Keep a file whose content comes in pieces, for `lives` or as long as files are kept."""
    now = timezone.now()
    file = new_file(user_id, name, purpose, now, end_of(now, lives))
    digest = hashlib.sha256()
    with transaction.atomic():
        file.save(force_insert=True)
        for number, part in enumerate(in_parts(content)):
            sealed_part(file.pk, number, part).save(force_insert=True)
            digest.update(part)
            file.bytes += len(part)
        file.details = seal_details(file.pk, Details(media_type, digest.hexdigest()))
        file.save(update_fields=["bytes", "details"])
    return file


@transaction.atomic
def keep_if_room(
    user_id: int,
    name: str,
    purpose: str,
    content: bytes,
    *,
    media_type: str = "",
    lives: timedelta | None = None,
) -> StoredFile:
    """Keep a file that the user brings. Raises NoRoom."""
    require_room(user_id, len(content))
    return keep(user_id, name, purpose, [content], media_type=media_type, lives=lives)


def new_file(user_id: int, name: str, purpose: str, created: datetime, expires: datetime) -> StoredFile:
    """The row of a file of which nothing is there yet; it is not saved."""
    file_id = f"file-{uuid.uuid4().hex[:24]}"
    sealed = seal_bytes(file_id, name.encode())
    return StoredFile(id=file_id, user_id=user_id, purpose=purpose, name=sealed, created=created, expires=expires)


def end_of(created: datetime, lives: timedelta | None) -> datetime:
    """When the time of a file is over that shall live so long, or as long as files are kept."""
    longest = timedelta(days=settings.FILE_DAYS)
    return created + min(lives or longest, longest)


def require_room(user_id: int, size: int, *, another: bool = True) -> None:
    """Raise NoRoom unless the user has room for so many bytes, of another file or of one that is there. In a transaction."""
    wait_for_others_of(user_id)
    if not has_room(user_id, size):
        _erase_broken_off(user_id)
    if not has_room(user_id, size) or (another and _of_user(user_id).count() >= _MOST_FILES):
        raise NoRoom


def has_room(user_id: int, size: int) -> bool:
    """True when so many bytes more fit.

    What is still to come of uploads counts as if it were there, and the results of batches before they are in files.
    """
    taken = _of_user(user_id).aggregate(taken=Sum("bytes"))["taken"] or 0
    unfiled = Batch.objects.filter(user=user_id).aggregate(taken=Sum("result_bytes"))["taken"] or 0
    return bool(taken + unfiled + size <= settings.FILES_MIB * 1024 * 1024)


def _erase_broken_off(user_id: int) -> None:
    """Uploads of which nothing comes any more make way: their clients may begin anew, and seldom cancel what broke off."""
    still = FileUpload.objects.filter(file__user=user_id, file__whole=False, last_came__lt=timezone.now() - _STILL)
    erase(list(still.values_list("file", flat=True)))


def _of_user(user_id: int) -> QuerySet[StoredFile]:
    """Those that are still to come as well."""
    return StoredFile.objects.filter(user=user_id, expires__gt=timezone.now())


def of_user(user_id: int) -> QuerySet[StoredFile]:
    """The files that a user has now; not those that are still to come."""
    return _of_user(user_id).filter(whole=True)


def find(user_id: int, file_id: str) -> StoredFile | None:
    """The user's own file; None for another's as well."""
    return of_user(user_id).filter(pk=file_id).first()


def missing(file_ids: Collection[str]) -> set[str]:
    """Those that are there no more: deleted by their owners, with their owners, or as their time was over."""
    return {*file_ids} - {*StoredFile.objects.filter(pk__in=file_ids).values_list("pk", flat=True)}


def name_of(file: StoredFile) -> str:
    """The name under which it came; "" when its encryption key is gone."""
    try:
        return unseal_bytes(file.pk, bytes(file.name)).decode()
    except Unsealable:
        return ""


def details_of(file: StoredFile) -> Details:
    """Its media type and digest, as far as they are known."""
    try:
        return _details.decode(unseal_bytes(details_place(file.pk), bytes(file.details))) if file.details else Details()
    except Unsealable:
        return Details()


def details_place(file_id: str) -> str:
    """What the details of a file are sealed for."""
    return f"{file_id}/details"


def seal_details(file_id: str, details: Details) -> bytes:
    """What is known of a file, for its row."""
    return seal_bytes(details_place(file_id), _encode(details))


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


def require_readable(file: StoredFile) -> None:
    """Raise Unsealable where it would be raised once a download has begun."""
    part_of(file, 0)


async def read(file: StoredFile, start: int = 0) -> AsyncGenerator[bytes, None]:
    """The same, from one part on, for those on an event loop, who wait for each part. Raises Unsealable."""
    for number in itertools.count(start):
        part = await in_db(part_of, file, number)
        if part is None:
            return
        yield part


def part_of(file: StoredFile, number: int) -> bytes | None:
    """One part of the content, counted from 0; None behind the last. Raises Unsealable."""
    part = FilePart.objects.filter(file=file, number=number).first()
    return None if part is None else unseal_bytes(place_of(part), bytes(part.content))


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
    return erase(list(found.values_list("pk", flat=True))) > 0


def purge(now: datetime, at_most: int) -> int:
    """Erase so many of the files whose time is over: how many."""
    over = StoredFile.objects.filter(expires__lte=now).values_list("pk", flat=True)
    return erase(list(over[:at_most]))


@transaction.atomic
def erase(ids: list[str]) -> int:
    """Erase these files and all that belongs to them: how many there were."""
    FileUpload.objects.filter(file__in=ids).delete()
    FilePart.objects.filter(file__in=ids).delete()
    return StoredFile.objects.filter(pk__in=ids).delete()[0]


def place_of(part: FilePart) -> str:
    """What a part of a file is sealed for."""
    return f"{part.file_id}/{part.came_as}"


def sealed_part(file_id: str, number: int, content: bytes) -> FilePart:
    """The row of a part; it is not saved."""
    part = FilePart(file_id=file_id, number=number)
    part.content = seal_bytes(place_of(part), content)
    return part


def in_parts(content: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of equal size, none of them empty."""
    rest = bytearray()
    for piece in content:
        rest += piece
        while len(rest) >= PART_BYTES:
            yield bytes(rest[:PART_BYTES])
            del rest[:PART_BYTES]
    if rest:
        yield bytes(rest)
