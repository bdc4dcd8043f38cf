"""The request of an OpenAI route, to Django's eyes and to DRF's: made of what these routes ask of it."""

from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property, lru_cache
from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request

Receive = Callable[[], Awaitable[dict[str, Any]]]


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
        self.fields: dict[bytes, bytes] = dict(headers)
        """The headers as they came, by their names in lower case; one that came more than once is a list."""
        if len(self.fields) < len(headers):
            self.fields = _joined(headers)

    @cached_property
    def META(self) -> dict[str, str]:  # type: ignore[override]
        """The same as Django tells them."""
        return {_meta_name(name): value.decode("latin-1") for name, value in self.fields.items()}

    def _get_scheme(self) -> str:
        scheme: str = self.scope.get("scheme", "http")
        return scheme


class ViewRequest(Request):
    """DRF's request, without the parsers, authenticators and negotiator that it looks up and nobody asks here.

    Nor does it hold itself: so, every request with all that it carries would wait for the garbage collector.
    """

    _request: LeanRequest
    user: Any = None
    """The caller; of DRF's it is a property, behind which authenticators are asked."""

    def __init__(self, request: LeanRequest) -> None:
        self._request = request


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers some of which came more than once: such are one list (RFC 9110, 5.3)."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        fields[name] = b"%b,%b" % (fields[name], value) if name in fields else value
    return fields


@lru_cache(maxsize=512)
def _meta_name(name: bytes) -> str:
    """Django's name for a header. One with an underscore is not mixed up with the one that has a dash."""
    text = name.decode("latin-1")
    if "_" in text:
        return f"UNDERSCORED_{text}"
    key = text.upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
