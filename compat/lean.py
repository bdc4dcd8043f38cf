"""The ASGI handler of the OpenAI routes: Django's, without middleware, thread or signal.

Django's own handler costs a request 1.6 ms of CPU, most of it hops between threads for middleware and signal receivers
that these routes have no use for (docs/decisions/0001-lean-handler.md).
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any

from django.core.handlers.asgi import ASGIHandler

from compat.answers import HEADERS_IN_TEXT, Answer, EventStream, Response
from compat.body import ClientGone
from compat.request import LeanRequest, Receive
from compat.urls import find_view

Message = Mapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

# Most answers of errors and lists are there within two: for them nobody needs to listen whether the client leaves.
_TICK_SECONDS = 0.025


class LeanHandler(ASGIHandler):
    """Answers the OpenAI routes. No middleware is loaded."""

    def __init__(self) -> None:
        # Not super().__init__(): it loads the middleware.
        self._patience = _Patience()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:  # type: ignore[override]
        """One request: find its view, run it, send its response; stop when the client leaves."""
        watch = _Watch(receive, self._patience)
        response: Response | None = None
        try:
            request = LeanRequest(scope, receive, watch.begin)
            view, arguments = find_view(request.path_info)
            response = await view(request, **arguments)
            await _send(response, scope, send)
        except ClientGone:
            pass
        except asyncio.CancelledError:
            if not watch.client_left:
                raise
        finally:
            watch.end()
            # In every ending, also when the response was never begun to be sent: a stream's pump stops here.
            if isinstance(response, EventStream):
                response.pump.abandon()


async def _send(response: Response, scope: dict[str, Any], send: Send) -> None:
    headers = response.headers if HEADERS_IN_TEXT in scope.get("extensions", ()) else _encoded(response.headers)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    has_body = scope["method"] != "HEAD"
    if isinstance(response, Answer):
        await send({"type": "http.response.body", "body": response.body if has_body else b""})
        return
    parts = response.pump.events() if isinstance(response, EventStream) else response.parts
    if has_body or isinstance(response, EventStream):
        async for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    # Without its end both servers cut the connection.
    if not (isinstance(response, EventStream) and response.pump.is_cut):
        await send({"type": "http.response.body", "body": b""})


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI wants them: all values at once, for one by one takes a request ten times as long.

    Raises ValueError for a value with a line feed, which no header may have.
    """
    values = "\n".join(headers.values()).encode("latin-1").split(b"\n")
    return list(zip(_encoded_names(tuple(headers)), values, strict=True))


@lru_cache(maxsize=256)
def _encoded_names(names: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(name.encode("latin-1") for name in names)


class _Watch:
    """Listens, once the body is read and the answer takes its time, for the client to leave; then ends the request."""

    def __init__(self, receive: Receive, patience: "_Patience") -> None:
        self.client_left = False
        self._receive = receive
        self._patience = patience
        self._request: asyncio.Task[Any] | None = None
        self._patient: set[_Watch] | None = None
        """Those that do not listen yet, itself among them from its beginning on."""
        self._listener: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Listen from a little later on. The request's own task calls it."""
        self._request = asyncio.current_task()
        self._patient = self._patience.add(self)

    def end(self) -> None:
        """Listen no more."""
        if self._patient is not None:
            self._patient.discard(self)
        if self._listener is not None:
            self._listener.cancel()
            # It holds this: left so, both would wait for the garbage collector.
            self._listener = None
        if self.client_left and self._request is not None:
            self._request.uncancel()

    def listen(self) -> None:
        """Listen from now on."""
        self._listener = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.client_left = True
        if self._request is not None:
            self._request.cancel()


class _Patience:
    """The watches that are not to listen yet: each begins to after one tick of a clock, and before two.

    The clock runs while there are any. A timer for each, which hardly one waits for, would cost more than all else here.
    All belong to one event loop, the server's; another may follow once that is closed, as in tests.
    """

    def __init__(self) -> None:
        self._new: set[_Watch] = set()
        self._old: set[_Watch] = set()
        """Those that have seen a tick."""
        self._loop: asyncio.AbstractEventLoop | None = None
        """Whose clock runs; None while there is nobody."""
        # Its own, not that of the request which happened to start the clock.
        self._context = contextvars.Context()

    def add(self, watch: _Watch) -> set[_Watch]:
        """Have it listen in a while, unless it is taken out of the set that is returned."""
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.get_running_loop()
            self._new, self._old = set(), set()
            self._run_on(self._loop)
        self._new.add(watch)
        return self._new

    def _run_on(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(_TICK_SECONDS, self._tick, loop, context=self._context)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        for watch in self._old:
            watch.listen()
        self._old, self._new = self._new, set()
        if self._old:
            self._run_on(loop)
        else:
            self._loop = None
