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
    context = {
        **admin.site.each_context(request),
        "title": _("Live traffic"),
        "subtitle": None,
        "user_url": _row_url("user") if request.user.has_perm("accounts.view_user") else "",
        "record_url": _row_url("usagerecord"),
        "sees_keys": request.user.has_perm("accounts.view_keyevent"),
    }
    return TemplateResponse(request, "accounts/admin/live.html", context)


def _row_url(table: str) -> str:
    """The address of a row's page, with ROW where its number goes."""
    return reverse(f"admin:accounts_{table}_change", args=("ROW",))
