"""Every path below /v1 that is no route."""

from django.http import HttpRequest
from rest_framework.permissions import AllowAny

from compat import edge
from compat.answers import Response
from compat.asyncview import AsyncAPIView
from compat.errors import UnknownRoute


class UnknownPath(AsyncAPIView):
    """Says so, in JSON, for every method."""

    permission_classes = [AllowAny]

    async def _respond(self, request: HttpRequest, *args: object, **kwargs: object) -> Response:
        edge.check_host(request)
        if request.method == "OPTIONS":
            return edge.preflight(request)
        raise UnknownRoute(f"Invalid URL ({request.method} {request.path_info[:200]})")
