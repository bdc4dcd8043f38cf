"""Contributed keys: taken in by a write-only field, disabled, enabled, checked."""

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.timesince import timeuntil
from django.views.decorators.debug import sensitive_post_parameters

from accounts.admin.base import ModelAdmin, asked, confirmed
from accounts.admin.columns import in_lines
from accounts.admin.key_days import latest_days
from accounts.admin.key_filters import FailingFilter, ReasonFilter, RestingFilter
from accounts.admin.key_forms import CooldownForm, FactsForm, KeyForm, NewKeyForm
from accounts.admin.key_import import import_keys, show_task
from accounts.admin.quotas import latest_events
from accounts.admin.skin import ChangeList, ModelForm, display
from accounts.contributing import (
    BY_HAND,
    approve_key,
    contribute,
    disable_keys,
    enable_keys,
    erase_key,
    erase_keys,
    request_check,
    reset_cooldowns,
    rest_keys,
    set_facts,
)
from accounts.key_tasks import start_check
from accounts.models import ContributedKey, KeyDay, KeyEvent
from accounts.pool.outlook import Room
from accounts.standing import Standing, standings

_CHECKED_AT_ONCE = 20
_MODELS_SHOWN = 3


class KeyChangeList(ChangeList):
    """The list page, which asks for the standing of all its rows at once."""

    def get_results(self, request: HttpRequest) -> None:
        """The rows of this page, each with its standing."""
        super().get_results(request)
        keys = list(self.result_list)
        found = standings(keys)
        for key in keys:
            key.standing = found[key.pk]
        self.result_list = keys


@admin.register(ContributedKey)
class ContributedKeyAdmin(ModelAdmin[ContributedKey]):
    """Which keys can work now, which rest until when, which need a person and why."""

    when_empty = (
        "Without a key nobody is answered. Add one or import many; people may lend theirs too, at “Contribute”."
    )
    form = KeyForm
    secret_fields = ("ciphertext", "fingerprint")
    list_display = (
        "__str__",
        "project",
        "condition",
        "left_today",
        "cooldowns",
        "errors",
        "last_error",
        "requests_today",
        "tier",
        "source",
        "upstream",
    )
    list_filter = ("state", ReasonFilter, RestingFilter, FailingFilter, "paused", "paid", "source", "upstream")
    search_fields = ("label", "project", "=last_four")
    search_help_text = "A key's last four, label or project"
    autocomplete_fields = ("owner",)
    readonly_fields = (
        *("state", "reason", "state_since", "last_checked", "cooldowns_reset"),
        *("upstream", "source", "last_four", "created", "updated"),
        *("paused", "keep_share", "allowed_models", "hours_utc", "successes", "remaining", "days", "history"),
    )
    actions = ("check_keys", "set_cooldown", "reset_cooldown", "disable", "enable", "approve", "change_facts")
    actions_submit_line = ("check_this",)
    change_list_template = "accounts/admin/key_list.html"
    fieldsets = (
        (None, {"fields": ("label", "project", "paid", "owner")}),
        ("State", {"fields": ("state", "reason", "state_since", "last_checked", "cooldowns_reset")}),
        ("Quota and history", {"fields": ("remaining", "days", "history")}),
        (
            "What its contributor allows",
            {"fields": ("paused", "keep_share", "allowed_models", "hours_utc", "successes")},
        ),
        ("Origin", {"fields": ("upstream", "source", "last_four", "created", "updated")}),
    )
    add_fieldsets = ((None, {"fields": ("key_text", "label", "project", "paid", "owner")}),)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list page that knows each key's standing."""
        return KeyChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ContributedKey], search_term: str
    ) -> tuple[QuerySet[ContributedKey], bool]:
        """A key is found by its name as the list shows it, “label …1234”."""
        return super().get_search_results(request, queryset, search_term.replace("…", ""))

    def get_form(
        self, request: HttpRequest, obj: ContributedKey | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[ContributedKey]]:
        """The form with the field for the key, when one is added."""
        return super().get_form(request, obj, change, **(kwargs if change else {**kwargs, "form": NewKeyForm}))

    @method_decorator(sensitive_post_parameters("key_text"))
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Django's, with the key kept out of error reports."""
        return super().add_view(request, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: ContributedKey, form: Any, change: bool) -> None:
        """A new key goes through the verb; `obj` becomes the row it made."""
        if change:
            super().save_model(request, obj, form, change)
            return
        known = {name: form.cleaned_data[name] for name in ("label", "project", "paid", "owner")}
        made = contribute(form.cleaned_data["key_text"], source=ContributedKey.Source.ADMIN, **known).key
        assert made is not None  # noqa: S101 (the form has refused malformed texts)
        obj.pk = made.pk
        obj.refresh_from_db()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A key takes its days and events with it, though nobody may delete one of them by itself."""
        to_delete, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, lacking - {KeyDay._meta.verbose_name, KeyEvent._meta.verbose_name}, protected

    @display(
        description="state",
        ordering="state",
        label={
            "active": "success",
            "disabled": "danger",
            "received": "info",
            "waiting": "warning",
            "suspected": "warning",
        },
    )
    def condition(self, key: ContributedKey) -> tuple[str, str]:
        """Its state, and why."""
        if key.state == key.State.DISABLED:
            return key.state, f"disabled: {key.reason or 'no reason given'}"
        if key.state == key.State.ACTIVE:
            return (
                key.state,
                "paused by its contributor" if key.paused else "on trial" if key.in_quarantine else "active",
            )
        return key.state, key.get_state_display()

    @admin.display
    def cooldowns(self, key: Any) -> SafeString | str:
        """For how long its quota domain still rests, for which model, and why."""
        standing: Standing = key.standing
        if not standing.cooldowns:
            return "none"
        first, others = standing.cooldowns[0], len(standing.cooldowns) - 1
        lines = [
            f"until {first.until:%d %b %H:%M} UTC ({timeuntil(first.until, depth=1)})",
            f"{first.model or 'all models'}: {first.reason}" + (f"; {others} more" if others else ""),
        ]
        return in_lines(lines)

    @admin.display(description="left today")
    def left_today(self, key: Any) -> SafeString | str:
        """What is left of its quota domain's day, for each model that is known of."""
        return _rooms(key.standing.rooms, at_most=_MODELS_SHOWN)

    @admin.display(description="errors since yesterday")
    def errors(self, key: Any) -> int:
        """Refusals of this Pacific day and the one before."""
        return int(key.standing.errors)

    @admin.display(description="left today")
    def remaining(self, key: ContributedKey) -> SafeString | str:
        """The same for every model, on the page of one key."""
        return _rooms(standings([key])[key.pk].rooms)

    @admin.display(description="last days (Los Angeles)")
    def days(self, key: ContributedKey) -> SafeString | str:
        """What it did on each of the last days, and the way to all of them."""
        return latest_days(key)

    @admin.display(description="latest events")
    def history(self, key: ContributedKey) -> SafeString | str:
        """What became of it and of its quota domain."""
        return latest_events(key)

    @admin.display(ordering="paid")
    def tier(self, key: ContributedKey) -> str:
        """Whether its project has billing."""
        return "paid" if key.paid else "free"

    @admin.display(description="requests today")
    def requests_today(self, key: Any) -> int:
        """Requests since midnight in Los Angeles, where Gemini's quotas begin their day."""
        return int(key.standing.requests)

    @admin.display(description="last error")
    def last_error(self, key: Any) -> str:
        """The last refusal of the past week."""
        return str(key.standing.last_refusal) or "none"

    def get_urls(self) -> list[URLPattern]:
        """And the pages of the import and of what runs in the background."""
        view = self.admin_site.admin_view
        return [
            path("import/", view(import_keys), {"model_admin": self}, name="accounts_contributedkey_import"),
            path("task/<uuid:pk>/", view(show_task), {"model_admin": self}, name="accounts_contributedkey_task"),
            *super().get_urls(),
        ]

    def delete_model(self, request: HttpRequest, obj: ContributedKey) -> None:
        """Erase it, with all that was learned of its quota domain."""
        erase_key(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> None:
        """The same of many."""
        erase_keys(list(queryset))

    @admin.action(description="Disable", permissions=["change"])
    @confirmed("Disable these keys until someone enables them?")
    def disable(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> None:
        """No request is sent with them from now on."""
        self.act_on_all(request, queryset, lambda keys: disable_keys(keys, BY_HAND), "disabled")

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> None:
        """They may be used again."""
        self.act_on_all(request, queryset, enable_keys, "enabled")

    @admin.action(description="Approve", permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> None:
        """Those that wait for approval may be used from now on."""
        self.act_on(request, queryset, approve_key, "approved")

    @admin.action(description="Set a cooldown…", permissions=["change"])
    @asked(CooldownForm, "Let these keys rest")
    def set_cooldown(self, request: HttpRequest, queryset: QuerySet[ContributedKey], form: CooldownForm) -> None:
        """Their quota domains are asked for nothing until then."""
        until = form.until()
        self.act_on_all(
            request, queryset, lambda keys: rest_keys(keys, until), f"resting until {until:%d %b %H:%M} UTC"
        )

    @admin.action(description="Set project, tier or caps…", permissions=["change"])
    @asked(FactsForm, "Set what these keys have in common")
    def change_facts(self, request: HttpRequest, queryset: QuerySet[ContributedKey], form: FactsForm) -> None:
        """The same project, tier or caps for all of them."""

        def change(keys: list[ContributedKey]) -> set[Any]:
            set_facts(keys, form.facts())
            return {key.pk for key in keys}

        self.act_on_all(request, queryset, change, f"changed ({', '.join(form.facts())})")

    @admin.action(description="Check with the upstream", permissions=["change"])
    def check_keys(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> HttpResponse | None:
        """Ask the upstream, without cost, whether it takes them: at once, or many in the background."""
        if queryset.count() > _CHECKED_AT_ONCE:
            task = start_check(list(queryset.values_list("pk", flat=True)), request.user)  # type: ignore[arg-type]
            return HttpResponseRedirect(reverse("admin:accounts_contributedkey_task", args=[task.pk]))
        self._tell_verdicts(request, list(queryset))
        return None

    @admin.action(description="Save and check with the upstream", permissions=["change"])
    def check_this(self, request: HttpRequest, key: ContributedKey) -> None:
        """The same of one key, from its page."""
        self._tell_verdicts(request, [key])

    def response_change(self, request: HttpRequest, obj: ContributedKey) -> HttpResponse:
        """Whoever checks a key from its page stays there."""
        if "accounts_contributedkey_check_this" in request.POST:
            return HttpResponseRedirect(request.path)
        return super().response_change(request, obj)

    def _tell_verdicts(self, request: HttpRequest, keys: list[ContributedKey]) -> None:
        verdicts = request_check(keys)
        if verdicts is None:
            self.message_user(request, "This process has no way to ask the upstream.", messages.ERROR)
            return
        counts = Counter(verdicts.values())
        self.message_user(request, "; ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))

    @admin.action(description="Reset cooldowns", permissions=["change"])
    def reset_cooldown(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> None:
        """Let their quota domains be asked again at once."""
        self.act_on_all(request, queryset, reset_cooldowns, "freed of their cooldowns")


def _rooms(rooms: dict[str, Room], at_most: int | None = None) -> SafeString | str:
    """A line a model: “gemini-3.8-flash: 180 of 250”."""
    if not rooms:
        return "not used yet"
    shown = list(rooms.items())[:at_most]
    lines = [f"{model}: {_room_in_words(room)}" for model, room in shown]
    if len(rooms) > len(shown):
        lines.append(f"{len(rooms) - len(shown)} more")
    return in_lines(lines)


def _room_in_words(room: Room) -> str:
    return "no known limit" if room.left is None else f"{room.left:,} of {room.limit:,}"
