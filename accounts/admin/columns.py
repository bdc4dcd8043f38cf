"""Columns that several list pages share."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from accounts.models import LIMIT_FIELDS, Limits, UsageTotal

_SHORT = {
    "rpm": "RPM",
    "tpm": "TPM",
    "rpd": "RPD",
    "max_parallel": "at once",
    "daily_tokens": "tokens/day",
    "monthly_tokens": "tokens/month",
    "daily_cost": "USD/day",
    "monthly_cost": "USD/month",
}


def limits_in_words(row: Limits) -> str:
    """The limits that are set, such as “60 RPM, 2 at once”; “none of its own” otherwise."""
    set_ones = [(getattr(row, name), _SHORT[name]) for name in LIMIT_FIELDS if getattr(row, name) is not None]
    return ", ".join(f"{value:,} {unit}" for value, unit in set_ones) or "none of its own"


def ago(moment: datetime | None) -> str:
    """“5 minutes ago”, or “never”."""
    return f"{timesince(moment, depth=1)} ago" if moment else "never"


def tokens_this_month(of: str) -> Coalesce:
    """The tokens that the user or token (`of`) of each row has used since the first of the UTC month."""
    first = timezone.now().date().replace(day=1)
    sums = UsageTotal.objects.filter(**{of: OuterRef("pk")}, day__gte=first).order_by().values(of)
    return Coalesce(Subquery(sums.values(sum=Sum("total_tokens"))), 0)


class HolderColumns:
    """The columns of those that hold limits: users and tokens. The list's query brings `month` (`tokens_this_month`)."""

    @admin.display(description="own limits")
    def own_limits(self, holder: Limits) -> str:
        """The limits of its own: a user's stand in for the plan's, a token's hold besides its user's."""
        return limits_in_words(holder)

    @admin.display(description="used this month", ordering="month")
    def used_this_month(self, holder: Any) -> str:
        """Tokens since the first of the UTC month."""
        return f"{holder.month:,}"


def in_lines(lines: Iterable[str]) -> SafeString:
    """Each on a line of its own, in one block for phones; names of models are not to break at every hyphen."""
    rows = format_html_join("", '<div class="unbroken">{}</div>', ((line,) for line in lines))
    return format_html('<div class="several">{}</div>', rows)


def list_link(model: type[Model], text: object, **filters: object) -> SafeString:
    """A link to the list page of `model`, filtered."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    query = {f"{name}__exact": value for name, value in filters.items()}
    return format_html('<a href="{}">{}</a>', f"{url}?{urlencode(query)}", text)
