"""Stored responses: kept, found by their owner alone, followed back to the first of their chain, and deleted.

One that is made in the background has a row from its beginning. Who works on it says so every few seconds; when that stops,
because the process has ended, whoever looks next finds that it has failed.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
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
ALIVE_SECONDS = 30.0
"""So long after the last sign of life a response in the background is given up."""

_Status = StoredResponse.Status
RUNNING = (_Status.QUEUED, _Status.IN_PROGRESS)


class Stored(NamedTuple):
    """A stored response: its content is the JSON that was kept."""

    id: str
    root: str
    status: str
    content: bytes

    @property
    def is_running(self) -> bool:
        """True while somebody works on it."""
        return self.status in RUNNING


def keep(
    user_id: int, response_id: str, after: Stored | None, status: str, size: int, content: Callable[[], bytes]
) -> "asyncio.Future[None] | None":
    """Store a response that goes on from another. `content` makes the JSON, of about `size` bytes, in a database thread.

    What is returned is as of write_behind.
    """
    created = timezone.now()
    root = after.root if after else response_id

    def act() -> None:
        told = content()
        row = StoredResponse(id=response_id, user_id=user_id, created=created, status=status, size=len(told))
        row.sealed = seal_bytes(response_id, told)
        row.previous, row.root = (after.id if after else ""), root
        row.alive_until = _alive_until() if status in RUNNING else None
        with transaction.atomic():
            make_room(user_id, row.size)
            row.save(force_insert=True)

    return write_behind(user_id, size, act)


def finish(user_id: int, response_id: str, status: str, size: int, content: Callable[[], bytes]) -> None:
    """Store the end of a response whose beginning is stored, unless it was cancelled or deleted meanwhile."""

    def act() -> None:
        told = content()
        sealed = seal_bytes(response_id, told)
        with transaction.atomic():
            running = StoredResponse.objects.filter(pk=response_id, status__in=RUNNING)
            if running.update(status=status, alive_until=None, size=len(told), sealed=sealed):
                make_room(user_id, 0)

    write_behind(user_id, size, act)


def still_running(response_ids: Collection[str]) -> set[str]:
    """Say of these that they are worked on: which of them are to be worked on still."""
    running = StoredResponse.objects.filter(pk__in=response_ids, status__in=RUNNING)
    running.update(status=_Status.IN_PROGRESS, alive_until=_alive_until())
    return set(running.values_list("pk", flat=True))


async def cancel(user_id: int, response_id: str) -> Stored:
    """End one that is worked on; one that has ended stays as it is. Raises NotStored, DatabaseAway."""
    return await look_up(user_id, _cancel, user_id, response_id)


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


def _alive_until() -> datetime:
    return timezone.now() + timedelta(seconds=ALIVE_SECONDS)


def _cancel(user_id: int, response_id: str) -> Stored:
    mine = StoredResponse.objects.filter(user_id=user_id, pk=response_id, status__in=RUNNING)
    mine.filter(alive_until__gte=timezone.now()).update(status=_Status.CANCELLED, alive_until=None)
    return _find(user_id, (response_id,))[0]


def _find(user_id: int, response_ids: tuple[str, ...]) -> list[Stored]:
    rows = StoredResponse.objects.filter(user_id=user_id).in_bulk(response_ids)
    found = [rows[response_id] for response_id in response_ids if response_id in rows]
    if len(found) < len(response_ids):
        raise NotStored(next(response_id for response_id in response_ids if response_id not in rows))
    return [_opened(_given_up(row)) for row in found]


def _given_up(row: StoredResponse) -> StoredResponse:
    """The row, failed when nobody works on it any more."""
    if row.alive_until is not None and row.alive_until < timezone.now():
        mine = StoredResponse.objects.filter(pk=row.pk, status__in=RUNNING, alive_until=row.alive_until)
        if mine.update(status=_Status.FAILED, alive_until=None):
            row.status = _Status.FAILED
    return row


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


def _opened(row: StoredResponse) -> Stored:
    try:
        return Stored(row.pk, row.root, row.status, unseal_bytes(row.pk, bytes(row.sealed)))
    except Unsealable:
        raise NotStored(row.pk) from None


def _delete(user_id: int, response_id: str) -> None:
    if not StoredResponse.objects.filter(user_id=user_id, pk=response_id).delete()[0]:
        raise NotStored(response_id)


def _delete_rows(ids: list[str]) -> int:
    return StoredResponse.objects.filter(pk__in=ids).delete()[0]
