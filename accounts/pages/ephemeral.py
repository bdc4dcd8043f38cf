"""The token on which a page of a signed-in person asks the API."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.ephemeral import LIFETIME, issue_ephemeral
from accounts.pages.requests import signed_in


@never_cache
@login_required
@require_POST
def token(request: HttpRequest) -> JsonResponse:
    """A new one, and for how many seconds it holds. A forged request gets none: CSRF is checked."""
    return JsonResponse({"token": issue_ephemeral(signed_in(request)), "seconds": int(LIFETIME.total_seconds())})
