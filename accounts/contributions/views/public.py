"""What anybody may read: what the pool can do just now, and what is kept of whom. Pages, and JSON for programs."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import privacy
from accounts.contributions import status


@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """What the pool can do just now."""
    return render(request, "contributions/status.html", {"status": status.in_words(status.current())})


@require_safe
def status_json(request: HttpRequest) -> HttpResponse:
    """The same for programs."""
    return _public(JsonResponse(status.current()))


@require_safe
def privacy_page(request: HttpRequest) -> HttpResponse:
    """What is kept, where and for how long."""
    kept = [privacy.Kept._make((*map(_, row.told), row.columns)) for row in privacy.KEPT]
    return render(request, "contributions/privacy.html", {"kept": kept})


@require_safe
def privacy_json(request: HttpRequest) -> HttpResponse:
    """The same for programs, with the columns and log lines behind it."""
    return _public(JsonResponse(privacy.as_json()))


def _public(response: JsonResponse) -> HttpResponse:
    """Any page of the web may read it: it tells what everybody may know."""
    response["Access-Control-Allow-Origin"] = "*"
    return response
