"""The public status of the pool: what anybody may know. No key, no person, and no exact size of a small pool."""

import math
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import ContributedKey
from accounts.pool.outlook import ModelOutlook, outlook

_REMEMBER_SECONDS = 5.0
# Of a smaller pool neither the size nor what is left is told: from what is left the size could be guessed.
_SMALL_POOL = 5
_STEP = 5

_remembered: tuple[float, dict[str, Any]] | None = None


def current() -> dict[str, Any]:
    """The snapshot of now, at most 5 s old. Asks the database when it is older."""
    global _remembered
    now = time.monotonic()
    if _remembered is None or now - _remembered[0] >= _REMEMBER_SECONDS:
        _remembered = now, snapshot(outlook(), keys=_size(), now=time.time())
    return _remembered[1]


def forget() -> None:
    """Ask anew next time."""
    global _remembered
    _remembered = None


def snapshot(models: Iterable[ModelOutlook], *, keys: int, now: float) -> dict[str, Any]:
    """What /status.json answers; `keys` is the number of usable keys, `now` Unix time."""
    return {
        "object": "pool_status",
        "upstream": "simulator" if settings.SIMULATOR else "gemini",
        "keys": "none"
        if keys == 0
        else f"fewer than {_SMALL_POOL}"
        if keys < _SMALL_POOL
        else f"about {_rounded(keys)}",
        "generated_at": _iso(now),
        "models": [_told(model, tell_remaining=keys >= _SMALL_POOL) for model in models],
    }


def in_words(snapshot: dict[str, Any]) -> dict[str, Any]:
    """A snapshot as the page shows it."""
    resets = {model["next_reset"] for model in snapshot["models"]}
    return {
        **snapshot,
        "keys_words": _keys_in_words(snapshot["keys"]),
        "models": [_model_in_words(model) for model in snapshot["models"]],
        "resets_words": ", ".join(f"{datetime.fromisoformat(reset):%H:%M} UTC" for reset in sorted(resets)),
        "time_words": f"{datetime.fromisoformat(snapshot['generated_at']):%H:%M:%S} UTC",
    }


def _model_in_words(model: dict[str, Any]) -> dict[str, Any]:
    wait, left, first = model["expected_wait_seconds"], model["remaining_today"], model["p50_first_token_ms"]
    return {
        **model,
        "wait_words": "" if wait is None else _duration(wait),
        "remaining_words": _("fewer than {count}").format(count=_STEP)
        if left == 0 and model["available"]
        else f"{left:,}"
        if left is not None
        else "",
        "first_token_words": "" if first is None else f"{first / 1000:.2f} s" if first else "< 0.01 s",
    }


def _keys_in_words(keys: str) -> str:
    """“Fewer than 5 keys take turns.”, of the snapshot's “fewer than 5”."""
    count = keys.rpartition(" ")[2]
    if keys.startswith("fewer"):
        return _("Fewer than {count} keys take turns.").format(count=count)
    return _("About {count} keys take turns.").format(count=count)


def _duration(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.0f} h"


def _told(model: ModelOutlook, *, tell_remaining: bool) -> dict[str, Any]:
    remaining = model.remaining_today
    return {
        "model": model.model,
        "available": model.wait_seconds <= 0,
        "remaining_today": _rounded(remaining) if remaining is not None and tell_remaining else None,
        "expected_wait_seconds": math.ceil(model.wait_seconds) if math.isfinite(model.wait_seconds) else None,
        "p50_first_token_ms": None if model.p50_first_byte_ms is None else round(model.p50_first_byte_ms, -1),
        "next_reset": _iso(model.resets_at),
    }


def _rounded(number: int) -> int:
    """Down to two digits: 1,140 becomes 1,100, and 17 becomes 15."""
    step = _STEP if number < 100 else 10 ** (len(str(number)) - 2)
    return number // step * step


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _size() -> int:
    upstream = ContributedKey.Upstream.SIMULATOR if settings.SIMULATOR else ContributedKey.Upstream.GEMINI
    return ContributedKey.objects.filter(upstream=upstream, state=ContributedKey.State.ACTIVE, paused=False).count()
