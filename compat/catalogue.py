"""Which models there are to list: mapped names, and the Gemini models that the pool's keys are offered."""

import asyncio
import contextvars
import time
from typing import Any, NamedTuple

from accounts import pool
from accounts.callers import Caller
from accounts.pool import Lease
from compat.gemini.failures import GeminiFailure
from compat.mapping import Mapping, mappings, spellings
from compat.relay.gone import is_gone
from compat.relay.upstream import gemini

_FRESH_SECONDS = 15 * 60
_AGAIN_SECONDS = 30
_METHODS = {"generateContent", "embedContent"}

Model = dict[str, Any]
"""A model as Gemini tells of it."""


class Listed(NamedTuple):
    """A name to list, and the model that it stands for: of several the first, None where the pool is not offered it."""

    name: str
    mapping: Mapping | None
    offered: Model | None


class _Offered(NamedTuple):
    models: dict[str, Model]
    until: float


_offered = _Offered({}, 0.0)
_asking: asyncio.Task[None] | None = None


async def listed_models(caller: Caller) -> list[Listed]:
    """The names that this caller may use: mapped ones first, then Gemini's own."""
    exact = (await mappings()).exact.values()
    offered = await _offered_models()
    mapped = {
        mapping.name: Listed(mapping.name, mapping, offered.get(mapping.targets[0]))
        for mapping in exact
        if mapping.listed
    }
    own = [Listed(name, None, model) for name, model in offered.items() if name not in mapped and not is_gone(name)]
    return [listed for listed in (*mapped.values(), *own) if caller.may_use(spellings(listed.name))]


async def _offered_models() -> dict[str, Model]:
    """What some key of the pool is offered, at most a quarter of an hour old; nothing while none can be asked."""
    global _asking
    if time.monotonic() > _offered.until and (_asking is None or _asking.done()):
        _asking = asyncio.get_running_loop().create_task(_ask(), context=contextvars.Context())
    if _asking is not None and not _offered.models:
        # Only who comes first waits, and not for long: the mapped names are there without it.
        await asyncio.wait((_asking,), timeout=3)
    return _offered.models


async def _ask() -> None:
    global _offered
    await pool.ready()
    lease = await pool.lease("", ())
    models = _offered.models
    until = time.monotonic() + _AGAIN_SECONDS
    if isinstance(lease, Lease):
        try:
            found = (await gemini().models(lease.secret)).models or ()
            models = {name: model for model in found if (name := _name_of(model))}
            until = time.monotonic() + _FRESH_SECONDS
        except GeminiFailure:
            pass
    _offered = _Offered(models, until)


def forget_offered() -> None:
    """Ask again at the next request."""
    global _offered, _asking
    _offered, _asking = _Offered({}, 0.0), None


def _name_of(model: Model) -> str:
    """Its name without `models/`; "" for one that answers nothing which is asked here."""
    methods = model.get("supportedGenerationMethods")
    serves = isinstance(methods, list) and any(method in _METHODS for method in methods)
    return str(model.get("name", "")).removeprefix("models/") if serves else ""
