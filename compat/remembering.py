"""Between the Responses API and what accounts stores: the turns that a request goes on from, and the new one."""

import asyncio
import itertools
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import msgspec

from accounts.callers import Caller
from accounts.remembered_settings import settings
from accounts.stored import NotStored, conversations, is_on
from accounts.stored import responses as stored
from accounts.stored.responses import Stored
from compat.errors import BodyTooLarge, InvalidRequest, NotFound
from compat.ids import new_hex
from compat.schemas.responses import ResponseRequest
from compat.schemas.stored import StoredTurn
from compat.translation.responses.history import (
    History,
    as_raw,
    by_id,
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
        self.history = History([], {})
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
        if asked.previous_response_id and not asked.conversation:
            await self._follow(asked.previous_response_id)
        elif asked.conversation_id and not asked.previous_response_id:
            await self._join(asked.conversation_id)
        await self._resolve()

    async def _follow(self, response_id: str) -> None:
        try:
            chain = await stored.find_chain(self._user_id, response_id)
        except NotStored as missing:
            raise InvalidRequest(
                f"Previous response with id '{str(missing)[:100]}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            ) from None
        self._after = chain[-1]
        if self._after.is_running:
            raise InvalidRequest(
                f"Response '{response_id}' has not ended yet: wait for it.",
                param="previous_response_id",
                code="previous_response_in_progress",
            )
        self.history = to_history(turn.content for turn in chain)
        _require_size(self.history.items, "previous_response_id")

    async def _join(self, conversation_id: str) -> None:
        try:
            items = await conversations.items_of(self._user_id, conversation_id)
        except NotStored:
            raise no_conversation(conversation_id, "conversation") from None
        if len(items) >= conversations.MOST_ITEMS:
            raise conversation_full("conversation")
        self.history = to_conversation_history(content for _, content in items)
        _require_size(self.history.items, "conversation")

    async def _resolve(self) -> None:
        """Put the items that the input names in their places."""
        given, named = self._asked.input, references(self._asked.input)
        if not named or isinstance(given, str):
            return
        known = by_id(self.history.items)
        elsewhere = {response_of(item_id) for item_id in named.values() if item_id not in known} - {None}
        try:
            turns = await stored.find(self._user_id, *sorted(filter(None, elsewhere))) if elsewhere else []
        except NotStored:
            turns = []
        further = to_history(turn.content for turn in turns)
        known |= by_id(further.items)
        self.history.signatures.update(further.signatures)
        for place, item_id in named.items():
            if item_id not in known:
                raise NotFound(
                    f"Item with id '{item_id[:100]}' not found. Items are kept only where `store` is true. Remove this "
                    "item from your input, or send it whole.",
                    param=f"input[{place}]",
                )
            given[place] = known[item_id]
        _require_size(given, "input")

    def keep(self, response: dict[str, Any]) -> None:
        """Store the turn with the response at its end, and add it to its conversation, behind the answer."""
        if self.stores:
            stored.keep(self._user_id, self.id, self._after, response["status"], self._size, self._content(response))
        self._add_to_conversation(response)

    def begin(self, response: msgspec.Raw) -> "asyncio.Future[None] | None":
        """Store it with the response at its beginning: it is made in the background. What is returned is done then."""
        return stored.keep(self._user_id, self.id, self._after, "queued", self._size, self._content(response))

    def end(self, response: dict[str, Any], events: bytes) -> None:
        """Store the end of what was begun."""
        stored.finish(self._user_id, self.id, response["status"], self._size, self._content(response, events))
        if response["status"] != "cancelled":
            self._add_to_conversation(response)

    @cached_property
    def _items(self) -> list[msgspec.Raw]:
        return to_input_items(self._asked.input, lambda prefix: f"{prefix}_{self.new_hex()}")

    @property
    def _size(self) -> int:
        given = self._asked.input
        return len(given) if isinstance(given, str) else sum(map(len, given))

    def _content(self, response: dict[str, Any] | msgspec.Raw, events: bytes = b"") -> Callable[[], bytes]:
        streams = bool(self._asked.background and self._asked.stream)
        told = events.decode() if streams else ""
        return lambda: _encode(
            StoredTurn(msgspec.Raw(_encode(response)), self._items, self.signatures, streams=streams, events=told)
        )

    def _add_to_conversation(self, response: dict[str, Any]) -> None:
        def additions() -> list[tuple[str, bytes]]:
            return to_stored_items([*self._items, *map(as_raw, response["output"])], self.signatures)

        if self._asked.conversation_id:
            conversations.add_behind(self._user_id, self._asked.conversation_id, self._size, additions)


def _require_size(items: Iterable[msgspec.Raw], param: str) -> None:
    """As large as a request may be, for it is one's own words all the same."""
    most = settings.MAX_BODY_BYTES
    if sum(map(len, items)) > most:
        raise BodyTooLarge(
            f"What is stored of it is too large: at most {most // (1024 * 1024)} MiB are taken.", param=param
        )


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
