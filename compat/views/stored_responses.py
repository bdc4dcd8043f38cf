"""GET and DELETE responses/{id}, GET responses/{id}/input_items."""

import msgspec
from rest_framework.request import Request

from accounts.models import IssuedToken
from accounts.stored import NotStored
from accounts.stored import responses as stored
from compat.answers import Answer, Response
from compat.asyncview import AsyncAPIView
from compat.query import page_in, query_of
from compat.remembering import not_found
from compat.translation.responses.history import input_of, page_of, response_in

_encode = msgspec.json.Encoder().encode


class OneResponse(AsyncAPIView):
    """A stored response of the caller's."""

    needs = IssuedToken.Scope.CHAT

    async def get(self, request: Request, response_id: str) -> Response:
        """The response as it was answered."""
        try:
            (found,) = await stored.find(self.caller.user_id, response_id)
        except NotStored:
            raise not_found(response_id) from None
        return Answer(bytes(response_in(found.content)))

    async def delete(self, request: Request, response_id: str) -> Response:
        """Delete it for good."""
        try:
            await stored.delete(self.caller.user_id, response_id)
        except NotStored:
            raise not_found(response_id) from None
        return Answer(_encode({"id": response_id, "object": "response", "deleted": True}))


class ResponseInputItems(AsyncAPIView):
    """What a stored response answered: the items of its request behind those that it goes on from."""

    needs = IssuedToken.Scope.CHAT

    async def get(self, request: Request, response_id: str) -> Response:
        """A page of them."""
        page = page_in(query_of(request), usual=20, most=100)
        try:
            chain = await stored.find_chain(self.caller.user_id, response_id)
        except NotStored:
            raise not_found(response_id) from None
        items = input_of([turn.content for turn in chain])
        return Answer(page_of(items, page.limit, page.after, newest_first=page.newest_first))
