"""The page on which keys are contributed, and what is refused before its body is read."""

import time
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.addresses import client_address, household
from accounts.contributions import checking, flood, intake
from accounts.contributions.forms import OfferForm
from accounts.contributions.pace import until_the_beat
from accounts.contributions.terms import TERMS, VERSION

MAX_BODY_BYTES = 32 * 1024

form_methods = require_http_methods(["GET", "HEAD", "POST"])


@never_cache
@form_methods
@sensitive_post_parameters("keys")
def contribute(request: HttpRequest) -> HttpResponse:
    """The form, and what comes of it: a receipt code, the same for every key."""
    if request.method != "POST":
        return _contribute_page(request, OfferForm())
    started = time.monotonic()
    refusal = refusal_of(request)
    if refusal is not None:
        return refusal
    if request.POST.get("website"):
        return _refused(
            request, HTTPStatus.FORBIDDEN, _("This looks like a robot: a field was filled that nobody sees.")
        )
    form = OfferForm(request.POST)
    if not form.is_valid():
        return _contribute_page(request, form, HTTPStatus.BAD_REQUEST)
    code = intake.receive(form.cleaned_data["offer"])
    checking.check_soon()
    time.sleep(until_the_beat(started))
    return render(request, "contributions/received.html", {"code": code}, status=HTTPStatus.ACCEPTED)


def _contribute_page(request: HttpRequest, form: OfferForm, code: int = HTTPStatus.OK) -> HttpResponse:
    known = {
        "form": form,
        "terms": [_(sentence) for sentence in TERMS],
        "version": VERSION,
        "reciprocity": settings.RECIPROCITY,
    }
    return render(request, "contributions/contribute.html", known, status=code)


def refusal_of(request: HttpRequest) -> HttpResponse | None:
    """Why this body is not even read."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    address = client_address(request.META.get("REMOTE_ADDR", ""), [forwarded] if forwarded else [])
    wait = flood.contributions.wait(household(address))
    if wait:
        response = _refused(
            request, HTTPStatus.TOO_MANY_REQUESTS, _("There were many contributions lately. Please come back later.")
        )
        response["Retry-After"] = str(int(wait) + 1)
        return response
    size = request.META.get("CONTENT_LENGTH") or "0"
    if not size.isdecimal() or int(size) > MAX_BODY_BYTES:
        return _refused(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("That is too much at once."))
    return None


def _refused(request: HttpRequest, code: HTTPStatus, sentence: str) -> HttpResponse:
    return render(request, "contributions/refused.html", {"sentence": sentence}, status=code)
