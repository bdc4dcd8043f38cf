"""The headers of every page: what a browser may load, embed and tell, and which upstream answers."""

import secrets

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

# Scripts run when the page names them with its nonce, styles come from files of this site: no text in a page is either.
_POLICY = (
    "default-src 'none'; script-src {own}'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'{services}; base-uri 'none'; frame-ancestors 'none'"
)
_POWERS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class PageHeaders(MiddlewareMixin):
    """Middleware: puts them on each response, where a view has not said otherwise."""

    def process_request(self, request: HttpRequest) -> None:
        """Make the nonce of this page, `csp_nonce` in templates."""
        request.csp_nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The response, with its headers."""
        nonce = request.csp_nonce  # type: ignore[attr-defined]
        # The admin's media name their files without a nonce.
        own = "'self' " if request.path.startswith("/admin/") else ""
        # A login by another service is a form of ours that is redirected there.
        services = "".join(f" {origin}" for origin in settings.LOGIN_ORIGINS)
        policy = _POLICY.format(own=own, nonce=nonce, services=services)
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", _POWERS)
        response.headers.setdefault("X-Tumbler-Upstream", "simulator" if settings.SIMULATOR else "gemini")
        return response
