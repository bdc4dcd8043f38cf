"""Typed readers of environment variables: a value that is not understood stops the start and names itself."""

import os
from collections.abc import Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def env_str(name: str, default: str = "") -> str:
    """The text of `name`, stripped; `default` when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def env_choice(name: str, default: str, choices: Sequence[str]) -> str:
    """The text of `name`, one of `choices`."""
    text = env_str(name, default)
    if text not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {text!r}.")
    return text


def env_level(name: str, default: str) -> str:
    """The log level of `name`, in capitals or not."""
    level = env_str(name, default).upper()
    if level not in _LEVELS:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(_LEVELS)}, not {level!r}.")
    return level


def env_bool(name: str, *, default: bool = False) -> bool:
    """The truth of `name`: 1, true, yes, on or 0, false, no, off."""
    raw = os.environ.get(name)
    if raw is None:
        return default
    word = raw.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {raw!r}.")


def env_int(name: str, default: int, *, at_least: int = 0) -> int:
    """The whole number in `name`, refused below `at_least`."""
    raw = env_str(name)
    if not raw:
        return default
    try:
        number = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {raw!r}.") from None
    if number < at_least:
        raise ImproperlyConfigured(f"{name} must be at least {at_least}, not {number}.")
    return number


def env_float(name: str, default: float, *, at_least: float = 0.0) -> float:
    """The number in `name` (seconds, mostly), refused below `at_least`."""
    raw = env_str(name)
    if not raw:
        return default
    try:
        number = float(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {raw!r}.") from None
    if not number >= at_least:
        raise ImproperlyConfigured(f"{name} must be at least {at_least}, not {raw}.")
    return number


def env_list(name: str, default: Sequence[str] = ()) -> list[str]:
    """The comma-separated parts of `name`, without the empty ones."""
    parts = [part.strip() for part in os.environ.get(name, "").split(",")]
    return [part for part in parts if part] or list(default)


def env_secret(name: str) -> str:
    """The secret in `name`, or in the file that `name`_FILE points to; "" when there is neither."""
    path = env_str(f"{name}_FILE")
    if not path:
        return env_str(name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE: {path} cannot be read: {error.strerror}.") from None
