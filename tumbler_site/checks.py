"""System checks of how the site is put up: who can reach it, who can read its files, what it shows when it fails."""

import stat
from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from tumbler_site.env import env_str
from tumbler_site.serving.listening import is_loopback

E201 = "tumbler.E201"
W201 = "tumbler.W201"
W202 = "tumbler.W202"
W203 = "tumbler.W203"

_LOCAL_NAMES = {"localhost", ".localhost", "127.0.0.1", "[::1]"}


@register(Tags.security)
def check_open_access(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Open access is for one's own machine: with any other HOST it is an error."""
    if not settings.OPEN_ACCESS or not _is_public():
        return []
    return [
        Error(
            "TUMBLER_OPEN_ACCESS lets anyone in who can reach HOST.",
            hint="Listen on 127.0.0.1, or leave TUMBLER_OPEN_ACCESS out and use issued tokens.",
            id=E201,
        )
    ]


@register(Tags.security)
def check_debug(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Error pages with DEBUG show settings and local variables."""
    if not settings.DEBUG:
        return []
    return [Warning("TUMBLER_DEBUG is on: error pages show code and data.", hint="For development only.", id=W201)]


@register(Tags.security)
def check_data_directory(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """The data directory holds secrets, the database and the usage journal: for its owner alone."""
    if not stat.S_IMODE(settings.DATA_DIR.stat().st_mode) & 0o077:
        return []
    return [
        Warning(
            f"Other users of this machine can look into {settings.DATA_DIR}.",
            hint=f"chmod 700 {settings.DATA_DIR}",
            id=W202,
        )
    ]


@register(Tags.security)
def check_allowed_hosts(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """A public HOST that answers under local names only is a setting forgotten."""
    if not _is_public() or not set(settings.ALLOWED_HOSTS) <= _LOCAL_NAMES:
        return []
    return [
        Warning(
            "HOST is not a loopback address, but requests are answered under local names only; others get a 400.",
            hint="Set TUMBLER_ALLOWED_HOSTS to the names and addresses that people use.",
            id=W203,
        )
    ]


def _is_public() -> bool:
    return not is_loopback(env_str("HOST", "127.0.0.1"))
