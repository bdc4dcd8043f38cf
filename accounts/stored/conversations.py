"""Conversations: made, found by their owner alone, added to item by item, and deleted."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import Conversation, ConversationItem
from accounts.one_at_a_time import wait_for_others_of
from accounts.paging import Page
from accounts.sealing import Unsealable, seal_bytes, unseal_bytes
from accounts.stored import NoRoom, NotStored, TooLarge
from accounts.stored.behind import look_up, write_behind
from accounts.stored.room import make_room, require_room_for_conversation

MOST_ITEMS = 2_000
"""In one conversation."""

Item = tuple[str, bytes]
"""The id and the content of an item."""

T = TypeVar("T")


class Found(NamedTuple):
    """A conversation without its items; `metadata` is JSON."""

    id: str
    created: datetime
    metadata: bytes


async def create(user_id: int, conversation_id: str, metadata: bytes, items: Sequence[Item]) -> Found:
    """Begin a conversation with these items. Raises NoRoom, DatabaseAway."""
    return await look_up(user_id, _create, user_id, conversation_id, metadata, items)


async def find(user_id: int, conversation_id: str) -> Found:
    """One of the user's. Raises NotStored, DatabaseAway."""
    return await look_up(user_id, _find, user_id, conversation_id)


async def update(user_id: int, conversation_id: str, metadata: bytes) -> Found:
    """Put other metadata in the place of what it has. Raises NotStored, DatabaseAway."""
    return await look_up(user_id, _update, user_id, conversation_id, metadata)


async def delete(user_id: int, conversation_id: str) -> None:
    """Delete it with its items. Raises NotStored, DatabaseAway."""
    await look_up(user_id, _delete, user_id, conversation_id)


async def read_items(user_id: int, conversation_id: str, most_bytes: int, read: Callable[[Iterator[Item]], T]) -> T:
    """What `read` makes of all its items, the oldest first, in a database thread, where they are opened as it takes them.

    Raises NotStored, DatabaseAway, what `read` does, and TooLarge before anything is opened.
    """
    return await look_up(user_id, lambda: read(_items_of(user_id, conversation_id, most_bytes)))


async def page_of(user_id: int, conversation_id: str, page: Page, read: Callable[[Sequence[Item], bool], T]) -> T:
    """What `read` makes of some of its items, and whether more follow, in a database thread. Raises NotStored, DatabaseAway."""
    return await look_up(user_id, lambda: read(*_page_of(user_id, conversation_id, page)))


async def item_of(user_id: int, conversation_id: str, item_id: str) -> Item:
    """One of its items. Raises NotStored, DatabaseAway."""
    return await look_up(user_id, _item_of, user_id, conversation_id, item_id)


async def delete_item(user_id: int, conversation_id: str, item_id: str) -> Found:
    """Delete one of its items: the conversation without it. Raises NotStored, DatabaseAway."""
    return await look_up(user_id, _delete_item, user_id, conversation_id, item_id)


async def add(user_id: int, conversation_id: str, items: Sequence[Item]) -> None:
    """Add items at the end. Raises NotStored, NoRoom, DatabaseAway."""
    await look_up(user_id, add_now, user_id, conversation_id, items)


def add_behind(user_id: int, conversation_id: str, size: int, items: Callable[[], Sequence[Item]]) -> None:
    """Add items of about `size` bytes, made in a database thread, behind the answer that they are of."""
    write_behind(user_id, size, lambda: add_now(user_id, conversation_id, items()))


@transaction.atomic
def add_now(user_id: int, conversation_id: str, items: Sequence[Item]) -> None:
    """The same in a database thread. An item whose id is there already is not added again."""
    wait_for_others_of(user_id)
    conversation = _get(user_id, conversation_id)
    if conversation.items.count() + len(items) > MOST_ITEMS:
        raise NoRoom
    known = set(
        conversation.items.filter(item_id__in=[item_id for item_id, _ in items]).values_list("item_id", flat=True)
    )
    fresh = {item_id: content for item_id, content in items if item_id not in known}
    size = sum(map(len, fresh.values()))
    make_room(user_id, size)
    rows = [
        ConversationItem(
            conversation=conversation, item_id=item_id, sealed=seal_bytes(_place(conversation.pk, item_id), content)
        )
        for item_id, content in fresh.items()
    ]
    ConversationItem.objects.bulk_create(rows, ignore_conflicts=True)
    _mine(user_id).filter(pk=conversation.pk).update(size=F("size") + size, used=timezone.now())


def purge_before(end: datetime, at_most: int) -> int:
    """Delete so many of the conversations to which nothing was added since `end`: how many."""
    oldest = Conversation.objects.filter(used__lt=end).order_by("used").values_list("pk", flat=True)
    ids = list(oldest[:at_most])
    Conversation.objects.filter(pk__in=ids).delete()
    return len(ids)


def place_of(item: ConversationItem) -> str:
    """What the content of an item is bound to."""
    return _place(item.conversation_id, item.item_id)


def _place(conversation_id: str, item_id: str) -> str:
    return f"{conversation_id}/{item_id}"


def _mine(user_id: int) -> QuerySet[Conversation]:
    return Conversation.objects.filter(user_id=user_id)


def _get(user_id: int, conversation_id: str) -> Conversation:
    conversation = _mine(user_id).filter(pk=conversation_id).first()
    if conversation is None:
        raise NotStored(conversation_id)
    return conversation


@transaction.atomic
def _create(user_id: int, conversation_id: str, metadata: bytes, items: Sequence[Item]) -> Found:
    wait_for_others_of(user_id)
    require_room_for_conversation(user_id)
    now = timezone.now()
    Conversation.objects.create(
        id=conversation_id,
        user_id=user_id,
        created=now,
        used=now,
        size=0,
        metadata=seal_bytes(conversation_id, metadata),
    )
    add_now(user_id, conversation_id, items)
    return Found(conversation_id, now, metadata)


def _find(user_id: int, conversation_id: str) -> Found:
    conversation = _get(user_id, conversation_id)
    return Found(conversation.pk, conversation.created, _opened(conversation.pk, conversation.metadata))


def _update(user_id: int, conversation_id: str, metadata: bytes) -> Found:
    if not _mine(user_id).filter(pk=conversation_id).update(metadata=seal_bytes(conversation_id, metadata)):
        raise NotStored(conversation_id)
    return _find(user_id, conversation_id)


def _delete(user_id: int, conversation_id: str) -> None:
    if not _mine(user_id).filter(pk=conversation_id).delete()[0]:
        raise NotStored(conversation_id)


def _items_of(user_id: int, conversation_id: str, most_bytes: int) -> Iterator[Item]:
    conversation = _get(user_id, conversation_id)
    if conversation.size > most_bytes:
        raise TooLarge(conversation_id)
    return map(_item, conversation.items.order_by("pk"))


def _page_of(user_id: int, conversation_id: str, page: Page) -> tuple[list[Item], bool]:
    rows = _get(user_id, conversation_id).items.order_by("-pk" if page.newest_first else "pk")
    if page.after:
        last = rows.filter(item_id=page.after).values_list("pk", flat=True).first()
        if last is None:
            return [], False
        rows = rows.filter(pk__lt=last) if page.newest_first else rows.filter(pk__gt=last)
    found = [_item(row) for row in rows[: page.limit + 1]]
    return found[: page.limit], len(found) > page.limit


def _item_of(user_id: int, conversation_id: str, item_id: str) -> Item:
    row = _get(user_id, conversation_id).items.filter(item_id=item_id).first()
    if row is None:
        raise NotStored(item_id)
    return _item(row)


@transaction.atomic
def _delete_item(user_id: int, conversation_id: str, item_id: str) -> Found:
    # Of two that delete the same item each would else take its size away.
    wait_for_others_of(user_id)
    row = _get(user_id, conversation_id).items.filter(item_id=item_id).first()
    if row is None:
        raise NotStored(item_id)
    _mine(user_id).filter(pk=conversation_id).update(size=F("size") - len(_item(row)[1]))
    row.delete()
    return _find(user_id, conversation_id)


def _item(row: ConversationItem) -> Item:
    return row.item_id, _opened(place_of(row), row.sealed)


def _opened(place: str, sealed: bytes | memoryview) -> bytes:
    try:
        return unseal_bytes(place, bytes(sealed))
    except Unsealable:
        raise NotStored(place) from None
