"""The dashboard: what a person used, what is left, and the requests of late."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts import metering
from accounts.models import IssuedToken, UsageRecord, User
from accounts.pages import usage_figures as figures
from accounts.pages.people import person, signed_in
from accounts.pages.usage_csv import usage_csv

_DAYS = (7, 30, 90)
_SHOWN = 25
# A filter that fits few records must not read a million of them: so many of the newest are looked through.
_LOOKED_THROUGH = 5_000
_STATUSES = {
    "ok": {"status__lt": 400},
    "refused": {"status__gte": 400, "status__lt": 500},
    "failed": {"status__gte": 500},
}


class FilterForm(forms.Form):
    """Which requests of late are shown. What is not understood filters nothing."""

    model = forms.CharField(label=_("Model"), required=False, max_length=200)
    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[("", _("all")), ("ok", _("answered")), ("refused", _("refused (4xx)")), ("failed", _("failed (5xx)"))],
    )
    token = forms.ModelChoiceField(IssuedToken.objects.none(), label=_("Token"), required=False, empty_label=_("all"))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        """Offer the user's own tokens alone."""
        super().__init__(*args, **kwargs)
        self.fields["token"].queryset = IssuedToken.objects.filter(user=user)  # type: ignore[attr-defined]

    @property
    def filters(self) -> bool:
        """True when something was chosen."""
        return any(self.data.get(name) for name in self.fields)

    def applied_to(self, records: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        """The records that fit."""
        self.is_valid()
        chosen = self.cleaned_data
        if chosen.get("model"):
            records = records.filter(model=chosen["model"])
        if chosen.get("token"):
            records = records.filter(token=chosen["token"])
        return records.filter(**_STATUSES.get(chosen.get("status", ""), {}))


@require_safe
@signed_in
def dashboard(request: HttpRequest) -> HttpResponse:
    """The whole page."""
    user, now = person(request), timezone.now()
    metering.flush_now()
    today = now.astimezone(UTC).date()
    days = _days(request)
    since = today - timedelta(days=days - 1)
    month = today.replace(day=1)
    rows = figures.totals_since(user, min(since, month))
    this_month, this_day = figures.by_model(rows, month), figures.by_model(rows, today)
    form = FilterForm(request.GET, user=user)
    recent, older = _recent(user, form, request.GET.get("before", ""))
    known = {
        "days": days,
        "choices": _DAYS,
        "used": bool(rows) or bool(recent),
        "has_token": IssuedToken.objects.filter(user=user, revoked=None).exists(),
        "periods": [
            (_("Today"), figures.together(this_day), this_day),
            (_("This month"), figures.together(this_month), this_month),
        ],
        "bars": figures.bars_of(user, now),
        "chart": figures.by_day(rows, since, today),
        "form": form,
        "filtered": form.filters,
        "recent": recent,
        "older": older,
        "looked_through": _LOOKED_THROUGH,
    }
    return render(request, "usage/dashboard.html", known)


@require_safe
@signed_in
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The person's own records of the last days as CSV."""
    since = timezone.now() - timedelta(days=_days(request))
    records = UsageRecord.objects.filter(user=person(request), created__gte=since)
    return usage_csv(FilterForm(request.GET, user=person(request)).applied_to(records))


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked in {str(days) for days in _DAYS} else 30


def _recent(user: User, form: FilterForm, before: str) -> tuple[list[UsageRecord], str]:
    """A page of the newest requests that fit, and where the next page begins ("" when there is none)."""
    newest = UsageRecord.objects.filter(user=user).order_by("-created")
    start = _moment(before)
    if start is not None:
        newest = newest.filter(created__lt=start)
    if form.filters:
        oldest = newest.values_list("created", flat=True)[_LOOKED_THROUGH : _LOOKED_THROUGH + 1].first()
        newest = newest.filter(created__gt=oldest) if oldest else newest
    page = list(form.applied_to(newest)[: _SHOWN + 1])
    return page[:_SHOWN], page[_SHOWN - 1].created.isoformat() if len(page) > _SHOWN else ""


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo else None
