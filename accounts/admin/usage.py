"""Usage: requests and totals to look at and to download. Nobody edits them."""

from datetime import timedelta
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.paginator import InfinitePaginator

from accounts import audit, metering
from accounts.admin.base import ReadOnlyAdmin, staff
from accounts.admin.skin import display
from accounts.models import UsageRecord, UsageTotal
from accounts.pages.explaining import record_id
from accounts.pages.usage_csv import usage_csv

Row = TypeVar("Row", UsageRecord, UsageTotal)

_CHOICES = 30


class _Busiest(admin.SimpleListFilter):
    """Those that asked most in the last 30 days. From the totals: the requests themselves may be millions."""

    column = ""
    shown = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The values to choose from, the busiest first."""
        since = timezone.now().date() - timedelta(days=30)
        totals = UsageTotal.objects.filter(day__gte=since).exclude(**{self.column: None}).order_by()
        sums = totals.values_list(self.column, self.shown).annotate(asked=Sum("requests")).order_by("-asked")
        return [(str(value), str(shown)) for value, shown, _ in sums[:_CHOICES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the chosen one."""
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class ModelFilter(_Busiest):
    """By the model asked for."""

    title, parameter_name, column, shown = "model asked", "model", "model", "model"


class UserFilter(_Busiest):
    """By the user."""

    title, parameter_name, column, shown = "user", "user_id", "user_id", "user__username"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the chosen user; what is no number is nobody."""
        value = self.value()
        if value is not None and not (value.isascii() and value.isdigit() and len(value) < 19):
            return queryset.none()
        return super().queryset(request, queryset)


class StatusFilter(admin.SimpleListFilter):
    """By how the request ended."""

    title = "status"
    parameter_name = "ended"
    _ranges = {
        "ok": ("Answered (2xx)", 200, 299),
        "refused": ("Refused (4xx but 429)", 400, 428),
        "limited": ("Over a limit (429)", 429, 429),
        "failed": ("Failed (5xx)", 500, 599),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The kinds of ending."""
        return [(value, title) for value, (title, _, _) in self._ranges.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        """The requests of the chosen kind."""
        value = self.value()
        if value not in self._ranges:
            return queryset
        _, low, high = self._ranges[value]
        return queryset.filter(status__range=(low, high))


class _UsageAdmin(ReadOnlyAdmin[Row]):
    """What records and their totals show alike."""

    @admin.display(description="model asked → served")
    def models(self, row: Row) -> str:
        """What was asked for and which Gemini model answered."""
        return f"{row.model} → {row.gemini_model}" if row.gemini_model else row.model

    @admin.display(description="USD", ordering="cost")
    def usd(self, row: Row) -> str:
        """The cost without its trailing zeros."""
        return f"{row.cost.normalize():f}" if row.cost else "0"


@admin.register(UsageRecord)
class UsageRecordAdmin(_UsageAdmin[UsageRecord]):
    """One row a request. It never says which contributed key answered: that is not known to any table."""

    when_empty = "Every request to /v1 is here half a second after it ended."
    list_display = (
        *("created", "user", "token", "endpoint", "models", "ended", "error_code", "attempts"),
        *("total_tokens", "usd", "total_ms"),
    )
    list_filter = (StatusFilter, "created", ModelFilter, UserFilter, "stream", "counts_from")
    list_select_related = ("user", "token")
    readonly_fields = ("request_id",)
    search_fields = ("=user__username", "=model", "=error_code")
    search_help_text = "A request id, user, model or error code"
    change_list_template = "accounts/admin/usage_list.html"
    # No count of millions of rows for a page number, and no date_hierarchy: it reads every row to offer its days.
    paginator = InfinitePaginator
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[UsageRecord], search_term: str
    ) -> tuple[QuerySet[UsageRecord], bool]:
        """A request id, as answers and logs have it, finds its row by the index; other words are looked for."""
        id_ = record_id(search_term)
        if id_ is not None:
            return queryset.filter(pk=id_), False
        return super().get_search_results(request, queryset, search_term)

    def get_urls(self) -> list[URLPattern]:
        """And the list as a file."""
        export = path("export/", self.admin_site.admin_view(self.export), name="accounts_usagerecord_export")
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """Everything that the filters and the search leave of the list, as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        metering.flush_now()
        try:
            records = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            raise BadRequest("There is no such filter.") from None
        audit.record(staff(request), "exported", table="usage record", name=f"csv, {request.GET.urlencode() or 'all'}")
        return usage_csv(records)

    @admin.display(description="x-request-id")
    def request_id(self, record: UsageRecord) -> SafeString:
        """What the answer was named by, and the way to the page that explains it."""
        text = f"req_{record.pk.hex}"
        return format_html('<a href="{}">{}</a>', reverse("request", args=[text]), text)

    @display(description="status", ordering="status", label={"ok": "success", "limited": "warning", "failed": "danger"})
    def ended(self, record: UsageRecord) -> tuple[str, str]:
        """The HTTP status, coloured by kind."""
        kind = "ok" if record.status < 400 else "limited" if record.status < 500 else "failed"
        return kind, str(record.status)


@admin.register(UsageTotal)
class UsageTotalAdmin(_UsageAdmin[UsageTotal]):
    """Who spent what on which day. These rows stay when the requests are purged."""

    when_empty = "Requests are summed up here by day, user, token and model."
    list_display = (
        *("day", "user", "token", "models", "requests", "errors"),
        *("prompt_tokens", "completion_tokens", "reasoning_tokens", "total_tokens", "usd"),
    )
    list_filter = (ModelFilter, UserFilter)
    list_select_related = ("user", "token")
    search_fields = ("=user__username", "=model", "=gemini_model")
    search_help_text = "A whole user name or model"
    date_hierarchy = "day"
    show_full_result_count = False
