"""Stored responses: kept, found by their owner alone, followed back to the first of their chain, and deleted.

One that is made in the background has a row from its beginning. Who works on it says so every few seconds; when that stops,
because the process has ended, whoever looks next finds that it has failed.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from django.db import transaction
from django.utils import timezone

from accounts.models import StoredResponse
from accounts.one_at_a_time import wait_for_others_of
from accounts.sealing import Unsealable, seal_bytes, unseal_bytes
from accounts.stored import NotStored
from accounts.stored.behind import look_up, write_behind
from accounts.stored.room import make_room

MOST_TURNS = 1_000
"""In one chain."""
ALIVE_SECONDS = 30.0
"""So long after the last sign of life a response in the background is given up."""

# So many bytes of a chain, as they are read, are in memory at once: most of a turn is of no use to the next one.
_AT_ONCE_BYTES = 4 * 1024 * 1024

T = TypeVar("T")

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
            wait_for_others_of(user_id)
            make_room(user_id, row.size)
            row.save(force_insert=True)

    return write_behind(user_id, size, act)


def finish(user_id: int, response_id: str, status: str, size: int, content: Callable[[], bytes]) -> None:
    """Store the end of a response whose beginning is stored, unless it was cancelled or deleted meanwhile."""

    def act() -> None:
        told = content()
        sealed = seal_bytes(response_id, told)
        with transaction.atomic():
            wait_for_others_of(user_id)
            running = StoredResponse.objects.filter(pk=response_id, status__in=RUNNING)
            if running.update(status=status, alive_until=None, size=len(told), sealed=sealed):
                make_room(user_id, 0)

    write_behind(user_id, size, act)


def still_running(response_ids: Collection[str]) -> set[str]:
    """Say of these that they are worked on: which of them are to be worked on still."""
    running = StoredResponse.objects.filter(pk__in=response_ids, status__in=RUNNING)
    running.update(status=_Status.IN_PROGRESS, alive_until=_alive_until())
    return set(running.values_list("pk", flat=True))


async def cancel(user_id: int, response_id: str, read: Callable[[Stored], T]) -> T:
    """End one that is worked on; one that has ended stays as it is: what `read` makes of it, in a database thread.

    Raises NotStored, DatabaseAway, and what `read` does.
    """
    return await look_up(user_id, lambda: read(_cancel(user_id, response_id)))


async def find(user_id: int, response_ids: Sequence[str], read: Callable[[Iterator[Stored]], T]) -> T:
    """What `read` makes of these responses of the user's, in a database thread, where they are opened as it takes them.

    Raises NotStored, DatabaseAway, and what `read` does. It may be called twice, and must hold nothing from the first time.
    """
    return await look_up(user_id, lambda: read(_find(user_id, response_ids)))


async def find_one(user_id: int, response_id: str, read: Callable[[Stored], T]) -> T:
    """The same of one response."""
    return await find(user_id, (response_id,), lambda found: read(next(found)))


async def is_running(user_id: int, response_id: str) -> bool:
    """Whether somebody works on one of the user's: nothing is opened for it. Raises NotStored, DatabaseAway."""
    return await look_up(user_id, _is_running, user_id, response_id)


async def find_chain(user_id: int, response_id: str, read: Callable[[Iterator[Stored]], T]) -> T:
    """The same of a response behind all those that it goes on from, the first one first."""
    return await look_up(user_id, lambda: read(_find_chain(user_id, response_id)))


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
    return next(_find(user_id, (response_id,)))


def _find(user_id: int, response_ids: Sequence[str]) -> Iterator[Stored]:
    rows = StoredResponse.objects.filter(user_id=user_id).only("size").in_bulk(response_ids)
    return _open(user_id, response_ids, {pk: row.size for pk, row in rows.items()})


def _open(user_id: int, response_ids: Sequence[str], sizes: Mapping[str, int]) -> Iterator[Stored]:
    """These responses one by one; some of them are fetched together. `sizes` has those that there are."""
    for response_id in response_ids:
        if response_id not in sizes:
            raise NotStored(response_id)
    rest = list(response_ids)
    while rest:
        some, room = [rest.pop(0)], _AT_ONCE_BYTES
        while rest and (room := room - sizes[some[-1]]) > 0:
            some.append(rest.pop(0))
        rows = StoredResponse.objects.filter(user_id=user_id).in_bulk(some)
        for response_id in some:
            if response_id not in rows:
                raise NotStored(response_id)
            yield _opened(_given_up(rows.pop(response_id)))


def _given_up(row: StoredResponse) -> StoredResponse:
    """The row, failed when nobody works on it any more."""
    if row.alive_until is not None and row.alive_until < timezone.now():
        mine = StoredResponse.objects.filter(pk=row.pk, status__in=RUNNING, alive_until=row.alive_until)
        if mine.update(status=_Status.FAILED, alive_until=None):
            row.status = _Status.FAILED
    return row


def _is_running(user_id: int, response_id: str) -> bool:
    mine = StoredResponse.objects.filter(user_id=user_id, pk=response_id)
    row = mine.only("status", "alive_until").first()
    if row is None:
        raise NotStored(response_id)
    return _given_up(row).status in RUNNING


def _find_chain(user_id: int, response_id: str) -> Iterator[Stored]:
    mine = StoredResponse.objects.filter(user_id=user_id)
    root = mine.filter(pk=response_id).values_list("root", flat=True).first()
    tree = list(mine.filter(root=root).values_list("pk", "previous", "size")) if root else []
    before = {pk: previous for pk, previous, _ in tree}
    chain = [response_id]
    while previous := before.get(chain[-1]):
        chain.append(previous)
        if len(chain) > MOST_TURNS:
            raise NotStored(previous)
    return _open(user_id, chain[::-1], {pk: size for pk, _, size in tree})


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
