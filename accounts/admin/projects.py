"""Pairs of quota domains that may be one Google project: an operator says yes or no with one click."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.base import ReadOnlyAdmin, confirmed
from accounts.admin.skin import ChangeList, display
from accounts.models import ContributedKey, ProjectPair
from accounts.projects import decline, join

_WORDS = {"rpm": "requests a minute", "tpm": "tokens a minute", "rpd": "requests a day"}
_BUTTON = (
    "cursor-pointer rounded-default border border-base-200 px-3 py-1 font-medium whitespace-nowrap dark:border-base-700"
)


class PairChangeList(ChangeList):
    """The list page, which looks up the names of all its keys at once."""

    def get_results(self, request: HttpRequest) -> None:
        """The pairs of this page, each with the names of its two."""
        super().get_results(request)
        pairs = list(self.result_list)
        names = _names({domain for pair in pairs for domain in (pair.first, pair.second)})
        for pair in pairs:
            pair.names = names[pair.first], names[pair.second]
        self.result_list = pairs


@admin.register(ProjectPair)
class ProjectPairAdmin(ReadOnlyAdmin[ProjectPair]):
    """What speaks for two keys drawing on one quota, and the buttons to say so."""

    when_empty = (
        "Nothing suggests that two keys draw on one project's quota. It is noticed when they are refused together."
    )
    list_display = ("one", "other", "condition", "decide", "evidence", "last_at")
    actions = ("join_chosen", "decline_chosen")
    list_display_links = None
    list_filter = ("state", "limit", "model")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list page that knows the names of keys."""
        return PairChangeList

    def get_urls(self) -> list[URLPattern]:
        """And where the two buttons lead."""
        site = self.admin_site
        mine = [
            path(
                f"<int:pk>/{act}/",
                site.admin_view(getattr(self, f"{act}_view")),
                name=f"accounts_projectpair_{act}",
            )
            for act in ("join", "decline")
        ]
        return mine + super().get_urls()

    def join_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """They are one project."""
        return self._decide(request, pk, join, "joined: they share one quota from now on")

    def decline_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """They are two, and are not asked about again."""
        return self._decide(request, pk, decline, "kept apart: it is not asked again")

    @display(
        description="state",
        ordering="state",
        label={"watched": "info", "flagged": "warning", "declined": "success"},
    )
    def condition(self, pair: ProjectPair) -> tuple[str, str]:
        """Whether it is watched, flagged or declined."""
        return pair.state, pair.get_state_display()

    @admin.display(ordering="first")
    def one(self, pair: Any) -> SafeString:
        """The one domain, by the name of its key or project."""
        return _one_line(pair.names[0])

    @admin.display(description="the other", ordering="second")
    def other(self, pair: Any) -> SafeString:
        """The other one."""
        return _one_line(pair.names[1])

    @admin.display(description="evidence", ordering="coincidences")
    def evidence(self, pair: ProjectPair) -> str:
        """How often both were refused, and which limit of which model it was the last time."""
        return f"{pair.coincidences} times; {pair.model}: {_WORDS.get(pair.limit, pair.limit)}"

    @admin.display(description="one project?")
    def decide(self, pair: ProjectPair) -> SafeString:
        """The two buttons. They send the form of the list, whose token guards them."""
        yes, no = (reverse(f"admin:accounts_projectpair_{act}", args=[pair.pk]) for act in ("join", "decline"))
        button = '<button type="submit" formaction="{}" class="{}">{}</button>'
        said_no = pair.state == ProjectPair.State.DECLINED
        return format_html(
            '<div class="flex gap-2">{}{}</div>',
            format_html(button, yes, _BUTTON, "Yes, join them"),
            "" if said_no else format_html(button, no, _BUTTON, "No, keep apart"),
        )

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Whoever may change keys."""
        return request.user.has_perm("accounts.change_contributedkey")

    @admin.action(description="One project each: join", permissions=["decide"])
    @confirmed("Join the keys of these pairs?")
    def join_chosen(self, request: HttpRequest, queryset: QuerySet[ProjectPair]) -> None:
        """They are one project, each two."""
        self.act_on(request, queryset, join, "joined")

    @admin.action(description="Two projects each: keep apart", permissions=["decide"])
    def decline_chosen(self, request: HttpRequest, queryset: QuerySet[ProjectPair]) -> None:
        """They are two."""
        self.act_on(request, queryset, decline, "kept apart")

    def _decide(self, request: HttpRequest, pk: int, verb: Any, done: str) -> HttpResponse:
        if not self.has_decide_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        pair = get_object_or_404(ProjectPair, pk=pk)
        shown = str(pair)
        if verb(pair):
            self.note(request, [pair], done)
            self.message_user(request, f"{shown}: {done}.")
        else:
            self.message_user(request, f"{shown}: nothing to change.")
        return HttpResponseRedirect(reverse("admin:accounts_projectpair_changelist"))


def flagged() -> QuerySet[ProjectPair]:
    """The pairs that wait for an operator's word."""
    return ProjectPair.objects.filter(state=ProjectPair.State.FLAGGED)


def _names(domains: set[str]) -> dict[str, str]:
    """A project by its name, a key by how the other pages call it."""
    ids = [domain.removeprefix("key:") for domain in domains if domain.startswith("key:")]
    names = {f"key:{key.pk}": str(key) for key in ContributedKey.objects.filter(pk__in=ids)}
    return {
        domain: names.get(domain, "a key that is gone")
        if domain.startswith("key:")
        else f"project {domain.removeprefix('project:')}"
        for domain in domains
    }


def _one_line(name: str) -> SafeString:
    return format_html('<span class="whitespace-nowrap">{}</span>', name)
