"""Users, plans and groups."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.admin.base import ModelAdmin
from accounts.admin.columns import HolderColumns, ago, limits_in_words, list_link, tokens_this_month
from accounts.models import LIMIT_FIELDS, IssuedToken, Plan, User

_POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(HolderColumns, DjangoUserAdmin, ModelAdmin[User]):  # type: ignore[type-arg]
    """Who may be issued tokens, on which plan, and who uses most."""

    when_empty = "Whoever signs up, or is added here, may have tokens."
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    secret_fields = ("password",)
    list_display = ("username", "plan", "own_limits", "tokens", "used_this_month", "last_seen", "is_active", "is_staff")
    list_filter = ("is_active", "plan", "is_staff", "is_superuser")
    list_select_related = ("plan",)
    search_fields = ("username", "email", "first_name", "last_name")
    search_help_text = "Part of a name or e-mail address"
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password", "email", "first_name", "last_name")}),
        (
            "Plan and limits",
            {"fields": ("plan", "time_zone", *LIMIT_FIELDS), "description": "A limit here overrides the plan's."},
        ),
        ("Rights", {"fields": ("is_active", *_POWERS)}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "usable_password", "password1", "password2", "plan")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Each user with what the list shows of their tokens."""
        own = IssuedToken.objects.filter(user=OuterRef("pk")).order_by().values("user")
        usable = own.filter(revoked=None)
        users: QuerySet[User] = super().get_queryset(request)
        return users.annotate(
            token_count=Coalesce(Subquery(usable.values(count=Count("pk"))), 0),
            last_use=Subquery(own.values(last=Max("last_used"))),
            month=tokens_this_month("user"),
        )

    @admin.display(description="tokens", ordering="token_count")
    def tokens(self, user: Any) -> SafeString:
        """How many of their tokens are not revoked, with the way there."""
        return list_link(IssuedToken, user.token_count, user__id=user.pk)

    @admin.display(description="last request", ordering="last_use")
    def last_seen(self, user: Any) -> str:
        """When a token of theirs was last used, to the minute."""
        return ago(user.last_use)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new user starts on the default plan."""
        default = Plan.objects.filter(is_default=True).first()
        return {"plan": default.pk if default else None, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Only a superuser hands out powers; others could make themselves one."""
        fixed = tuple(super().get_readonly_fields(request, obj))
        return fixed if request.user.is_superuser else (*fixed, *_POWERS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser's account, password included, is changed by superusers alone."""
        return _may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser's account is deleted by superusers alone."""
        return _may_touch(request, obj) and super().has_delete_permission(request, obj)


@admin.register(Plan)
class PlanAdmin(ModelAdmin[Plan]):
    """The limits that hold for everyone on the plan."""

    when_empty = "A plan gives the same limits to everyone on it."
    list_display = ("name", "limits", "people", "is_default")
    search_fields = ("name",)
    search_help_text = "Part of a plan's name"
    fieldsets = (
        (None, {"fields": ("name", "is_default")}),
        ("Limits", {"fields": LIMIT_FIELDS, "description": "An empty field is no limit."}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        """Each plan with how many are on it."""
        return super().get_queryset(request).annotate(user_count=Count("users"))

    @admin.display
    def limits(self, plan: Plan) -> str:
        """The limits that are set."""
        return limits_in_words(plan)

    @admin.display(description="users", ordering="user_count")
    def people(self, plan: Any) -> SafeString:
        """How many users are on it, with the way there."""
        return list_link(User, plan.user_count, plan__id=plan.pk)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin[Group]):
    """Rights that several members of staff share."""

    when_empty = "A group gives several members of staff the same rights."
    search_help_text = "Part of a group's name"


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or not user.is_superuser or request.user.is_superuser
