"""The ASGI handler of the OpenAI routes: Django's, without middleware, thread or signal.

Django's own handler costs a request 1.6 ms of CPU, most of it hops between threads for middleware and signal receivers
that these routes have no use for (docs/decisions/0001-lean-handler.md). It leans on `ASGIHandler.create_request` and
`send_response`: a test fails when they move.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http.response import HttpResponseBase

from compat import edge
from compat.body import ClientGone
from compat.errors import InvalidRequest
from compat.urls import find_view
from compat.views.answering import EventStreamResponse

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Most answers of errors and lists are there sooner: for them nobody needs to listen whether the client leaves.
_LISTEN_AFTER_SECONDS = 0.05


class LeanRequest(ASGIRequest):
    """A request that carries its `receive`, so that the body is read only when the caller is known."""

    receive: Receive
    body_is_read: Callable[[], None]


class LeanHandler(ASGIHandler):
    """Answers the OpenAI routes. No middleware is loaded."""

    request_class = LeanRequest

    def __init__(self) -> None:
        # Not super().__init__(): it loads the middleware.
        pass

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One request: find its view, run it, send its response; stop when the client leaves."""
        watch = _Watch(receive)
        response: HttpResponseBase | None = None
        try:
            request, _ = self.create_request(scope, BytesIO())
            if isinstance(request, LeanRequest):
                request.receive, request.body_is_read = receive, watch.begin
                view, arguments = find_view(request.path_info)
                response = await view(request, **arguments)
            else:
                refusal = InvalidRequest("The request's URL is not valid UTF-8.", code="invalid_url")
                response = edge.error_response(refusal)
            await self.send_response(response, send)
        except ClientGone:
            pass
        except asyncio.CancelledError:
            if not watch.client_left:
                raise
        finally:
            watch.end()
            # In every ending, also when the response was never begun to be sent: a stream's pump stops here. Not
            # response.close(): its signal has only synchronous receivers, for databases that were not opened here.
            if isinstance(response, EventStreamResponse):
                response.abandon()


class _Watch:
    """Listens, once the body is read and the answer takes its time, for the client to leave; then ends the request."""

    def __init__(self, receive: Receive) -> None:
        self.client_left = False
        self._receive = receive
        self._request: asyncio.Task[Any] | None = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None
        self._listener: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Listen from a little later on."""
        self._timer = asyncio.get_running_loop().call_later(_LISTEN_AFTER_SECONDS, self._start)

    def end(self) -> None:
        """Listen no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._listener is not None:
            self._listener.cancel()
        if self.client_left and self._request is not None:
            self._request.uncancel()

    def _start(self) -> None:
        self._listener = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.client_left = True
        if self._request is not None:
            self._request.cancel()
