"""Invitations: made here, shown once, taken back by deleting them."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.admin.base import ModelAdmin
from accounts.admin.skin import ModelForm, display
from accounts.models import Invitation
from accounts.sign_in.invitations import write_new_invitation

_HOLDS = timedelta(days=7)


@admin.register(Invitation)
class InvitationAdmin(ModelAdmin[Invitation]):
    """Who was invited, and who has come."""

    when_empty = "An invitation lets one person sign up while TUMBLER_SIGN_UP is “invitation”. Its code is shown once."
    secret_fields = ("digest",)
    list_display = ("__str__", "state", "plan", "created", "expires")
    list_select_related = ("plan",)
    search_fields = ("note",)
    search_help_text = "Part of a note"
    readonly_fields = ("state", "created", "used")
    fieldsets = ((None, {"fields": ("note", "plan", "expires", "state", "created", "used")}),)
    add_fieldsets = ((None, {"fields": ("note", "plan", "expires")}),)

    def get_fieldsets(self, request: HttpRequest, obj: Invitation | None = None) -> Any:
        """A new one has no state yet."""
        return self.fieldsets if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Invitation | None = None) -> tuple[str, ...]:
        """How long it holds was said to whoever has it."""
        return (*self.readonly_fields, "expires") if obj else self.readonly_fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A week is enough as a rule."""
        return {"expires": timezone.now() + _HOLDS, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Invitation, form: ModelForm[Invitation], change: bool) -> None:
        """A new invitation gets its code here; it travels with this one request, to the page that shows it."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            request.invitation_code = write_new_invitation(obj)  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Invitation, post_url_continue: str | None = None) -> HttpResponse:
        """Show the code in the answer to the form itself, so that no cookie, session or second page ever holds it."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Invitation made",
            "subtitle": None,
            "opts": self.opts,
            "invitation": obj,
            "code": request.invitation_code,  # type: ignore[attr-defined]
            "signup_url": request.build_absolute_uri(reverse("account_signup")),
            "list_url": reverse("admin:accounts_invitation_changelist"),
        }
        return TemplateResponse(request, "accounts/admin/invitation_made.html", context)

    @display(description="state", label={"open": "info", "used": "success", "expired": "warning"})
    def state(self, invitation: Invitation) -> str:
        """Whether somebody can still come by it."""
        if invitation.used:
            return "used"
        return "open" if invitation.expires > timezone.now() else "expired"
