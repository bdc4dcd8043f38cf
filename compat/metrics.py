"""What /metrics tells of this process: requests, attempts, tokens, times and tasks. No user, no token, no key."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from accounts import pool
from accounts.live.traffic import BUCKETS, Tally, traffic

_KEYS = Gauge("tumbler_pool_keys", "Contributed keys that may be leased; 1 to 4 are told as 1, as on the status page.")
_KEYS.set_function(lambda: _told(pool.size()))
_TASKS = Gauge("tumbler_tasks", "Tasks of the event loop; what stays high while nothing is asked is a leak.")
_TASKS.set_function(lambda: len(_tasks()))
_TOLD_FROM = 5


class _Ended(Collector):
    """The sums of requests that ended, put in prometheus_client's words when somebody asks."""

    def collect(self) -> Iterator[Metric]:
        """Sums by the labels of each metric."""
        requests = CounterMetricFamily(
            "tumbler_requests", "Requests that ended.", labels=["endpoint", "status", "gemini_model"]
        )
        attempts = CounterMetricFamily("tumbler_attempts", "Calls to the upstream.", labels=["endpoint"])
        tokens = CounterMetricFamily("tumbler_tokens", "Tokens as Gemini counts them.", labels=["gemini_model", "kind"])
        seconds = HistogramMetricFamily(
            "tumbler_request_seconds", "Seconds from a request's arrival to its end.", labels=["endpoint"]
        )
        by_endpoint: dict[str, list[Tally]] = defaultdict(list)
        by_model: dict[str, list[Tally]] = defaultdict(list)
        for (endpoint, status, model), tally in list(traffic.tallies.items()):
            requests.add_metric([endpoint, str(status), model], sum(tally.lasted))
            by_endpoint[endpoint].append(tally)
            by_model[model].append(tally)
        for endpoint, tallies in by_endpoint.items():
            attempts.add_metric([endpoint], sum(tally.attempts for tally in tallies))
            lasted = accumulate(map(sum, zip(*(tally.lasted for tally in tallies), strict=True)))
            limits = [*(f"{limit / 1000:g}" for limit in BUCKETS), "+Inf"]
            total = sum(tally.ms for tally in tallies) / 1000
            seconds.add_metric([endpoint], list(zip(limits, lasted, strict=True)), total)
        for model, tallies in by_model.items():
            tokens.add_metric([model, "prompt"], sum(tally.prompt for tally in tallies))
            tokens.add_metric([model, "completion"], sum(tally.completion for tally in tallies))
        yield from (requests, attempts, tokens, seconds)


REGISTRY.register(_Ended())


def exposition() -> tuple[bytes, str]:
    """What a scraper gets: Prometheus's text, and its media type."""
    return generate_latest(), CONTENT_TYPE_LATEST


def _tasks() -> set[asyncio.Task[object]]:
    try:
        return asyncio.all_tasks()
    except RuntimeError:  # told outside a loop, by a test
        return set()


def _told(size: int) -> int:
    """A small pool's exact size would tell when somebody's key came or went."""
    return size if size >= _TOLD_FROM else min(size, 1)
