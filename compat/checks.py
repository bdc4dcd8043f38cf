"""System checks of what this app is told: the upstream's address, the default model, the time limits, the mappings."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from compat.models import MappingTarget, ModelMapping

E101 = "tumbler.E101"
E102 = "tumbler.E102"
E104 = "tumbler.E104"
W101 = "tumbler.W101"
W102 = "tumbler.W102"

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@register(Tags.security)
def check_upstream_address(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Every contributed key is sent to this address: it must be one, and not a readable road through a network."""
    try:
        parts = urlsplit(settings.GEMINI_BASE_URL)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return [_no_address()]
    if not usable or parts.username is not None or parts.query or parts.fragment:
        return [_no_address()]
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return [
            Warning(
                "GEMINI_BASE_URL is http: contributed keys and prompts travel readable for everyone on the way.",
                hint="Use https, except for a server on this machine.",
                id=W102,
            )
        ]
    return []


@register()
def check_default_model(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """The model for names that are not mapped."""
    if not settings.DEFAULT_MODEL.isprintable() or " " in settings.DEFAULT_MODEL:
        return [Error("DEFAULT_MODEL must be the name of a model, without spaces.", id=E102)]
    return []


@register()
def check_time_limits(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """A limit of no time at all would refuse every request."""
    return [
        Error(f"TUMBLER_{name} must be more than 0 seconds.", id=E104)
        for name in ("CONNECT_SECONDS", "FIRST_BYTE_SECONDS", "IDLE_SECONDS", "TOTAL_SECONDS", "KEEP_ALIVE_SECONDS")
        if not getattr(settings, name) > 0
    ]


@register(Tags.database)
def check_mappings(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """A mapping that is switched on and has no target leaves its name unmapped, which its editor hardly meant."""
    tables = connections["default"].introspection.table_names() if "default" in (databases or ()) else []
    if MappingTarget._meta.db_table not in tables:
        return []
    names = ModelMapping.objects.filter(enabled=True, targets=None).values_list("name", flat=True)
    return [
        Warning(f"The model mapping {name} has no target, so it does not count.", hint="Give it one.", id=W101)
        for name in names
    ]


def _no_address() -> Error:
    return Error(
        "GEMINI_BASE_URL must be an http or https address without user, query or fragment.",
        hint="Such as https://generativelanguage.googleapis.com; /v1beta/… is appended.",
        id=E101,
    )
