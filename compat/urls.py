"""The OpenAI routes, each with and without /v1 and a trailing slash: one table, looked up without a resolver."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from compat import views
from compat.answers import Response

View = Callable[..., Awaitable[Response]]

ROUTES: dict[str, View] = {
    "chat/completions": views.ChatCompletions.as_view(),
    "chat": views.ChatCompletions.as_view(),
    "completions": views.Completions.as_view(),
    "embeddings": views.Embeddings.as_view(),
    "responses": views.Responses.as_view(),
    "responses/input_tokens": views.ResponseInputTokens.as_view(),
    "messages": views.Messages.as_view(),
    "messages/count_tokens": views.MessageTokens.as_view(),
    "models": views.Models.as_view(),
    "contributions": views.Contributions.as_view(),
    "usage": views.OwnUsage.as_view(),
}
ALIASES = {"chat"}
"""Second names of a route, which the API document does not list again."""
_ONE_MODEL: View = views.OneModel.as_view()
_UNKNOWN: View = views.UnknownPath.as_view()
_SLASHES = re.compile(r"/{2,}")


def is_openai(path: str) -> bool:
    """True for every path below /v1, and for the routes themselves without it."""
    plain = _plain(path)
    return (
        path.lstrip("/").startswith("v1/") or path in ("/v1", "/v1/") or plain in ROUTES or plain.startswith("models/")
    )


def find_view(path: str) -> tuple[View, dict[str, Any]]:
    """The view for a path and the arguments from it; a view that answers 404 for every other."""
    plain = _plain(path)
    view = ROUTES.get(plain)
    if view is not None:
        return view, {}
    # Ids arrive percent-encoded and are decoded before this: models%2Fgemini-… holds a slash here.
    if plain.startswith("models/"):
        return _ONE_MODEL, {"model_id": plain.removeprefix("models/")}
    return _UNKNOWN, {}


def _plain(path: str) -> str:
    """The path without /v1, outer and doubled slashes."""
    plain = path.strip("/")
    if "//" in plain:
        plain = _SLASHES.sub("/", plain)
    return plain[3:] if plain.startswith("v1/") else plain
