"""The forms of the login, and of the sign-up, which may ask for the code of an invitation."""

from typing import Any

from allauth.account.forms import LoginForm as TheirLoginForm
from allauth.account.forms import SignupForm as TheirSignupForm
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import Invitation
from accounts.sign_in.invitations import take, usable


class LoginForm(TheirLoginForm):  # type: ignore[misc]
    """Name or e-mail, and password. Labels say what goes where; a placeholder would say it twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the placeholders away."""
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("E-mail or name")
        _without_placeholders(self)


class SignupForm(TheirSignupForm):  # type: ignore[misc]
    """E-mail and password; with TUMBLER_SIGN_UP=invitation the code of one, which is good for one account."""

    invitation = forms.CharField(
        label=_("Invitation code"),
        max_length=100,
        help_text=_("You have it from whoever runs this server. It is good for one account."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": _("Without an invitation nobody can sign up here.")},
    )
    field_order = ("invitation", "email", "password1")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ask for an invitation where one is needed."""
        super().__init__(*args, **kwargs)
        _without_placeholders(self)
        self._invitation: Invitation | None = None
        if settings.SIGN_UP != "invitation":
            del self.fields["invitation"]

    def clean_invitation(self) -> str:
        """Refuse what is no invitation, or one that is used or too old."""
        code: str = self.cleaned_data["invitation"].strip()
        self._invitation = usable(code)
        if self._invitation is None:
            raise forms.ValidationError(_("This is not the code of an invitation that still holds."))
        return code

    def try_save(self, request: HttpRequest) -> tuple[Any, Any]:
        """The new user and no answer, or no user and what to answer.

        The invitation is used up also where the address has an account already: otherwise it would tell that it has.
        """
        if self._invitation is not None:
            take(self._invitation)
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])  # As long as a new account takes.
        user, response = super().try_save(request)
        if user is not None and self._invitation is not None and self._invitation.plan is not None:
            user.plan = self._invitation.plan
            user.save(update_fields=["plan"])
        return user, response


def _without_placeholders(form: forms.Form) -> None:
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
