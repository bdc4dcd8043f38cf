"""One's own tokens: made, changed, rotated, revoked. Another person's are not there, for nobody."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit
from accounts.issuing import change_token, issue_token, revoke_token, rotate_token
from accounts.models import IssuedToken
from accounts.pages.people import person, signed_in
from accounts.pages.token_forms import LIMIT_LABELS, TOKEN_FIELDS, NewTokenForm, RotateForm, TokenForm

# More are a mistake of a script, and the list would say nothing any more.
MOST = 100

_either = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@signed_in
def listed(request: HttpRequest) -> HttpResponse:
    """Every token that still holds, and those that do not, apart."""
    now = timezone.now()
    mine = list(_mine(request))
    known = {
        "usable": [token for token in mine if token.is_usable(now)],
        "ended": [token for token in mine if not token.is_usable(now)][:MOST],
    }
    return render(request, "tokens/list.html", known)


@_either
@signed_in
def new(request: HttpRequest) -> HttpResponse:
    """The form, and once it is right the token itself, in this one answer and never again."""
    form = NewTokenForm(request.POST or None, user=person(request))
    if request.method == "POST" and form.is_valid():
        if sum(token.is_usable(timezone.now()) for token in _mine(request)) >= MOST:
            form.add_error(None, _("You have very many tokens already. Revoke some first."))
        else:
            try:
                token, text = issue_token(person(request), **form.wanted())
            except ValidationError as refused:
                form.take_back(refused)
            else:
                _note(request, "issued", token)
                return _shown_once(request, token, text)
    return render(request, "tokens/new.html", {"form": form})


@_either
@signed_in
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """What a token may do, and the form to change that."""
    token = get_object_or_404(_mine(request), pk=pk)
    usable = token.is_usable(timezone.now())
    known = {name: getattr(token, name) for name in TOKEN_FIELDS}
    form = TokenForm(request.POST or None, user=person(request), initial=known)
    if request.method == "POST" and usable and form.is_valid():
        try:
            change_token(token, **form.wanted())
        except ValidationError as refused:
            form.take_back(refused)
            token.refresh_from_db()
        else:
            _note(request, "changed", token, audit.changes_in(form))
            messages.success(request, _("The token is changed. Every process goes by it within 5 seconds."))
            return redirect("token", token.pk)
    told = {"token": token, "form": form, "usable": usable, "limits": _limits(token)}
    return render(request, "tokens/one.html", told)


@_either
@signed_in
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask how long the old one goes on, then show the new one."""
    token = get_object_or_404(_usable(request), pk=pk)
    form = RotateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        hours = form.cleaned_data["hours"]
        fresh, text = rotate_token(token, timedelta(hours=hours))
        if not hours:
            revoke_token(token)
        _note(request, "rotated", token)
        return _shown_once(request, fresh, text, old=token)
    return render(request, "tokens/rotate.html", {"token": token, "form": form})


@_either
@signed_in
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask first: it cannot be undone."""
    token = get_object_or_404(_usable(request), pk=pk)
    if request.method == "POST":
        revoke_token(token)
        _note(request, "revoked", token)
        messages.success(
            request, _("“%(name)s” is revoked. It is refused everywhere within 5 seconds.") % {"name": token.name}
        )
        return redirect("tokens")
    known = {
        "question": _("Revoke “%(name)s”?") % {"name": token.name or f"tumbler-{token.prefix}…"},
        "loss": _("Programs that use it are refused at once, and their running streams end. It cannot be undone."),
        "act": _("Revoke the token"),
        "back": reverse("token", args=[token.pk]),
    }
    return render(request, "pages/confirm.html", known)


def _mine(request: HttpRequest) -> QuerySet[IssuedToken]:
    return IssuedToken.objects.filter(user=person(request))


def _usable(request: HttpRequest) -> QuerySet[IssuedToken]:
    """Those that can still be rotated or revoked."""
    return _mine(request).filter(Q(expires=None) | Q(expires__gt=timezone.now()), revoked=None)


def _note(request: HttpRequest, act: str, token: IssuedToken, changes: audit.Changes | None = None) -> None:
    """What members of staff do to their own tokens is written down as what they do to others' is."""
    if person(request).is_staff:
        audit.record_on(person(request), act, [token], changes)


def _limits(token: IssuedToken) -> list[tuple[Any, Any]]:
    return [(label, value) for name, label in LIMIT_LABELS.items() if (value := getattr(token, name)) is not None]


def _shown_once(request: HttpRequest, token: IssuedToken, text: str, old: IssuedToken | None = None) -> HttpResponse:
    """The token's text, in the answer to the form itself, so that no cookie, session or second page ever holds it."""
    base_url = request.build_absolute_uri("/v1")
    return render(request, "tokens/made.html", {"token": token, "text": text, "old": old, "base_url": base_url})
