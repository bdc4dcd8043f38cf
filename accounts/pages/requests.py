"""Requests explained to those who made them, by the x-request-id of the answer."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts import metering
from accounts.models import UsageRecord, User
from accounts.pages.explaining import as_counts, explain, record_id

_RECENT = 10


@require_safe
@login_required
def find(request: HttpRequest) -> HttpResponse:
    """A form for the id, and this person's last requests to choose from."""
    user = signed_in(request)
    asked = request.GET.get("id", "").strip()[:80]
    if asked:
        record = _record(user, asked)
        if record is not None:
            return redirect("request", f"req_{record.pk.hex}")
    recent = UsageRecord.objects.filter(user=user).only(
        *("id", "created", "model", "gemini_model", "status", "attempts", "total_ms")
    )
    known = {"asked": asked, "recent": recent[:_RECENT]}
    return render(request, "requests/find.html", known, status=404 if asked else 200)


@require_safe
@login_required
def one(request: HttpRequest, request_id: str) -> HttpResponse:
    """The page of one request: for its owner, and for staff who may see usage; for others it is not there."""
    record = _record(signed_in(request), request_id)
    if record is None:
        raise Http404
    return render(request, "requests/one.html", {"explained": explain(record), "counts": as_counts(record)})


def _record(user: User, text: str) -> UsageRecord | None:
    id_ = record_id(text)
    if id_ is None:
        return None
    found = UsageRecord.objects.select_related("user", "token").filter(pk=id_)
    if not (user.is_staff and user.has_perm("accounts.view_usagerecord")):
        found = found.filter(user=user)
    record = found.first()
    if record is None:
        # It may have ended a moment ago.
        metering.flush_now()
        record = found.all().first()
    return record


def signed_in(request: HttpRequest) -> User:
    """Whose page it is."""
    assert isinstance(request.user, User)  # noqa: S101 (login_required saw to it)
    return request.user
