"""Uploads: files that come in several requests, sealed as they come, and are nobody's to read until they are whole.

Gemini's clients send one stretch after the other, and each request says how many bytes were before it; OpenAI's send
stretches in any order and name them in the right one at the end. Everything here asks the database, so it belongs into `in_db`.
"""

import itertools
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import files
from accounts.models import FilePart, FileUpload, StoredFile
from accounts.one_at_a_time import wait_for_others_of

HOUR = timedelta(hours=1)
"""How long a file may take to come (OpenAI API, uploads)."""
MOST_STRETCHES = 2_000
PARTS_AT_ONCE = 4
"""Sealed and written together: a transaction a part would cost more than what is in it."""
# Parts of a stretch are numbered from here on times its number, below the 2**31 that a column holds.
_NUMBERS = 1 << 20


class Over(Exception):
    """The upload was finished or cancelled, or its hour is over."""


class Overtaken(Exception):
    """Somebody else has sent bytes, or finished, in the meantime."""


class TooMany(Exception):
    """The upload has as many stretches as one may have."""


def begin(
    user_id: int,
    token_id: int | None,
    name: str,
    purpose: str,
    *,
    media_type: str,
    size: int | None,
    lives: timedelta | None = None,
) -> FileUpload:
    """A file that is to come, of `size` bytes if that is known: room for these is kept. Raises NoRoom."""
    now = timezone.now()
    file = files.new_file(user_id, name, purpose, now, now + HOUR)
    file.whole, file.bytes = False, size or 0
    file.details = files.seal_details(file.pk, files.Details(media_type))
    with transaction.atomic():
        files.require_room(user_id, file.bytes)
        file.save(force_insert=True)
        return FileUpload.objects.create(
            id=f"upload_{uuid.uuid4().hex}",
            file=file,
            token_id=token_id,
            open_access=token_id is None,
            size=size,
            lives_seconds=None if lives is None else int(lives.total_seconds()),
            created=now,
            last_came=now,
            expires=file.expires,
        )


def find(upload_id: str) -> FileUpload | None:
    """An upload whose hour is not over, pending or completed, and its file."""
    return _all().select_related("file").filter(pk=upload_id).first()


def find_of(user_id: int, upload_id: str) -> FileUpload | None:
    """The same if it is the user's; None for another's as well."""
    return _all().select_related("file").filter(pk=upload_id, file__user=user_id).first()


def begin_stretch(upload: FileUpload) -> int:
    """The number of a new stretch, from 1. Raises Over, TooMany."""
    with transaction.atomic():
        if not _pending(upload).update(stretches=F("stretches") + 1):
            raise Over
        number = FileUpload.objects.values_list("stretches", flat=True).get(pk=upload.pk)
        if number > MOST_STRETCHES:
            raise TooMany
        return number


def add_behind(upload: FileUpload, received: int, parts: Sequence[bytes]) -> None:
    """Add parts behind so many bytes, which must be all that have come. Raises Over, Overtaken, NoRoom."""
    first = _parts_of(upload, 0).count()
    _add(upload, _pending(upload).filter(received=received), first, parts)


def add_stretch(upload: FileUpload, stretch: int, content: bytes) -> datetime:
    """Add a stretch, all of it: when that was. Raises Over, NoRoom."""
    parts, number = files.in_parts([content]), first_number(stretch)
    # Sealed all at once it would be in memory five times over. What came before room ran out nobody can name: it is in no file.
    while some := list(itertools.islice(parts, PARTS_AT_ONCE)):
        _add(upload, _pending(upload), number, some)
        number += len(some)
    return timezone.now()


def _add(upload: FileUpload, unchanged: QuerySet[FileUpload], first: int, parts: Sequence[bytes]) -> None:
    # The slow part, the cryptography, is done before the transaction begins.
    sealed = [files.sealed_part(upload.file_id, number, part) for number, part in enumerate(parts, first)]
    came = sum(map(len, parts))
    with transaction.atomic():
        wait_for_others_of(upload.file.user_id)
        # Of two at once the other finds nothing to change.
        if not unchanged.update(received=F("received") + came, last_came=timezone.now()):
            raise _why_not(upload)
        _make_room(upload)
        FilePart.objects.bulk_create(sealed)


def first_number(stretch: int) -> int:
    """The number of the first part of a stretch; stretch 0 is what came one behind the other."""
    return stretch * _NUMBERS


def finish(upload: FileUpload, stretches: Sequence[int], size: int, sha256: str) -> StoredFile:
    """Make the file whole: of these stretches, in this order, `size` bytes. Raises Over, Overtaken.

    `upload` is as it was when its bytes were counted; what came since is no part of the file, so it is not finished then.
    """
    now = timezone.now()
    file = upload.file
    lives = None if upload.lives_seconds is None else timedelta(seconds=upload.lives_seconds)
    file.created, file.expires, file.bytes, file.whole = now, files.end_of(now, lives), size, True
    file.details = files.seal_details(file.pk, files.Details(files.details_of(file).media_type, sha256))
    with transaction.atomic():
        # Somebody who wants the room may take it for one that broke off.
        wait_for_others_of(file.user_id)
        counted = _pending(upload).filter(received=upload.received)
        if not counted.update(status=FileUpload.Status.COMPLETED, size=size):
            raise _why_not(upload)
        _put_in_order(upload, stretches)
        file.save(update_fields=["created", "expires", "bytes", "whole", "details"])
    return file


def cancel(upload: FileUpload) -> None:
    """Erase what has come. Raises Over for one that is whole."""
    with transaction.atomic():
        if not _pending(upload).update(expires=timezone.now()):
            raise Over
        files.erase([upload.file_id])


def purge(now: datetime, at_most: int) -> int:
    """Forget so many of the uploads whose hour is over: how many. What came of a file that is not whole goes as files go."""
    over = FileUpload.objects.filter(expires__lte=now).values_list("pk", flat=True)
    return FileUpload.objects.filter(pk__in=list(over[:at_most])).delete()[0]


def _all() -> QuerySet[FileUpload]:
    return FileUpload.objects.filter(expires__gt=timezone.now())


def _pending(upload: FileUpload) -> QuerySet[FileUpload]:
    return _all().filter(pk=upload.pk, status=FileUpload.Status.PENDING)


def _why_not(upload: FileUpload) -> Over | Overtaken:
    return Overtaken() if _pending(upload).exists() else Over()


def _make_room(upload: FileUpload) -> None:
    """More has come than was said at the beginning: take the room for it."""
    received = FileUpload.objects.values_list("received", flat=True).get(pk=upload.pk)
    file = StoredFile.objects.get(pk=upload.file_id)
    if received > file.bytes:
        files.require_room(file.user_id, received - file.bytes, another=False)
        StoredFile.objects.filter(pk=file.pk).update(bytes=received)


def _parts_of(upload: FileUpload, stretch: int) -> QuerySet[FilePart]:
    first = first_number(stretch)
    return FilePart.objects.filter(file=upload.file_id, number__gte=first, number__lt=first + _NUMBERS)


def _put_in_order(upload: FileUpload, stretches: Sequence[int]) -> None:
    """Number the parts of these stretches from 0 on; the others are erased."""
    if 0 not in stretches:
        # A client that mixes both ways to send leaves some where the others are to be.
        _parts_of(upload, 0).delete()
    place = 0
    for stretch in filter(None, stretches):
        place += _parts_of(upload, stretch).update(
            sealed_as=F("number"), number=F("number") - first_number(stretch) + place
        )
    FilePart.objects.filter(file=upload.file_id, number__gte=_NUMBERS).delete()
