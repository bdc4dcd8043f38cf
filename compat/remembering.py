"""Between the Responses API and what accounts stores: the turns that a request goes on from, and the new one."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import msgspec

from accounts.callers import Caller
from accounts.remembered_settings import settings
from accounts.stored import NotStored, TooLarge, conversations, is_on
from accounts.stored import responses as stored
from accounts.stored.responses import Stored
from compat.errors import BodyTooLarge, InvalidRequest, NotFound
from compat.ids import new_hex
from compat.schemas.responses import ResponseRequest
from compat.schemas.stored import StoredTurn
from compat.translation.responses.history import (
    NOTHING,
    History,
    HistoryTooLarge,
    as_raw,
    items_named,
    references,
    response_of,
    to_conversation_history,
    to_history,
    to_input_items,
    to_stored_items,
)

_encode = msgspec.json.Encoder().encode


class Turn:
    """A request of the Responses API and its answer: what it goes on from, the ids in it, and how it is kept."""

    def __init__(self, caller: Caller, asked: ResponseRequest) -> None:
        self.stores = is_on() and asked.store is not False
        self.history = NOTHING
        self.signatures: dict[str, str] = {}
        """Thought signatures of the calls that were made in it, by call id."""
        self._user_id = caller.user_id
        self._asked = asked
        self._after: Stored | None = None
        self._hex = new_hex()
        self._numbers = itertools.count()
        self.id = f"resp_{self._hex}"

    def new_hex(self) -> str:
        """Digits for the id of an item, which tell the response that it is of."""
        return f"{self._hex}{next(self._numbers):04x}"

    async def look_back(self) -> None:
        """Fetch what the request goes on from. Raises InvalidRequest, NotFound, BodyTooLarge, DatabaseAway."""
        asked = self._asked
        named = references(asked.input)
        if asked.previous_response_id and not asked.conversation:
            await self._follow(asked.previous_response_id, named=bool(named))
        elif asked.conversation_id and not asked.previous_response_id:
            await self._join(asked.conversation_id, named=bool(named))
        if named and not isinstance(asked.input, str):
            await self._resolve(asked.input, named)

    async def _follow(self, response_id: str, *, named: bool) -> None:
        def read(turns: Iterator[Stored]) -> tuple[Stored | None, History]:
            last: Stored | None = None

            def contents() -> Iterator[bytes]:
                nonlocal last
                for turn in turns:
                    last = turn
                    yield turn.content

            history = to_history(contents(), settings.MAX_BODY_BYTES, named=named)
            return last and last._replace(content=b""), history

        try:
            self._after, self.history = await stored.find_chain(self._user_id, response_id, read)
        except NotStored as missing:
            raise InvalidRequest(
                f"Previous response with id '{str(missing)[:100]}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            ) from None
        except HistoryTooLarge:
            raise _too_large("previous_response_id") from None
        if self._after and self._after.is_running:
            raise InvalidRequest(
                f"Response '{response_id}' has not ended yet: wait for it.",
                param="previous_response_id",
                code="previous_response_in_progress",
            )

    async def _join(self, conversation_id: str, *, named: bool) -> None:
        def read(items: Iterator[conversations.Item]) -> tuple[int, History]:
            contents = [content for _, content in items]
            return len(contents), to_conversation_history(contents, named=named)

        try:
            count, self.history = await conversations.read_items(
                self._user_id, conversation_id, settings.MAX_BODY_BYTES, read
            )
        except NotStored:
            raise no_conversation(conversation_id, "conversation") from None
        except TooLarge:
            raise _too_large("conversation") from None
        if count >= conversations.MOST_ITEMS:
            raise conversation_full("conversation")

    async def _resolve(self, given: list[msgspec.Raw], named: dict[int, str]) -> None:
        """Put the items that the input names in their places."""
        known = self.history.known
        missing = {item_id for item_id in named.values() if item_id not in known}
        if elsewhere := sorted(filter(None, {response_of(item_id) for item_id in missing})):
            further = await self._named_elsewhere(elsewhere, missing)
            known = known | further.known
            self.history = self.history._replace(signatures=self.history.signatures | further.signatures)
        for place, item_id in named.items():
            if item_id not in known:
                raise NotFound(
                    f"Item with id '{item_id[:100]}' not found. Items are kept only where `store` is true. Remove this "
                    "item from your input, or send it whole.",
                    param=f"input[{place}]",
                )
            given[place] = known[item_id]
        if sum(map(len, given)) > settings.MAX_BODY_BYTES:
            raise _too_large("input")

    async def _named_elsewhere(self, response_ids: list[str], item_ids: set[str]) -> History:
        """The items of these responses; nothing where one of the responses is not there."""
        try:
            return await stored.find(
                self._user_id, response_ids, lambda turns: items_named((turn.content for turn in turns), item_ids)
            )
        except NotStored:
            return NOTHING

    def keep(self, response: dict[str, Any]) -> None:
        """Store the turn with the response at its end, and add it to its conversation, behind the answer."""
        if self.stores:
            size = self._size_with(response)
            stored.keep(self._user_id, self.id, self._after, response["status"], size, self._content(response))
        self._add_to_conversation(response)

    def begin(self, response: msgspec.Raw) -> "asyncio.Future[None] | None":
        """Store it with the response at its beginning: it is made in the background. What is returned is done then."""
        size = self._size_with({}) + len(response)
        return stored.keep(self._user_id, self.id, self._after, "queued", size, self._content(response))

    def end(self, response: dict[str, Any], events: bytes) -> None:
        """Store the end of what was begun."""
        told = events if self._asked.stream else b""
        size = self._size_with(response) + len(told)
        stored.finish(self._user_id, self.id, response["status"], size, self._content(response, told))
        if response["status"] != "cancelled":
            self._add_to_conversation(response)

    @cached_property
    def _items(self) -> list[msgspec.Raw]:
        return to_input_items(self._asked.input, lambda prefix: f"{prefix}_{self.new_hex()}")

    def _size_with(self, response: dict[str, Any]) -> int:
        """About how many bytes wait to be written: what was given, and what was answered, which may be pictures."""
        given = self._asked.input
        return (len(given) if isinstance(given, str) else sum(map(len, given))) + _length(response.get("output"))

    def _content(self, response: dict[str, Any] | msgspec.Raw, events: bytes = b"") -> Callable[[], bytes]:
        streams = bool(self._asked.background and self._asked.stream)
        told = events.decode()
        return lambda: _encode(
            StoredTurn(msgspec.Raw(_encode(response)), self._items, self.signatures, streams=streams, events=told)
        )

    def _add_to_conversation(self, response: dict[str, Any]) -> None:
        def additions() -> list[tuple[str, bytes]]:
            return to_stored_items([*self._items, *map(as_raw, response["output"])], self.signatures)

        if self._asked.conversation_id:
            size = self._size_with(response)
            conversations.add_behind(self._user_id, self._asked.conversation_id, size, additions)


def _length(told: Any) -> int:
    """Of all texts in it."""
    if isinstance(told, str):
        return len(told)
    members = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return sum(map(_length, members))


def _too_large(param: str) -> BodyTooLarge:
    """What is stored may be as large as a request may be, for it is one's own words all the same."""
    most = settings.MAX_BODY_BYTES // (1024 * 1024)
    return BodyTooLarge(f"What is stored of it is too large: at most {most} MiB are taken.", param=param)


def conversation_full(param: str) -> InvalidRequest:
    """Neither items nor bytes may grow without end."""
    return InvalidRequest(
        f"There is no room: a conversation has {conversations.MOST_ITEMS} items at most, and your conversations may take "
        f"{settings.STORED_MIB} MiB together. Delete some, or begin another.",
        param=param,
        code="conversations_full",
    )


def no_conversation(conversation_id: str, param: str = "conversation_id") -> NotFound:
    """The same for another's conversation as for one that never was."""
    return NotFound(f"Conversation with id '{conversation_id[:100]}' not found.", param=param)


def not_found(response_id: str) -> NotFound:
    """The same for another's response as for one that never was."""
    return NotFound(f"Response with id '{response_id[:100]}' not found.", param="response_id")
