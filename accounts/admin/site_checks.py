"""The site's own system checks on the admin's first page, each with its mend."""

from collections.abc import Iterator
from typing import NamedTuple

from django.core.checks import CheckMessage, Tags
from django.core.checks.registry import registry

_OURS = ("accounts", "compat", "tumbler_site")


class Finding(NamedTuple):
    """What a check found."""

    id: str
    sentence: str
    mend: str
    serious: bool


def findings() -> list[Finding]:
    """Those of our checks that ask no database: the others were run at the start, and `manage.py check` runs all."""
    return [
        Finding(str(message.id), message.msg, message.hint or "", message.is_serious())
        for message in sorted(_messages(), key=lambda message: -message.level)
    ]


def _messages() -> Iterator[CheckMessage]:
    for check in registry.get_checks():
        if check.__module__.partition(".")[0] in _OURS and Tags.database not in check.tags:
            yield from check(app_configs=None, databases=None)
