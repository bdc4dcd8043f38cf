"""GET and DELETE responses/{id}, POST responses/{id}/cancel, GET responses/{id}/input_items."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import TypeVar

import msgspec
from django.db import DatabaseError
from rest_framework.request import Request

from accounts.models import IssuedToken
from accounts.stored import NotStored
from accounts.stored import responses as stored
from accounts.stored.responses import Stored
from compat.answers import Answer, EventStream, Response
from compat.asyncview import AsyncAPIView
from compat.errors import InvalidRequest
from compat.query import list_in, number_in, page_in, query_of
from compat.relay.background import Background, Listener, running
from compat.relay.following import Following
from compat.remembering import not_found
from compat.translation.responses.history import events_in, input_of, is_background, lost_event, page_of, response_in
from compat.translation.responses.request import INCLUDABLE

_encode = msgspec.json.Encoder().encode
_MOST_EVENTS = 10**9

T = TypeVar("T")


class _StoredView(AsyncAPIView):
    """What the routes of stored responses share: the caller's own alone are there."""

    needs = IssuedToken.Scope.CHAT
    endpoint = "responses.stored"

    async def found(self, response_id: str, looked_up: Awaitable[T]) -> T:
        """What a look-up brings. Raises NotFound, for another's response as well."""
        try:
            return await looked_up
        except NotStored:
            raise not_found(response_id) from None

    async def one(self, response_id: str, read: Callable[[Stored], T]) -> T:
        """What `read` makes of a stored response, in a database thread. Raises NotFound."""
        return await self.found(response_id, stored.find_one(self.caller.user_id, response_id, read))

    def running(self, response_id: str) -> Background | None:
        """The response where it is made in this process just now."""
        run = running.get(response_id)
        return run if run is not None and run.user_id == self.caller.user_id else None


class OneResponse(_StoredView):
    """A stored response of the caller's."""

    async def get(self, request: Request, response_id: str) -> Response:
        """The response as it was answered, or where it stands; with `stream` its events behind `starting_after`."""
        _check_include(request)
        query, run = query_of(request), self.running(response_id)
        if query.get("stream") == "true":
            after = number_in(query, "starting_after", 0, 0, _MOST_EVENTS) if "starting_after" in query else -1
            return await self._streamed(response_id, after)
        if run is not None and await self._is_wanted(run):
            return Answer(run.state())
        return Answer(await self.one(response_id, _told))

    async def _is_wanted(self, run: Background) -> bool:
        """False for one that has ended, or was cancelled or deleted through another process: it ends here as well then."""
        try:
            if await stored.is_running(run.user_id, run.id):
                return not run.is_over
        except NotStored:
            pass
        except DatabaseError:
            return True  # what is known of it here needs no database
        run.cancel()
        return False

    async def delete(self, request: Request, response_id: str) -> Response:
        """Delete it for good. One that is worked on ends as well."""
        await self.found(response_id, stored.delete(self.caller.user_id, response_id))
        if run := self.running(response_id):
            run.cancel()
        return Answer(_encode({"id": response_id, "object": "response", "deleted": True}))

    async def _streamed(self, response_id: str, after: int) -> Response:
        found = await self.one(response_id, lambda one: _Stream(one, after))
        if found.events is None:
            raise InvalidRequest(
                "Only a response that was made with `background` and `stream` can be streamed again.", param="stream"
            )
        run = self.running(response_id)
        # There is no body whose end would begin it: listen whether the client leaves.
        self.request._request.body_is_read()
        return EventStream(Listener(run.events(after) if run else self._followed(response_id, found, after)))

    async def _followed(self, response_id: str, found: "_Stream", after: int) -> AsyncIterator[bytes]:
        """The events of a stream that another process makes: through Redis as they come, else as soon as it has ended."""
        following = Following(response_id, after)
        try:
            while found.is_running:
                async for data in following.events():
                    yield data
                if following.is_over:
                    return
                if not await stored.is_running(self.caller.user_id, response_id):
                    read = partial(_Stream, after=following.after)
                    found = await stored.find_one(self.caller.user_id, response_id, read)
        except (NotStored, DatabaseError):
            return
        yield found.events or found.lost


class CancelResponse(_StoredView):
    """The end of a response that is made in the background."""

    async def post(self, request: Request, response_id: str) -> Response:
        """End it; one that has ended is told as it is. Raises InvalidRequest."""
        told, in_background = await self.found(
            response_id,
            stored.cancel(self.caller.user_id, response_id, lambda one: (_told(one), is_background(one.content))),
        )
        if not in_background:
            raise InvalidRequest(
                "Only responses that are made in the background can be cancelled.", param="response_id"
            )
        if run := self.running(response_id):
            run.cancel()
        return Answer(told)


class ResponseInputItems(_StoredView):
    """What a stored response answered: the items of its request behind those that it goes on from."""

    async def get(self, request: Request, response_id: str) -> Response:
        """A page of them."""
        _check_include(request)
        page = page_in(query_of(request), usual=20, most=100)

        def read(chain: Iterator[Stored]) -> bytes:
            items = input_of(turn.content for turn in chain)
            return page_of(items, page.limit, page.after, newest_first=page.newest_first)

        return Answer(await self.found(response_id, stored.find_chain(self.caller.user_id, response_id, read)))


class _Stream:
    """What is stored of a response's stream; read in a database thread, for it may be large."""

    def __init__(self, one: Stored, after: int) -> None:
        self.is_running = one.is_running
        self.events = events_in(one.content, after)
        """The events behind that number, b"" where none are stored; None of what was no stream."""
        is_lost = self.events == b"" and events_in(one.content, -1) == b""
        self.lost = lost_event(one.content, one.status, after) if is_lost else b""
        """What ends it where none are."""


def _check_include(request: Request) -> None:
    """Raise InvalidRequest for what nothing is called. All that was included when the response was made is told anyway."""
    for name in list_in(request, "include"):
        if name not in INCLUDABLE:
            raise InvalidRequest(
                f"Invalid 'include': {name[:64]!r}. Supported values are: {', '.join(sorted(INCLUDABLE))}.",
                param="include",
                code="invalid_value",
            )


def _told(one: Stored) -> bytes:
    return response_in(one.content, one.status)
