"""What every page says in its frame."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.pages.navigation import places_for


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context of pages/base.html.

    Whether the built-in simulator answers, so that nobody takes it for Gemini; the nonce that lets a script of this
    page run; and where this person may go. It asks nothing: the templates do, where they show somebody's name.
    """
    return {
        "simulator": settings.SIMULATOR,
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "sign_up": settings.SIGN_UP,
        "login_services": bool(settings.LOGIN_APPS),
        "places": partial(places_for, request),
    }
