"""Filters of the key list."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from accounts.models import ContributedKey
from accounts.standing import failing, resting

Keys = QuerySet[ContributedKey]
_REASONS_OFFERED = 20


class RestingFilter(admin.SimpleListFilter):
    """Keys by whether their quota domain rests."""

    title = "resting"
    parameter_name = "resting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Resting or not."""
        return [("yes", "Resting now"), ("no", "Not resting")]

    def queryset(self, request: HttpRequest, queryset: Keys) -> Keys:
        """The keys of the chosen kind."""
        if self.value() == "yes":
            return resting(queryset)
        if self.value() == "no":
            return queryset.exclude(pk__in=resting(ContributedKey.objects.all()).order_by().values("pk"))
        return queryset


class FailingFilter(admin.SimpleListFilter):
    """Keys by whether they had an error of late."""

    title = "errors"
    parameter_name = "errors"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """With errors or without."""
        return [("yes", "Errors since yesterday"), ("no", "No error since yesterday")]

    def queryset(self, request: HttpRequest, queryset: Keys) -> Keys:
        """The keys of the chosen kind."""
        if self.value() == "yes":
            return failing(queryset)
        if self.value() == "no":
            return queryset.exclude(pk__in=failing(ContributedKey.objects.all()).order_by().values("pk"))
        return queryset


class ReasonFilter(admin.SimpleListFilter):
    """Keys by why they are out; the most frequent reasons are offered."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The reasons there are, with how many keys have each."""
        out = ContributedKey.objects.exclude(reason="").order_by()
        counts = out.values_list("reason").annotate(count=Count("pk")).order_by("-count")[:_REASONS_OFFERED]
        return [(reason, f"{reason} ({count})") for reason, count in counts]

    def queryset(self, request: HttpRequest, queryset: Keys) -> Keys:
        """The keys with that reason."""
        return queryset.filter(reason=self.value()) if self.value() else queryset
