"""The pages of contributors: contribute, the receipt, and the public status and privacy tables."""

import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import pool, privacy
from accounts.addresses import client_address, household
from accounts.contributions import acts, checking, flood, intake, reciprocity, status
from accounts.contributions.forms import CapsForm, OfferForm, ReplacementForm
from accounts.contributions.pace import until_the_beat
from accounts.contributions.receipt import read_code
from accounts.contributions.telling import Told, tell
from accounts.contributions.terms import TERMS, VERSION
from accounts.models import Receipt, ReceiptKey

Mistakes = dict[int, dict[str, forms.Form]]

MAX_BODY_BYTES = 32 * 1024

_form_methods = require_http_methods(["GET", "HEAD", "POST"])


@never_cache
@_form_methods
@sensitive_post_parameters("keys")
def contribute(request: HttpRequest) -> HttpResponse:
    """The form, and what comes of it: a receipt code, the same for every key."""
    if request.method != "POST":
        return _contribute_page(request, OfferForm())
    started = time.monotonic()
    refusal = _refusal(request)
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


@never_cache
@_form_methods
@sensitive_post_parameters("code", "key")
def receipt(request: HttpRequest) -> HttpResponse:
    """The page behind a receipt code. The code comes by POST alone: a URL is written down in too many places."""
    if request.method != "POST":
        return render(request, "contributions/receipt.html", {})
    found = acts.find_receipt(request.POST.get("code", ""))
    if found is None:
        sentence = _(
            "No receipt has this code. Was it copied whole? It begins with tumbler-receipt- and has 36 characters more."
        )
        return render(request, "contributions/receipt.html", {"mistake": sentence}, status=HTTPStatus.NOT_FOUND)
    line = found.keys.select_related("key").filter(number=_number(request), withdrawn=None).first()
    act = _ACTS.get(request.POST.get("act", ""))
    if act is None or (line is None and act is not _redeem):
        return _receipt_page(request, found)
    return act(request, found, line)


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


def _contribute_page(request: HttpRequest, form: OfferForm, code: int = HTTPStatus.OK) -> HttpResponse:
    known = {
        "form": form,
        "terms": [_(sentence) for sentence in TERMS],
        "version": VERSION,
        "reciprocity": settings.RECIPROCITY,
    }
    return render(request, "contributions/contribute.html", known, status=code)


def _refusal(request: HttpRequest) -> HttpResponse | None:
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


def _number(request: HttpRequest) -> int:
    text = request.POST.get("number", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 0


def _receipt_page(
    request: HttpRequest, found: Receipt, *, mistakes: Mistakes | None = None, **more: Any
) -> HttpResponse:
    """The page of a receipt; `mistakes` are the forms of one key, by its number, as they were sent."""
    told = tell(found)
    if any(key.state == "received" for key in told):
        checking.check_soon()
    known = {
        "code": read_code(request.POST["code"]),
        "receipt": found,
        "keys": [_with_forms(key, (mistakes or {}).get(key.number, {})) for key in told],
        "earned": reciprocity.has_earned(found),
        "served": sum(key.served for key in told),
        **more,
    }
    return render(
        request, "contributions/receipt.html", known, status=HTTPStatus.BAD_REQUEST if mistakes else HTTPStatus.OK
    )


def _with_forms(key: Told, sent: dict[str, forms.Form]) -> dict[str, Any]:
    ids = f"key{key.number}_%s"
    caps = sent.get("caps") or (CapsForm(caps=key.caps, auto_id=ids) if key.caps else None)
    return {"told": key, "caps": caps, "replacement": sent.get("replacement") or ReplacementForm(auto_id=ids)}


def _pause(request: HttpRequest, found: Receipt, line: ReceiptKey) -> HttpResponse:
    return _done(request, found, _("Paused. Nothing is sent with it until you resume.") if acts.pause(line) else "")


def _resume(request: HttpRequest, found: Receipt, line: ReceiptKey) -> HttpResponse:
    return _done(request, found, _("It is in use again.") if acts.resume(line) else "")


def _set_caps(request: HttpRequest, found: Receipt, line: ReceiptKey) -> HttpResponse:
    form = CapsForm(request.POST, auto_id=f"key{line.number}_%s")
    if not form.is_valid():
        return _receipt_page(request, found, mistakes={line.number: {"caps": form}})
    return _done(request, found, _("Your limits are set.") if acts.set_caps(line, form.cleaned_data["caps"]) else "")


def _replace(request: HttpRequest, found: Receipt, line: ReceiptKey) -> HttpResponse:
    started = time.monotonic()
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    form = ReplacementForm(request.POST, auto_id=f"key{line.number}_%s")
    if not form.is_valid():
        return _receipt_page(request, found, mistakes={line.number: {"replacement": form}})
    acts.replace(line, form.cleaned_data["key"])
    response = _done(request, found, _("The old key is erased. The new one was received and will be checked."))
    time.sleep(until_the_beat(started))
    return response


def _ask_to_withdraw(request: HttpRequest, found: Receipt, line: ReceiptKey) -> HttpResponse:
    known = {"code": read_code(request.POST["code"]), "line": line, "several": found.keys.count() > 1}
    return render(request, "contributions/withdraw.html", known)


def _withdraw(request: HttpRequest, found: Receipt, line: ReceiptKey) -> HttpResponse:
    acts.withdraw(line)
    return _done(request, found, _("Withdrawn. The key is erased."))


def _redeem(request: HttpRequest, found: Receipt, line: ReceiptKey | None) -> HttpResponse:
    return _receipt_page(request, found, token=reciprocity.redeem(found))


def _done(request: HttpRequest, found: Receipt, notice: str) -> HttpResponse:
    # The pool of this process follows at once, those of others within seconds.
    with suppress(DatabaseError):
        async_to_sync(pool.sync)()
    return _receipt_page(request, found, notice=notice or _("This key cannot be changed so now."))


_ACTS: dict[str, Callable[..., HttpResponse]] = {
    "pause": _pause,
    "resume": _resume,
    "caps": _set_caps,
    "replace": _replace,
    "withdraw": _ask_to_withdraw,
    "withdraw-for-good": _withdraw,
    "redeem": _redeem,
}


def _public(response: JsonResponse) -> HttpResponse:
    """Any page of the web may read it: it tells what everybody may know."""
    response["Access-Control-Allow-Origin"] = "*"
    return response
