"""The live page: requests as they run and end, pushed by accounts/live."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The page; what it shows comes through its socket. For those who may see usage records."""
    if not request.user.has_perm("accounts.view_usagerecord"):
        raise PermissionDenied
    may_see_users = request.user.has_perm("accounts.view_user")
    context = {
        **admin.site.each_context(request),
        "title": _("Live traffic"),
        "subtitle": None,
        # ROW stands where the number of a row goes.
        "user_url": reverse("admin:accounts_user_change", args=["ROW"]) if may_see_users else "",
        "record_url": reverse("request", args=["ROW"]),
        "sees_keys": request.user.has_perm("accounts.view_keyevent"),
    }
    return TemplateResponse(request, "accounts/admin/live.html", context)
