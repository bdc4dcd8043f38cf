"""POST conversations; GET, POST and DELETE conversations/{id}; GET and POST its items; GET and DELETE one of them."""

import itertools
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import msgspec
from rest_framework.request import Request

from accounts.models import IssuedToken
from accounts.stored import NoRoom, NotStored, conversations, is_on
from accounts.stored.conversations import Found, Item
from compat.answers import Answer, Response
from compat.asyncview import AsyncAPIView
from compat.errors import InvalidRequest, NotFound
from compat.ids import new_hex
from compat.query import page_in, query_of
from compat.remembering import conversation_full, no_conversation
from compat.schemas.conversations import ConversationRequest, ConversationUpdate, ItemsRequest
from compat.translation.decoding import decode
from compat.translation.responses.conversations import check_items
from compat.translation.responses.history import item_in, list_object, to_input_items, to_stored_items

_encode = msgspec.json.Encoder().encode
_creation = msgspec.json.Decoder(ConversationRequest)
_update = msgspec.json.Decoder(ConversationUpdate)
_addition = msgspec.json.Decoder(ItemsRequest)

T = TypeVar("T")


class _ConversationsView(AsyncAPIView):
    """What the routes of conversations share: the caller's own alone are there."""

    needs = IssuedToken.Scope.CHAT
    endpoint = "conversations"

    async def found(self, conversation_id: str, looked_up: Awaitable[T]) -> T:
        """What a look-up brings. Raises NotFound, for another's conversation as well, and InvalidRequest."""
        try:
            return await looked_up
        except NotStored as missing:
            if str(missing) == conversation_id:
                raise no_conversation(conversation_id) from None
            raise NotFound(f"Item with id '{str(missing)[:100]}' not found.", param="item_id") from None
        except NoRoom:
            raise conversation_full("items") from None


class Conversations(_ConversationsView):
    """A new conversation."""

    async def post(self, request: Request) -> Response:
        """Begin one, with items if there are any. Raises InvalidRequest."""
        asked = decode(await self.body(), _creation)
        if not is_on():
            raise InvalidRequest(
                "Nothing is stored on this server: send the whole conversation.", code="storing_is_off"
            )
        conversation_id = f"conv_{new_hex()}"
        made = conversations.create(
            self.caller.user_id, conversation_id, _encode(asked.metadata or {}), _to_stored(asked.items or [])
        )
        return _told(await self.found(conversation_id, made))


class OneConversation(_ConversationsView):
    """A conversation of the caller's, without its items."""

    async def get(self, request: Request, conversation_id: str) -> Response:
        """OpenAI's conversation object."""
        found = conversations.find(self.caller.user_id, conversation_id)
        return _told(await self.found(conversation_id, found))

    async def post(self, request: Request, conversation_id: str) -> Response:
        """Give it other metadata."""
        metadata = _encode(decode(await self.body(), _update).metadata)
        updated = conversations.update(self.caller.user_id, conversation_id, metadata)
        return _told(await self.found(conversation_id, updated))

    async def delete(self, request: Request, conversation_id: str) -> Response:
        """Delete it with its items."""
        await self.found(conversation_id, conversations.delete(self.caller.user_id, conversation_id))
        return Answer(_encode({"id": conversation_id, "object": "conversation.deleted", "deleted": True}))


class ConversationItems(_ConversationsView):
    """The items of a conversation."""

    async def get(self, request: Request, conversation_id: str) -> Response:
        """A page of them."""
        page = page_in(query_of(request), usual=20, most=100)
        listed = conversations.page_of(self.caller.user_id, conversation_id, page, _listed)
        return Answer(await self.found(conversation_id, listed))

    async def post(self, request: Request, conversation_id: str) -> Response:
        """Add some at the end."""
        items = _to_stored(decode(await self.body(), _addition).items)
        await self.found(conversation_id, conversations.add(self.caller.user_id, conversation_id, items))
        return Answer(_listed(items, has_more=False))


class OneConversationItem(_ConversationsView):
    """One item of a conversation."""

    async def get(self, request: Request, conversation_id: str, item_id: str) -> Response:
        """The item."""
        found = conversations.item_of(self.caller.user_id, conversation_id, item_id)
        _, content = await self.found(conversation_id, found)
        return Answer(bytes(item_in(content)))

    async def delete(self, request: Request, conversation_id: str, item_id: str) -> Response:
        """Delete it: what is left of the conversation is told, without its items."""
        deleted = conversations.delete_item(self.caller.user_id, conversation_id, item_id)
        return _told(await self.found(conversation_id, deleted))


def _told(found: Found) -> Answer:
    told: dict[str, Any] = {"id": found.id, "object": "conversation", "created_at": int(found.created.timestamp())}
    return Answer(_encode({**told, "metadata": msgspec.Raw(found.metadata)}))


def _listed(items: Sequence[Item], has_more: bool) -> bytes:
    return _encode(list_object([item_in(content) for _, content in items], has_more=has_more))


def _to_stored(given: list[msgspec.Raw]) -> list[Item]:
    check_items(given)
    digits, numbers = new_hex(), itertools.count()
    return to_stored_items(to_input_items(given, lambda prefix: f"{prefix}_{digits}{next(numbers):04x}"), {})
