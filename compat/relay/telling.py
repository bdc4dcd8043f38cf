"""What the client is told when a call fails: our words, never the upstream's text."""

import math
from collections.abc import Mapping

from accounts import pool
from compat.errors import (
    CompatError,
    ContextTooLong,
    InternalError,
    InvalidRequest,
    NoUpstreamKey,
    PoolExhausted,
    UnknownModel,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from compat.gemini.failures import FILE_LOST, Blame, GeminiFailure
from compat.relay.gone import still_there
from compat.relay.job import Job

# What such a failure says is told by how the pool stands: another key or model might have done.
_OF_THE_POOL = ("no_upstream_key", "pool_exhausted", "model_not_found")


def nothing_left(job: Job, last: GeminiFailure | None, too_large: Mapping[str, int]) -> CompatError:
    """The client's error when no key and no model is left to try, after the failure that came last.

    `too_large` are the models for which the prompt alone is more than a minute's quota, and that quota.
    """
    code = last.failure.client_code if last is not None else ""
    if last is not None and code not in _OF_THE_POOL:
        return client_error(last, job.model)
    if too_large:
        model, limit = next(iter(too_large.items()))
        return _too_large(model, limit, job.prompt_tokens)
    if pool.size() == 0:
        return NoUpstreamKey(
            "There is no usable Gemini key in the pool. The operator can add one, or anybody contribute."
        )
    if code == "model_not_found" or not still_there(job.targets):
        return _gone(job)
    waits = {target: pool.soonest(target, job.prompt_tokens) for target in job.targets}
    known = [wait for wait in waits.values() if wait is not None]
    if all(pool.model_rests(target) for target in waits):
        return _unavailable(job.targets[0], min(known, default=5.0))
    if not known and code == "no_upstream_key":
        return NoUpstreamKey("No key in the pool could be used for this model.")
    return _exhausted(min(known, default=None))


def _gone(job: Job) -> UnknownModel:
    """No key finds any of the models that were to be asked."""
    if job.targets == (job.asked,):
        why = "Gemini has no model of that name, or not any more. `GET /v1/models` lists those that can be asked."
    else:
        why = "Gemini retired every model it is mapped to."
    return UnknownModel(f"The model `{job.asked}` does not exist: {why}", param="model")


def client_error(found: GeminiFailure, model: str) -> CompatError:
    """The client's error for a failure."""
    code = found.failure.client_code
    if found.failure.blame is Blame.UPLOAD:
        return _not_uploaded(found)
    if code == "context_length_exceeded":
        return ContextTooLong(
            f"This model's maximum context length is exceeded: the prompt is too long for {model}.", param="messages"
        )
    if code == "invalid_request":
        return InvalidRequest(
            f"Gemini refused the request for {model} ({found.failure.name}): {_hint(found)}", code="invalid_value"
        )
    if code == "upstream_timeout":
        return UpstreamTimeout(f"{model} did not answer in time.")
    if code == "upstream_unavailable":
        return _unavailable(model, 5)
    if code == "upstream_error":
        if found.failure.blame is Blame.GATEWAY:
            return InternalError("The request could not be made properly.")
        return UpstreamError(f"{model} gave no usable answer ({found.failure.name}).")
    return NoUpstreamKey("No key in the pool could be used for this request.")


def _not_uploaded(found: GeminiFailure) -> CompatError:
    """A file that a request names did not get to Gemini, or was of no use there."""
    code = found.failure.client_code
    if code == "invalid_request":
        return InvalidRequest(
            f"Gemini cannot read a file that the request names ({found.failure.name}).", code="invalid_value"
        )
    if code == "upstream_timeout":
        return UpstreamTimeout("Gemini did not take the files that the request names in time.")
    return UpstreamUnavailable(
        "Gemini does not take the files that the request names just now. Please try again in 5s.", 5
    )


def _unavailable(model: str, wait: float) -> UpstreamUnavailable:
    """The model fails for everyone; it will be asked again in so many seconds."""
    return UpstreamUnavailable(
        f"{model} is overloaded or out of reach just now. Please try again in {math.ceil(wait)}s.", wait
    )


def _exhausted(wait: float | None) -> PoolExhausted:
    """Every key is out of quota, the soonest for so many seconds; None: nobody knows."""
    soon = "" if wait is None else f" Please try again in {math.ceil(wait)}s."
    return PoolExhausted(f"Every contributed key is out of quota for this model.{soon}", wait)


def _too_large(model: str, limit: int, tokens: int) -> PoolExhausted:
    """The prompt alone is more than any key may send in a minute."""
    return PoolExhausted(
        f"Request too large for {model} on input tokens per min (TPM) of every contributed key: Limit {limit}, "
        f"Requested {tokens}. Send a shorter prompt.",
        math.inf,
    )


def _hint(found: GeminiFailure) -> str:
    if found.failure.name in (FILE_LOST, "foreign_object"):
        return "it names a file or a cache that the pool does not hold."
    return "some part of it is not supported by this model."
