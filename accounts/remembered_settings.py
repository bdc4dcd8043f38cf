"""Django's settings for the path of a request, at hand: Django's own object takes 0.4 µs every time.

A request reads a dozen of them. Whoever sets one in a running process, as `serve` does, has them looked up again.
"""

from typing import TYPE_CHECKING

from django.conf import settings as _settings
from django.core.signals import setting_changed

__all__ = ["forget", "settings"]


class _Remembered:
    """Every setting is an attribute of its own, which Python finds at once: a class that looks for names is asked anew."""


def forget(**_: object) -> None:
    """Look every setting up again: one was changed, as tests do."""
    known = vars(_remembered)
    known.clear()
    known.update((name, getattr(_settings, name)) for name in dir(_settings) if name.isupper())


_remembered = _Remembered()
forget()
setting_changed.connect(forget)

if TYPE_CHECKING:
    settings = _settings
else:
    settings = _remembered
