"""Django's settings for the path of a request, each looked up once: Django's own object takes 0.4 µs every time.

A request reads a dozen of them. What `serve` sets is set before the first.
"""

from typing import TYPE_CHECKING, Any

from django.conf import settings as _settings
from django.core.signals import setting_changed

__all__ = ["forget", "settings"]


class _Remembered:
    """An attribute of Django's settings becomes one of its own when it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(_settings, name)
        setattr(self, name, value)
        return value


def forget(**_: object) -> None:
    """Look every setting up again: one was changed, as tests do."""
    vars(_remembered).clear()


_remembered = _Remembered()
setting_changed.connect(forget)

if TYPE_CHECKING:
    settings = _settings
else:
    settings = _remembered
