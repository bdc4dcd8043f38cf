"""What /metrics tells of this process: requests, attempts, tokens, times and tasks. No user, no token, no key."""

import asyncio
from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

from accounts import pool

_REQUESTS = Counter("tumbler_requests", "Requests that ended.", ["endpoint", "status", "gemini_model"])
_ATTEMPTS = Counter("tumbler_attempts", "Calls to the upstream.", ["endpoint"])
_TOKENS = Counter("tumbler_tokens", "Tokens as Gemini counts them.", ["gemini_model", "kind"])
_SECONDS = Histogram(
    "tumbler_request_seconds",
    "Seconds from a request's arrival to its end.",
    ["endpoint"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
_KEYS = Gauge("tumbler_pool_keys", "Contributed keys that may be leased; 1 to 4 are told as 1, as on the status page.")
_KEYS.set_function(lambda: _told(pool.size()))
_TASKS = Gauge("tumbler_tasks", "Tasks of the event loop; what stays high while nothing is asked is a leak.")
_TASKS.set_function(lambda: len(_tasks()))


_TOLD_FROM = 5


def ended(endpoint: str, status: int, gemini_model: str, attempts: int, prompt: int, completion: int, ms: int) -> None:
    """Count a request that has ended. The model is told of answers only: clients may make names up."""
    model = gemini_model if status == 200 else ""
    requests, calls, prompts, completions, seconds = _children(endpoint, status, model)
    requests.inc()
    seconds.observe(ms / 1000)
    if attempts:
        calls.inc(attempts)
    if prompt or completion:
        prompts.inc(prompt)
        completions.inc(completion)


def _tasks() -> set[asyncio.Task[object]]:
    try:
        return asyncio.all_tasks()
    except RuntimeError:  # told outside a loop, by a test
        return set()


def _told(size: int) -> int:
    """A small pool's exact size would tell when somebody's key came or went."""
    return size if size >= _TOLD_FROM else min(size, 1)


@lru_cache(maxsize=1024)
def _children(endpoint: str, status: int, model: str) -> tuple[Counter, Counter, Counter, Counter, Histogram]:
    return (
        _REQUESTS.labels(endpoint, str(status), model),
        _ATTEMPTS.labels(endpoint),
        _TOKENS.labels(model, "prompt"),
        _TOKENS.labels(model, "completion"),
        _SECONDS.labels(endpoint),
    )
