"""Images behind links: sealed under a key that only the link holds, bounded, and gone after their time.

Whoever has the database, its backups and every secret of the site cannot look at one without its link.
"""

import os
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from accounts.models import KeptImage
from accounts.one_at_a_time import wait_for_others_of

# Each key seals one image.
_NONCE = bytes(12)
# One owner has at most this part of the room of all.
_OWNERS_PART = 8


class NoRoom(Exception):
    """The images are more than one owner may keep."""


class Kept(NamedTuple):
    """What a link needs to open an image again."""

    id: uuid.UUID
    key: bytes
    expires: int
    """Unix seconds."""


def keep(owner_id: int, images: Sequence[tuple[str, bytes]]) -> list[Kept]:
    """Keep images, each (content type, bytes), for settings.IMAGE_LINK_SECONDS.

    The oldest make room for them, first the owner's own. Raises NoRoom.
    """
    expires = timezone.now() + timedelta(seconds=settings.IMAGE_LINK_SECONDS)
    kept = [Kept(uuid.uuid4(), os.urandom(32), int(expires.timestamp())) for _ in images]
    rows = [
        KeptImage(
            id=one.id,
            owner_id=owner_id,
            content_type=content_type,
            size=len(data),
            expires=expires,
            sealed=AESGCM(one.key).encrypt(_NONCE, data, one.id.bytes),
        )
        for one, (content_type, data) in zip(kept, images, strict=True)
    ]
    size, most = sum(row.size for row in rows), settings.IMAGE_LINK_BYTES
    if size > most // _OWNERS_PART:
        raise NoRoom
    purge_expired()
    with transaction.atomic():
        wait_for_others_of(owner_id)
        _make_room(KeptImage.objects.filter(owner_id=owner_id), most // _OWNERS_PART - size)
        _make_room(KeptImage.objects.all(), most - size)
        KeptImage.objects.bulk_create(rows)
    return kept


def open_kept(image_id: uuid.UUID, key: bytes) -> tuple[str, bytes] | None:
    """The content type and bytes of an image; None when its time is over or the key is another's."""
    row = KeptImage.objects.filter(id=image_id, expires__gt=timezone.now()).first()
    if row is None:
        return None
    try:
        return row.content_type, AESGCM(key).decrypt(_NONCE, bytes(row.sealed), image_id.bytes)
    except (InvalidTag, ValueError):
        return None


def purge_expired() -> int:
    """Erase those whose time is over; how many."""
    return KeptImage.objects.filter(expires__lte=timezone.now()).delete()[0]


def _make_room(images: models.QuerySet[KeptImage], room: int) -> None:
    """Erase the oldest of these until the rest fits into so many bytes."""
    excess = (images.aggregate(held=models.Sum("size"))["held"] or 0) - room
    if excess <= 0:
        return
    gone = []
    for image_id, size in images.order_by("expires").values_list("id", "size"):
        if excess <= 0:
            break
        gone.append(image_id)
        excess -= size
    KeptImage.objects.filter(id__in=gone).delete()
