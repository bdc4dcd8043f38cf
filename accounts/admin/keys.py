"""Contributed keys: taken in by a write-only field, disabled, enabled, checked; what each did day by day."""

from collections import Counter
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.timesince import timeuntil
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.admin.base import ModelAdmin, ReadOnlyAdmin, confirmed
from accounts.admin.skin import ChangeList, ModelForm, display
from accounts.contributing import (
    BY_HAND,
    approve_key,
    contribute,
    disable_key,
    enable_key,
    request_check,
    reset_cooldowns,
    verdict_on,
)
from accounts.models import ContributedKey, KeyDay
from accounts.redaction import redact
from accounts.standing import Standing, resting, standings

_CHECKED_AT_ONCE = 100


class KeyForm(ModelForm[ContributedKey]):
    """What a person may say of a key. A label that holds a key would show it on every page, so it is refused."""

    class Meta:
        model = ContributedKey
        fields = ("label", "project", "paid", "owner")

    def clean_label(self) -> str:
        """Refuse a label that looks like a key."""
        return _no_secret(self.cleaned_data["label"])

    def clean_project(self) -> str:
        """Refuse a project that looks like a key."""
        return _no_secret(self.cleaned_data["project"])


class NewKeyForm(KeyForm):
    """As above, and the key itself, which no page ever gives back."""

    key_text = forms.CharField(
        label="Gemini API key",
        max_length=400,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="It is sealed at once and never shown again.",
    )

    def clean_key_text(self) -> str:
        """Refuse what is no key and what is here already; the message never repeats the text."""
        text: str = self.cleaned_data["key_text"]
        verdict = verdict_on(text)
        if verdict == "malformed":
            raise forms.ValidationError("This is not the text of a Gemini API key.")
        if verdict == "duplicate":
            raise forms.ValidationError("This key is in the pool already.")
        return text


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


class RestingFilter(admin.SimpleListFilter):
    """Keys by whether their quota domain rests."""

    title = "resting"
    parameter_name = "resting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Resting or not."""
        return [("yes", "Resting now"), ("no", "Not resting")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> QuerySet[ContributedKey]:
        """The keys of the chosen kind."""
        if self.value() == "yes":
            return resting(queryset)
        if self.value() == "no":
            return queryset.exclude(pk__in=resting(ContributedKey.objects.all()).order_by().values("pk"))
        return queryset


@admin.register(ContributedKey)
class ContributedKeyAdmin(ModelAdmin[ContributedKey]):
    """Which keys can work now, which rest until when, which need a person and why."""

    form = KeyForm
    secret_fields = ("ciphertext", "fingerprint")
    list_display = (
        "__str__",
        "project",
        "condition",
        "rests",
        "requests_today",
        "last_error",
        "tier",
        "source",
        "upstream",
    )
    list_filter = ("state", RestingFilter, "upstream", "source", "paid")
    search_fields = ("label", "project", "=last_four")
    autocomplete_fields = ("owner",)
    readonly_fields = (
        *("state", "reason", "state_since", "last_checked", "cooldowns_reset"),
        *("upstream", "source", "last_four", "created", "updated"),
        *("paused", "keep_share", "allowed_models", "hours_utc", "successes"),
    )
    actions = ("disable", "enable", "approve", "verify", "reset_cooldown")
    fieldsets = (
        (None, {"fields": ("label", "project", "paid", "owner")}),
        ("State", {"fields": ("state", "reason", "state_since", "last_checked", "cooldowns_reset")}),
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
        """A key takes its days with it, though nobody may delete a day by itself."""
        to_delete, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, lacking - {KeyDay._meta.verbose_name}, protected

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
    def rests(self, key: Any) -> str:
        """For how long its quota domain still rests, for which model, and why."""
        standing: Standing = key.standing
        if not standing.rests:
            return "no"
        first, others = standing.rests[0], len(standing.rests) - 1
        more = f"; {others} more" if others else ""
        return f"{timeuntil(first.until, depth=1)} more, {first.model or 'all models'}: {first.reason}{more}"

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

    @admin.action(description="Disable", permissions=["change"])
    @confirmed("Disable these keys until someone enables them?")
    def disable(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> None:
        """No request is sent with them from now on."""
        self.act_on(request, queryset, lambda key: disable_key(key, BY_HAND), "disabled")

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> None:
        """They may be used again."""
        self.act_on(request, queryset, enable_key, "enabled")

    @admin.action(description="Approve", permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> None:
        """Those that wait for approval may be used from now on."""
        self.act_on(request, queryset, approve_key, "approved")

    @admin.action(description="Verify with the upstream", permissions=["change"])
    def verify(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> None:
        """Ask the upstream, without cost, whether it takes them."""
        keys = list(queryset[: _CHECKED_AT_ONCE + 1])
        if len(keys) > _CHECKED_AT_ONCE:
            self.message_user(
                request, f"Choose at most {_CHECKED_AT_ONCE} keys, or run check_keys for all.", messages.WARNING
            )
            return
        verdicts = request_check(keys)
        if verdicts is None:
            self.message_user(request, "This process has no way to ask the upstream.", messages.ERROR)
            return
        counts = Counter(verdicts.values())
        self.message_user(request, "; ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))

    @admin.action(description="Reset cooldowns", permissions=["change"])
    def reset_cooldown(self, request: HttpRequest, queryset: QuerySet[ContributedKey]) -> None:
        """Let their quota domains be asked again at once."""
        self.act_on(request, queryset, reset_cooldowns, "freed of their rests")


@admin.register(KeyDay)
class KeyDayAdmin(ReadOnlyAdmin[KeyDay]):
    """What each key did for each model on each Pacific day."""

    list_display = ("day", "key", "model", "requests", "refusals", "last_refusal", "prompt_tokens", "completion_tokens")
    list_filter = ("day",)
    list_select_related = ("key",)
    search_fields = ("model", "key__label", "key__project", "=key__last_four")
    date_hierarchy = "day"


def _no_secret(text: str) -> str:
    if redact(text) != text:
        raise forms.ValidationError("This looks like a key. It would be shown to everyone who sees this list.")
    return text
