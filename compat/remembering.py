"""Between the Responses API and what accounts stores: the turns that a request goes on from, and the new one."""

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec

from accounts.callers import Caller
from accounts.remembered_settings import settings
from accounts.stored import responses as stored
from accounts.stored.responses import NotStored, Stored
from compat.errors import BodyTooLarge, InvalidRequest, NotFound
from compat.ids import new_hex
from compat.schemas.responses import ResponseRequest
from compat.translation.responses.history import (
    History,
    by_id,
    references,
    response_of,
    to_history,
    to_input_items,
    to_turn,
)


class Turn:
    """A request of the Responses API and its answer: what it goes on from, the ids in it, and how it is kept."""

    def __init__(self, caller: Caller, asked: ResponseRequest) -> None:
        self.stores = stored.is_on() and asked.store is not False
        self.history = History([], {})
        self.signatures: dict[str, str] = {}
        """Thought signatures of the calls that were made in it, by call id."""
        self._caller = caller
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
        if self._asked.previous_response_id:
            await self._follow(self._asked.previous_response_id)
        await self._resolve()

    async def _follow(self, response_id: str) -> None:
        try:
            chain = await stored.find_chain(self._caller.user_id, response_id)
        except NotStored as missing:
            raise InvalidRequest(
                f"Previous response with id '{str(missing)[:100]}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            ) from None
        self._after = chain[-1]
        self.history = to_history(turn.content for turn in chain)
        if sum(map(len, self.history.items)) > settings.MAX_BODY_BYTES:
            raise BodyTooLarge(
                f"The stored conversation is too large: at most {settings.MAX_BODY_BYTES // (1024 * 1024)} MiB are taken.",
                param="previous_response_id",
            )

    async def _resolve(self) -> None:
        """Put the items that the input names in their places."""
        given, named = self._asked.input, references(self._asked.input)
        if not named or isinstance(given, str):
            return
        known = by_id(self.history.items)
        elsewhere = {response_of(item_id) for item_id in named.values() if item_id not in known} - {None}
        try:
            turns = await stored.find(self._caller.user_id, *sorted(filter(None, elsewhere))) if elsewhere else []
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

    def keep(self, response: dict[str, Any]) -> None:
        """Store the turn with the response at its end, behind the answer."""
        if not self.stores:
            return
        given, after, signatures = self._asked.input, self._after, self.signatures
        size = sum(map(len, given)) if not isinstance(given, str) else len(given)

        def content() -> bytes:
            return to_turn(response, self._input_items(given), signatures)

        stored.keep(self._caller.user_id, self.id, after, response["status"], size, content)

    def _input_items(self, given: str | Sequence[msgspec.Raw]) -> list[msgspec.Raw]:
        return to_input_items(given, lambda prefix: f"{prefix}_{self.new_hex()}")


def not_found(response_id: str) -> NotFound:
    """The same for another's response as for one that never was."""
    return NotFound(f"Response with id '{response_id[:100]}' not found.", param="response_id")
