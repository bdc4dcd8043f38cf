"""The ASGI handler of the OpenAI routes: Django's, without middleware, thread or signal.

Django's own handler costs a request 1.6 ms of CPU, most of it hops between threads for middleware and signal receivers
that these routes have no use for (docs/decisions/0001-lean-handler.md).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest

from compat.answers import Answer, EventStream, Response
from compat.body import ClientGone
from compat.urls import find_view

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Most answers of errors and lists are there sooner: for them nobody needs to listen whether the client leaves.
_LISTEN_AFTER_SECONDS = 0.05


class LeanRequest(HttpRequest):
    """A request with what these routes read of it; the body is read by `receive` when the caller is known."""

    def __init__(self, scope: dict[str, Any], receive: Receive, body_is_read: Callable[[], None]) -> None:
        # Not super().__init__(): it makes query dicts, cookies and encodings that nobody asks for here.
        self.scope = scope
        self.receive = receive
        self.body_is_read = body_is_read
        self.method = scope["method"]
        self.path = self.path_info = scope["path"]
        headers = scope["headers"]
        self.META = {_meta_name(name): value.decode("latin-1") for name, value in headers}
        if len(self.META) < len(headers):
            self.META = _joined(headers)

    def _get_scheme(self) -> str:
        scheme: str = self.scope.get("scheme", "http")
        return scheme


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The same of headers some of which came more than once: such are one list (RFC 9110, 5.3)."""
    meta: dict[str, str] = {}
    for name, value in headers:
        key, text = _meta_name(name), value.decode("latin-1")
        meta[key] = f"{meta[key]},{text}" if key in meta else text
    return meta


@lru_cache(maxsize=512)
def _meta_name(name: bytes) -> str:
    """Django's name for a header. One with an underscore is not mixed up with the one that has a dash."""
    text = name.decode("latin-1")
    if "_" in text:
        return f"UNDERSCORED_{text}"
    key = text.upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"


class LeanHandler(ASGIHandler):
    """Answers the OpenAI routes. No middleware is loaded."""

    def __init__(self) -> None:
        # Not super().__init__(): it loads the middleware.
        pass

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One request: find its view, run it, send its response; stop when the client leaves."""
        watch = _Watch(receive)
        response: Response | None = None
        try:
            request = LeanRequest(scope, receive, watch.begin)
            view, arguments = find_view(request.path_info)
            response = await view(request, **arguments)
            await _send(response, send, has_body=request.method != "HEAD")
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


async def _send(response: Response, send: Send, *, has_body: bool) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": _encoded(response.headers)})
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
    """Headers as ASGI wants them: all names and all values at once, for one by one takes a request ten times as long.

    Raises ValueError for a value with a line feed, which no header may have.
    """
    names, values = "\n".join(headers), "\n".join(headers.values())
    return list(zip(names.encode("latin-1").split(b"\n"), values.encode("latin-1").split(b"\n"), strict=True))


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
            # It holds this: left so, both would wait for the garbage collector.
            self._listener = None
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
