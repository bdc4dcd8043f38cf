"""The key pool: lease a key inside its quota for one attempt, and tell what came of it."""

import logging
from collections.abc import Collection, Coroutine, Sequence

from accounts.pool.clock import now
from accounts.pool.exchanging import Exchange
from accounts.pool.facts import Exhausted, Lease, PooledKey
from accounts.pool.state import Pool
from accounts.pool.together import Together
from accounts.remembered_settings import settings

__all__ = [
    "Exhausted",
    "Lease",
    "PooledKey",
    "answered",
    "bare_refusal",
    "cool_down",
    "day_rest",
    "disable",
    "give_back",
    "is_fresh",
    "key_of",
    "learn_quota",
    "lease",
    "lease_at_once",
    "may_retry",
    "model_rests",
    "now",
    "ready",
    "refund",
    "refuse",
    "reset",
    "short_rest",
    "shut",
    "size",
    "soonest",
    "suspect",
    "sync",
]

logger = logging.getLogger(__name__)

_shared = Exchange()


def is_fresh(at: float) -> bool:
    """True at a time of the event loop at which `ready` has nothing to wait for."""
    return _shared.is_fresh(at)


def ready() -> Coroutine[None, None, None]:
    """See to it that what is leased is what there is: keys that came, were withdrawn or disabled meanwhile.

    Raises what the database raises, before the first exchange; see Exchange.ready.
    """
    return _shared.ready()


def lease_at_once(
    model: str, tried: Collection[PooledKey], tokens: int, affinity: int | None
) -> Lease | Exhausted | None:
    """As `lease`, where nothing has to be waited for; None where Redis counts what several processes lease."""
    if settings.REDIS_URL:
        return None
    _shared.soon()
    return _shared.pool.lease(model, tried, now(), tokens, affinity)


async def lease(
    model: str,
    tried: Collection[PooledKey],
    tokens: int = 0,
    affinity: int | None = None,
    *,
    spare: bool = False,
    holders: Sequence[str] = (),
) -> Lease | Exhausted:
    """Reserve a request and its input tokens (estimated) with a key, none of `tried`; Exhausted when there is no room.

    `affinity` is a number that is the same for the same conversation. `spare`: only from what nobody else needs just now.
    `holders`: quota domains that come first while they have room, since they hold what the request names.
    """
    _shared.soon()
    together = _shared.together()
    # No model: a call that uses no quota.
    if together is None or not model:
        return _shared.pool.lease(model, tried, now(), tokens, affinity, spare=spare, holders=holders)
    return await together.lease(model, tried, tokens, affinity, spare=spare, holders=holders)


def answered(lease: Lease) -> None:
    """Note that an answer has begun, however long it will take: who waited to see whether a key works need not any more."""
    _pool_of(lease).answered(lease, now())


def give_back(lease: Lease, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
    """End an attempt that used quota, with the tokens as Gemini reports them."""
    _shared.soon()
    _pool_of(lease).give_back(lease, now(), prompt_tokens, completion_tokens)


def refund(lease: Lease) -> None:
    """End an attempt that used no quota, because it never reached the upstream or was turned away there."""
    _pool_of(lease).refund(lease)


def refuse(lease: Lease, reason: str, *, model_at_fault: bool = False, used_quota: bool = False) -> None:
    """End an attempt that failed; a fault of the model is not held against the key."""
    _shared.soon()
    _shared.pool.refuse(lease, now(), reason, model_at_fault=model_at_fault)
    if not used_quota:
        refund(lease)


def cool_down(lease: Lease, until: float, reason: str, *, all_models: bool = False) -> None:
    """Let the quota domain of a key rest until a Unix time, for the lease's model or for all."""
    (_shared.together() or _shared.pool).cool_down(lease, until, reason, all_models=all_models)
    logger.info("a quota domain rests for %s: %s", "all models" if all_models else lease.model, reason)


def learn_quota(lease: Lease, violations: Collection[tuple[str, int | None]]) -> bool:
    """Take over the limits that a refusal named: the id of each quota, and its value where it was told.

    True when with them the ledger would have refused the request as well, so that no rest is needed.
    """
    return _shared.pool.learn_quota(lease, violations, now())


def day_rest(lease: Lease) -> float:
    """The Unix time until which a quota domain rests whose requests of the day are used up."""
    return _shared.pool.day_rest(lease, now())


def short_rest(lease: Lease) -> float:
    """Seconds for which a quota domain rests that was refused without a reason: twice as long each time in a row."""
    return _shared.pool.short_rest(lease)


def bare_refusal(lease: Lease) -> bool:
    """Note a 429 that names no quota; True when it means our address, as several domains were refused so at once.

    Then the whole pool rests for some seconds.
    """
    is_ours = _shared.pool.gates.bare_refusal(lease.key.domain, now())
    if is_ours:
        logger.warning("the pool rests: several quota domains were refused at once without a reason")
    return is_ours


def model_rests(model: str) -> bool:
    """True while a model that failed several times in a row is left alone."""
    return _shared.pool.gates.model_rests(model, now())


def shut() -> dict[str, float]:
    """What nothing is sent to just now, and for how many seconds: models by name, "" where it is the whole upstream."""
    return _shared.pool.gates.shut(now())


def soonest(model: str, tokens: int = 0) -> float | None:
    """Seconds until some key may be leased for the model, as far as this process knows; None when none ever will."""
    return _shared.pool.soonest(model, tokens, now())


def may_retry() -> bool:
    """True when a request that the upstream failed may be asked once more: retries may add only so much to the load."""
    return _shared.pool.retries.take(now())


def disable(lease: Lease, reason: str, *, whole_domain: bool = False) -> None:
    """Take a key, or every key of its project, out until a person enables it."""
    _shared.pool.disable(lease, reason, whole_domain=whole_domain)
    logger.warning("a contributed key was disabled: %s", reason)
    _shared.soon()


def suspect(lease: Lease, reason: str) -> None:
    """Lease a key no more until a free call has told whether the upstream takes it: then it is disabled, or comes back."""
    _shared.pool.suspect(lease, reason)
    logger.warning("a contributed key is suspected: %s", reason)
    _shared.soon()


def key_of(domain: str) -> PooledKey | None:
    """A key of a quota domain, for what uses no quota; None when the pool has none."""
    known = _shared.pool.places.domains.get(domain)
    return known.keys[0] if known else None


def size() -> int:
    """How many keys this process may lease, resting ones included."""
    return _shared.pool.places.size


def reset() -> None:
    """Forget everything: for tests, whose databases come and go."""
    global _shared
    _shared.stop()
    _shared = Exchange()


async def sync() -> None:
    """Write down what this process knows and take over what others wrote. Raises what the database raises."""
    await _shared.sync()


def _pool_of(lease: Lease) -> Pool | Together:
    """Where a lease has to be ended: it is known to other processes if it has an id."""
    return (_shared.together() if lease.id else None) or _shared.pool
