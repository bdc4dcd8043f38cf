"""Issued tokens: made here, shown once, limited, revoked."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.admin.base import ModelAdmin, confirmed
from accounts.admin.columns import HolderColumns, ago, tokens_this_month
from accounts.admin.names import NamesField
from accounts.admin.skin import ModelForm, display
from accounts.issuing import revoke_token, write_new_token
from accounts.models import LIMIT_FIELDS, IssuedToken
from accounts.token_text import prefix_of

_BOUNDS = ("allowed_models", "scopes", "allowed_networks", "tells_sub_users")


class StateFilter(admin.SimpleListFilter):
    """Tokens by what a request with one would meet."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states of _state()."""
        return [
            ("usable", "Usable"),
            ("expired", "Expired"),
            ("revoked", "Revoked"),
            ("user disabled", "User disabled"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[IssuedToken]) -> QuerySet[IssuedToken]:
        """The tokens in the chosen state."""
        alive = Q(expires=None) | Q(expires__gt=timezone.now())
        match self.value():
            case "usable":
                return queryset.filter(alive, revoked=None, user__is_active=True)
            case "expired":
                return queryset.filter(revoked=None).exclude(alive)
            case "revoked":
                return queryset.exclude(revoked=None)
            case "user disabled":
                return queryset.filter(alive, revoked=None, user__is_active=False)
        return queryset


class TokenForm(ModelForm[IssuedToken]):
    """A token's form, with its models as a list for people."""

    allowed_models = NamesField(
        help_text="Names or patterns, one a line: gpt-4*, gemini-3.8-flash. Empty: every model.",
    )

    allowed_networks = NamesField(
        help_text="Addresses or networks it may be sent from, one a line: 192.0.2.7, 2001:db8::/32. Empty: anywhere.",
    )
    scopes = forms.MultipleChoiceField(
        choices=IssuedToken.Scope.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What it may be used for. None chosen: everything.",
    )

    class Meta:
        model = IssuedToken
        fields = ("user", "name", "expires", *_BOUNDS, *LIMIT_FIELDS)


@admin.register(IssuedToken)
class IssuedTokenAdmin(HolderColumns, ModelAdmin[IssuedToken]):
    """Whose token, does it still hold, what may it do, who uses it most."""

    when_empty = (
        "A token is what a program sends to this server. Issue one, or let people make their own on the page “Tokens”."
    )
    form = TokenForm
    secret_fields = ("digest", "pepper_version")
    list_display = ("__str__", "user", "state", "expires", "models", "own_limits", "used_this_month", "last_request")
    list_filter = (StateFilter, "created", "expires")
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "prefix")
    search_help_text = "A token's beginning, name or user"
    autocomplete_fields = ("user",)
    readonly_fields = ("state", "prefix", "created", "revoked", "last_used")
    actions = ("revoke",)
    fieldsets = (
        (None, {"fields": ("user", "name", "state", "expires")}),
        ("What it may do", {"fields": _BOUNDS}),
        (
            "Limits",
            {"fields": LIMIT_FIELDS, "description": "Of this token alone. An empty field is no limit of its own."},
        ),
        ("Dates", {"fields": ("prefix", "created", "revoked", "last_used")}),
    )
    add_fieldsets = (
        (None, {"fields": ("user", "name", "expires")}),
        *fieldsets[1:3],
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[IssuedToken]:
        """Each token with what it used this month; those that pages make for themselves are nobody's to look after."""
        return super().get_queryset(request).filter(ephemeral=False).annotate(month=tokens_this_month("token"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[IssuedToken], search_term: str
    ) -> tuple[QuerySet[IssuedToken], bool]:
        """A token is found by its beginning as the list shows it, “tumbler-AbCd1234…”, and by the whole of it."""
        if search_term.startswith("tumbler-"):
            return queryset.filter(prefix=prefix_of(search_term.rstrip("…"))), False
        return super().get_search_results(request, queryset, search_term)

    def get_readonly_fields(self, request: HttpRequest, obj: IssuedToken | None = None) -> tuple[str, ...]:
        """A token stays with the user it was issued to."""
        fixed = tuple(super().get_readonly_fields(request, obj))
        return (*fixed, "user") if obj else fixed

    def save_model(self, request: HttpRequest, obj: IssuedToken, form: ModelForm[IssuedToken], change: bool) -> None:
        """A new token gets its text here; it travels with this one request, to the page that shows it."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            request.issued_token_text = write_new_token(obj)  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: IssuedToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the token in the answer to the form itself, so that no cookie, session or second page ever holds it."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Token issued",
            "subtitle": None,
            "opts": self.opts,
            "token": obj,
            "text": request.issued_token_text,  # type: ignore[attr-defined]
            "list_url": reverse("admin:accounts_issuedtoken_changelist"),
        }
        return TemplateResponse(request, "accounts/admin/token_issued.html", context)

    @display(
        description="state",
        label={"usable": "success", "expired": "warning", "user disabled": "warning", "revoked": "danger"},
    )
    def state(self, token: IssuedToken) -> str:
        """What a request with it would meet."""
        return _state(token)

    @admin.display(description="models")
    def models(self, token: IssuedToken) -> str:
        """The models it may use."""
        return ", ".join(map(str, token.allowed_models)) or "every model"

    @admin.display(description="last request", ordering="last_used")
    def last_request(self, token: IssuedToken) -> str:
        """When it was last used, to the minute."""
        return ago(token.last_used)

    @admin.action(description="Revoke", permissions=["change"])
    @confirmed("Revoke these tokens? It cannot be undone.")
    def revoke(self, request: HttpRequest, queryset: QuerySet[IssuedToken]) -> None:
        """Refuse them from now on, in every process within 5 s."""
        self.act_on(request, queryset, revoke_token, "revoked")


def _state(token: IssuedToken) -> str:
    if token.revoked:
        return "revoked"
    if not token.is_usable(timezone.now()):
        return "expired"
    return "usable" if token.user.is_active else "user disabled"
