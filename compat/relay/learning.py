"""What a failed attempt teaches the pool: of the key and its project, of their quotas, of the model."""

import logging
import random

from accounts import pool
from accounts.pool import Lease
from compat.gemini.failures import EMPTY, UNREACHABLE, Blame, Facts, GeminiFailure, Next, Rest
from compat.relay.gone import remember_gone

logger = logging.getLogger(__name__)

_WEEK = 7 * 24 * 60 * 60.0


def learn(lease: Lease, found: GeminiFailure, tokens: int) -> None:
    """End the lease of an attempt that failed, with a prompt of so many tokens, and tell the pool what that says."""
    failure = found.failure
    logger.info("attempt failed: %s with %s (HTTP %d)", failure.name, lease.model, found.facts.http_status)
    if failure.blame is Blame.REQUEST:
        pool.give_back(lease)
    elif failure is UNREACHABLE or failure.blame is Blame.UPLOAD:
        pool.refund(lease)
    elif failure is EMPTY:
        # It may well be the prompt's doing: neither key nor model is blamed.
        pool.answered(lease)
        pool.give_back(lease)
    else:
        pool.refuse(lease, failure.name, model_at_fault=failure.blame is Blame.MODEL, used_quota=failure.used_quota)
        _keep_away(lease, found, tokens)


def limit_below(tokens: int, facts: Facts) -> int | None:
    """The input tokens a minute, where the refusal says that they were exceeded and the prompt alone has more."""
    limit = next((value for quota_id, value in facts.violations if "Token" in quota_id and value), None)
    return limit if limit is not None and tokens > limit else None


def _keep_away(lease: Lease, found: GeminiFailure, tokens: int) -> None:
    failure = found.failure
    if failure.disables:
        _take_out(lease, found)
    elif failure.rest is not Rest.NONE:
        _let_rest(lease, found, tokens)
    elif failure.next is Next.MODEL:
        remember_gone(lease.model)


def _take_out(lease: Lease, found: GeminiFailure) -> None:
    failure = found.failure
    if failure.in_doubt:
        pool.suspect(lease, failure.name)
    else:
        pool.disable(lease, failure.name, whole_domain=failure.blame is Blame.PROJECT)


def _let_rest(lease: Lease, found: GeminiFailure, tokens: int) -> None:
    failure = found.failure
    is_explained = pool.learn_quota(lease, found.facts.violations)
    if limit_below(tokens, found.facts) is not None:
        # Any other key would refuse it as well, and this one is free for shorter prompts.
        return
    # What the ledger knows needs no rest; and where it is our address that is refused, the keys are well.
    is_counted = failure.rest is Rest.DELAY and failure.blame is Blame.QUOTA and is_explained
    if not is_counted and not (failure.rest is Rest.SHORT and pool.bare_refusal(lease)):
        pool.cool_down(lease, _rest_until(lease, found), failure.name, all_models=failure.blame is Blame.ADDRESS)


def _rest_until(lease: Lease, found: GeminiFailure) -> float:
    """The Unix time until which a quota domain rests. A daily quota ignores the short delay that comes with it."""
    now, rest = pool.now(), found.failure.rest
    if rest is Rest.DAY:
        return pool.day_rest(lease)
    if rest is Rest.WEEK:
        return now + _WEEK
    seconds = pool.short_rest(lease) if rest is Rest.SHORT else (found.facts.retry_seconds or 60.0)
    # RetryInfo is rounded down to whole seconds. Jitter, so that the keys of a burst do not come back all at once.
    return now + seconds + 1 + 0.5 * random.random()  # noqa: S311
