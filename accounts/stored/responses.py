"""Stored responses: kept, found by their owner alone, followed back to the first of their chain, and deleted."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from accounts.in_db import in_db_soon
from accounts.models import StoredResponse
from accounts.remembered_settings import settings
from accounts.sealing import Unsealable, seal_bytes, unseal_bytes
from accounts.stored.behind import write_behind, written

MOST_RESPONSES = 10_000
"""Of one user; beyond, and beyond STORED_MIB, the oldest go."""
MOST_TURNS = 1_000
"""In one chain."""


class Stored(NamedTuple):
    """A stored response: its content is the JSON that was kept."""

    id: str
    root: str
    status: str
    content: bytes


class NotStored(Exception):
    """The user has no such response: it was never made, was deleted, or its days are over."""


def is_on() -> bool:
    """Whether anything is stored here."""
    return settings.STORED_DAYS > 0


def keep(
    user_id: int, response_id: str, after: Stored | None, status: str, size: int, content: Callable[[], bytes]
) -> None:
    """Store a response that goes on from another. `content` makes the JSON, of about `size` bytes, in a database thread."""
    created = timezone.now()
    root = after.root if after else response_id

    def act() -> None:
        sealed = seal_bytes(response_id, content())
        row = StoredResponse(
            id=response_id, user_id=user_id, created=created, status=status, size=len(sealed), sealed=sealed
        )
        row.previous, row.root = (after.id if after else ""), root
        with transaction.atomic():
            _make_room(user_id, row.size)
            row.save(force_insert=True)

    write_behind(user_id, size, act)


async def find(user_id: int, *response_ids: str) -> list[Stored]:
    """These responses of the user's. Raises NotStored, DatabaseAway."""
    await written(user_id)
    return await in_db_soon(_find, user_id, response_ids)


async def find_chain(user_id: int, response_id: str) -> list[Stored]:
    """A response behind all those that it goes on from, the first one first. Raises NotStored, DatabaseAway."""
    await written(user_id)
    return await in_db_soon(_find_chain, user_id, response_id)


async def delete(user_id: int, response_id: str) -> None:
    """Delete one. Raises NotStored, DatabaseAway."""
    await written(user_id)
    if not await in_db_soon(_delete, user_id, response_id):
        raise NotStored(response_id)


def purge_before(end: datetime, at_most: int) -> int:
    """Delete so many of the responses that were made before `end`: how many."""
    oldest = StoredResponse.objects.filter(created__lt=end).order_by("created").values_list("pk", flat=True)
    return _delete_rows(list(oldest[:at_most]))


def _find(user_id: int, response_ids: tuple[str, ...]) -> list[Stored]:
    rows = StoredResponse.objects.filter(user_id=user_id).in_bulk(response_ids)
    return [_opened(rows.get(response_id), response_id) for response_id in response_ids]


def _find_chain(user_id: int, response_id: str) -> list[Stored]:
    mine = StoredResponse.objects.filter(user_id=user_id)
    root = mine.filter(pk=response_id).values_list("root", flat=True).first()
    before = dict(mine.filter(root=root).values_list("pk", "previous")) if root else {}
    chain = [response_id]
    while previous := before.get(chain[-1]):
        chain.append(previous)
        if len(chain) > MOST_TURNS:
            raise NotStored(previous)
    return _find(user_id, tuple(reversed(chain)))


def _opened(row: StoredResponse | None, response_id: str) -> Stored:
    if row is None:
        raise NotStored(response_id)
    try:
        return Stored(row.pk, row.root, row.status, unseal_bytes(row.pk, bytes(row.sealed)))
    except Unsealable:
        raise NotStored(response_id) from None


def _delete(user_id: int, response_id: str) -> int:
    return StoredResponse.objects.filter(user_id=user_id, pk=response_id).delete()[0]


def _make_room(user_id: int, size: int) -> None:
    mine = StoredResponse.objects.filter(user_id=user_id).order_by("created")
    held = mine.aggregate(count=Count("pk"), size=Sum("size", default=0))
    too_many = held["count"] + 1 - MOST_RESPONSES
    too_large = held["size"] + size - settings.STORED_MIB * 1024 * 1024
    if too_many <= 0 and too_large <= 0:
        return
    gone: list[str] = []
    for pk, freed in mine.values_list("pk", "size").iterator():
        if len(gone) >= too_many and too_large <= 0:
            break
        gone.append(pk)
        too_large -= freed
    _delete_rows(gone)


def _delete_rows(ids: list[str]) -> int:
    return StoredResponse.objects.filter(pk__in=ids).delete()[0]
