"""Stored responses: kept, found by their owner alone, followed back to the first of their chain, and deleted."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from accounts.models import StoredResponse
from accounts.sealing import Unsealable, seal_bytes, unseal_bytes
from accounts.stored import NotStored
from accounts.stored.behind import look_up, write_behind
from accounts.stored.room import make_room

MOST_TURNS = 1_000
"""In one chain."""


class Stored(NamedTuple):
    """A stored response: its content is the JSON that was kept."""

    id: str
    root: str
    status: str
    content: bytes


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
            make_room(user_id, row.size)
            row.save(force_insert=True)

    write_behind(user_id, size, act)


async def find(user_id: int, *response_ids: str) -> list[Stored]:
    """These responses of the user's. Raises NotStored, DatabaseAway."""
    return await look_up(user_id, _find, user_id, response_ids)


async def find_chain(user_id: int, response_id: str) -> list[Stored]:
    """A response behind all those that it goes on from, the first one first. Raises NotStored, DatabaseAway."""
    return await look_up(user_id, _find_chain, user_id, response_id)


async def delete(user_id: int, response_id: str) -> None:
    """Delete one. Raises NotStored, DatabaseAway."""
    await look_up(user_id, _delete, user_id, response_id)


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


def _delete(user_id: int, response_id: str) -> None:
    if not StoredResponse.objects.filter(user_id=user_id, pk=response_id).delete()[0]:
        raise NotStored(response_id)


def _delete_rows(ids: list[str]) -> int:
    return StoredResponse.objects.filter(pk__in=ids).delete()[0]
