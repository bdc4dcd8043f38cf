"""Which app answers: the OpenAI routes without Django's middleware, WebSockets by Channels, every other page by Django."""

from collections.abc import Awaitable, Callable
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.urls import path

from accounts.live.publisher import publish
from accounts.live.watcher import Watcher
from compat.lean import LeanHandler
from compat.urls import is_openai
from tumbler_site.health import answer_health, is_health

Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]

# The consumers of live pages are listed here; each is reached only from our own origin, with a session.
WEBSOCKETS: list[Any] = [path("admin/live/feed", Watcher.as_asgi())]


class Router:
    """The ASGI app: one look at the path decides."""

    def __init__(self, django: App) -> None:
        self._django = django
        self._lean = LeanHandler()
        # A process alone tells its traffic when it is watched; one of several has to see whether another one watches.
        self._publishes = not settings.REDIS_URL
        self._websockets = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(WEBSOCKETS)))

    def __call__(self, scope: Scope, receive: Any, send: Any) -> Awaitable[None]:
        """Hand the connection on. A proxy's or a client's root_path never moves a path past the checks."""
        if scope["type"] == "http":
            scope["root_path"] = ""
            if not self._publishes:
                self._publishes = True
                publish()
            if is_openai(scope["path"]):
                return self._lean(scope, receive, send)
            if is_health(scope["path"]):
                return answer_health(scope, receive, send)
            return self._django(scope, receive, send)
        if scope["type"] == "websocket":
            return self._websocket(scope, receive, send)
        return self._lifespan(receive, send)

    async def _websocket(self, scope: Scope, receive: Any, send: Any) -> None:
        try:
            await self._websockets(scope, receive, send)
        except ValueError:
            # Channels raises it for a path without a consumer.
            await send({"type": "websocket.close", "code": 4404})

    async def _lifespan(self, receive: Any, send: Any) -> None:
        """Say yes to servers that ask; nothing here depends on it, for daphne does not."""
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
