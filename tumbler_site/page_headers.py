"""The headers of every page: what a browser may load, embed and tell, and which upstream answers."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

# The public pages need their own style sheet and pictures, and no script at all.
_PAGES = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# unfold's admin runs Alpine.js, which evaluates expressions in attributes, and sets styles from them.
_ADMIN = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_POWERS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class PageHeaders(MiddlewareMixin):
    """Middleware: puts them on each response, where a view has not said otherwise."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The response, with its headers."""
        policy = _ADMIN if request.path.startswith("/admin/") else _PAGES
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", _POWERS)
        response.headers.setdefault("X-Tumbler-Upstream", "simulator" if settings.SIMULATOR else "gemini")
        return response
