"""Models that the upstream says are gone: not asked again for a day."""

import time

REMEMBER_SECONDS = 24 * 60 * 60
_AT_MOST = 1_000

_until: dict[str, float] = {}


def is_gone(model: str) -> bool:
    """True when the model was found gone within a day."""
    until = _until.get(model)
    return until is not None and until > time.time()


def remember_gone(model: str) -> None:
    """Ask this model no more for a day. Clients may make names up, so the oldest give way."""
    _until.pop(model, None)
    while len(_until) >= _AT_MOST:
        del _until[next(iter(_until))]
    _until[model] = time.time() + REMEMBER_SECONDS


def forget_gone() -> None:
    """Ask every model again."""
    _until.clear()
