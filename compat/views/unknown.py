"""Every path below /v1 that is no route."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.permissions import AllowAny

from compat import edge
from compat.asyncview import AsyncAPIView
from compat.errors import UnknownRoute


class UnknownPath(AsyncAPIView):
    """Says so, in JSON, for every method."""

    permission_classes = [AllowAny]

    async def _respond(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        request.get_host()
        if request.method == "OPTIONS":
            return edge.preflight(request)
        raise UnknownRoute(f"Invalid URL ({request.method} {request.path_info[:200]})")
