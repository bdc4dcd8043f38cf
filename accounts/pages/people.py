"""Who is at a page: a signed-in person, whose clock it goes by."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.limits.periods import zone_named
from accounts.models import User

View = Callable[..., HttpResponseBase]


def signed_in(view: View) -> View:
    """A view for people who have signed in: others are sent to the login. Times are shown in the person's time zone."""

    @never_cache
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with timezone.override(zone_named(person(request).time_zone)):
            return view(request, *args, **kwargs)

    return guarded


def person(request: HttpRequest) -> User:
    """Whose page it is: everything that a view shows or changes is looked up from here."""
    assert isinstance(request.user, User)  # noqa: S101 (signed_in saw to it)
    return request.user
