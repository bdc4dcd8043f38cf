"""Who may watch: asked of the database when a socket opens and every two seconds after, so that it follows a logout."""

from enum import Enum
from typing import NamedTuple

from django.conf import settings
from django.contrib import admin, auth
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.module_loading import import_string

from accounts.sign_in.second_factor import lacks_second_factor


class Close(Enum):
    """The close codes of a socket that may not be, or not go on (RFC 6455, 7.4.2: 4000 and above are ours)."""

    SIGNED_OUT = 4401
    NOT_ALLOWED = 4403
    TOO_MANY = 4429
    TOO_SLOW = 4408


class Rights(NamedTuple):
    """What a watcher may see."""

    user_id: int
    key_events: bool


def rights_of(session_key: str | None) -> Rights | Close:
    """What the session's user may see now, or why the socket closes. Reads the database, nothing remembered."""
    session: SessionBase = import_string(settings.SESSION_ENGINE).SessionStore(session_key)
    request = HttpRequest()
    request.session = session
    # Django's own look: it checks the password's hash in the session as well.
    request.user = auth.get_user(request)
    if not request.user.is_authenticated:
        return Close.SIGNED_OUT
    if lacks_second_factor(request.user) or not admin.site.has_permission(request):
        return Close.NOT_ALLOWED
    if not request.user.has_perm("accounts.view_usagerecord"):
        return Close.NOT_ALLOWED
    return Rights(request.user.pk, request.user.has_perm("accounts.view_keyevent"))
