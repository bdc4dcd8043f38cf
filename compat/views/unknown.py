"""Every path below /v1 that is no route."""

from typing import NoReturn

from compat.asyncview import AsyncAPIView
from compat.errors import UnknownRoute


class UnknownPath(AsyncAPIView):
    """Says so, in JSON, for every method."""

    is_open = True
    endpoint = "unknown"

    def handler(self, method: str) -> NoReturn:
        """None: raises UnknownRoute."""
        raise UnknownRoute(f"Invalid URL ({method} {self.request.path_info[:200]})")
