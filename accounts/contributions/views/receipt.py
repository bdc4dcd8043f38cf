"""The page of a receipt: how its keys fare, and what whoever holds its code may do with them."""

import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import pool
from accounts.contributions import acts, checking, reciprocity
from accounts.contributions.forms import CapsForm, ReplacementForm
from accounts.contributions.pace import until_the_beat
from accounts.contributions.receipt import read_code
from accounts.contributions.telling import Told, tell
from accounts.contributions.views.contribute import form_methods, refusal_of
from accounts.models import Receipt, ReceiptKey

Mistakes = dict[int, dict[str, forms.Form]]


@never_cache
@form_methods
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
    refusal = refusal_of(request)
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
