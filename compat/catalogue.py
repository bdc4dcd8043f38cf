"""Which models there are to list: mapped names, and the Gemini models that the pool's keys are offered."""

import asyncio
import contextvars
import time
from typing import Any, NamedTuple

from accounts import pool
from accounts.callers import Caller
from accounts.pool import Lease
from compat.gemini.failures import GeminiFailure
from compat.mapping import mappings, spellings
from compat.relay.gone import is_gone
from compat.relay.upstream import gemini

_FRESH_SECONDS = 15 * 60
_AGAIN_SECONDS = 30
_METHODS = {"generateContent", "embedContent"}


class _Offered(NamedTuple):
    models: tuple[dict[str, Any], ...]
    until: float


_offered = _Offered((), 0.0)
_asking: asyncio.Task[None] | None = None


async def listed_models(caller: Caller) -> list[dict[str, Any]]:
    """OpenAI's model objects that this caller may use: mapped names first, then Gemini's own."""
    mapped = [
        _model(mapping.name, "gemini-tumbler", mapping.created)
        for mapping in (await mappings()).exact.values()
        if mapping.listed
    ]
    names = {model["id"] for model in mapped}
    offered = [model for model in await _offered_models() if model["id"] not in names and not is_gone(model["id"])]
    return [model for model in (*mapped, *offered) if caller.may_use(*spellings(model["id"]))]


async def _offered_models() -> tuple[dict[str, Any], ...]:
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
            models = tuple(
                _model(model.name.removeprefix("models/"), "google", 0, model.inputTokenLimit)
                for model in found
                if _METHODS & set(model.supportedGenerationMethods or ())
            )
            until = time.monotonic() + _FRESH_SECONDS
        except GeminiFailure:
            pass
    _offered = _Offered(models, until)


def forget_offered() -> None:
    """Ask again at the next request."""
    global _offered, _asking
    _offered, _asking = _Offered((), 0.0), None


def _model(model_id: str, owner: str, created: int, context_length: int = 0) -> dict[str, Any]:
    model: dict[str, Any] = {"id": model_id, "object": "model", "created": created, "owned_by": owner}
    if context_length:
        model["context_length"] = context_length
    return model
