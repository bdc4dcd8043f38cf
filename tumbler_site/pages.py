"""The front page, and the pages for what is not there, not allowed or broken: HTML for people, JSON for programs."""

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.contributions import status
from compat.errors import CompatError, InternalError, InvalidRequest, UnknownRoute, error_json


class Forbidden(InvalidRequest):
    """A page refused the request, for instance for want of a CSRF token."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is and where to go."""
    known = {
        "base_url": request.build_absolute_uri("/v1"),
        "status": status.current(),
        "open_access": settings.OPEN_ACCESS,
    }
    return render(request, "site/home.html", known)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    return _answer(
        request,
        InvalidRequest("The request was refused."),
        "That did not work",
        "The server could not read the request.",
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    return _answer(request, Forbidden("This is not allowed."), "Not allowed", "You may not do this here.")


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: nothing was done."""
    sentence = (
        "The form did not come from a page of this server, or the page was open for long. Nothing was kept. Go back, "
        "load the page anew and send it again; your browser must take cookies for that."
    )
    return _answer(request, Forbidden("The CSRF check failed: nothing was kept."), "Not taken", sentence)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    error = UnknownRoute(f"Invalid URL ({request.method} {request.path_info[:200]})")
    return _answer(request, error, "There is nothing here", "No page has this address.")


def broken(request: HttpRequest) -> HttpResponse:
    """handler500. It asks nothing that may be broken too."""
    sentence = "The mistake is ours. It was written down; please try again in a while."
    return _answer(request, InternalError("The server had an error."), "Something broke", sentence)


def _answer(request: HttpRequest, error: CompatError, title: str, sentence: str) -> HttpResponse:
    """A page for whoever asks for HTML; OpenAI's envelope for everybody else."""
    if "text/html" in request.headers.get("Accept", ""):
        return render(
            request, "site/error.html", {"title": title, "sentence": sentence, "plain": True}, status=error.status
        )
    return HttpResponse(error_json(error), status=error.status, content_type="application/json")
