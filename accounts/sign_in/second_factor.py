"""TUMBLER_STAFF_SECOND_FACTOR: members of staff do nothing here before they have a second factor."""

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _

from accounts.models import User

# What one needs to get one, or to leave.
_ALLOWED = ("/accounts/2fa/", "/accounts/reauthenticate/", "/accounts/logout/", "/accounts/email/", "/language/")


def lacks_second_factor(user: object) -> bool:
    """True of a member of staff who must have a second factor and has none. Asks the database."""
    return (
        settings.STAFF_SECOND_FACTOR
        and isinstance(user, User)
        and user.is_staff
        and not is_mfa_enabled(user, ["totp", "webauthn"])
    )


class StaffSecondFactor(MiddlewareMixin):
    """Middleware: sends them to the page where they set one up."""

    def process_view(self, request: HttpRequest, *view: object) -> HttpResponseBase | None:
        """The way there, or None."""
        if not settings.STAFF_SECOND_FACTOR or request.path.startswith(_ALLOWED):
            return None
        if not lacks_second_factor(request.user):
            return None
        messages.warning(request, _("Members of staff need a second factor here. Set one up to go on."))
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=403)
        return redirect("mfa_index")
