"""What /metrics tells: requests, errors, tokens and times of all workers, processes one by one. No user, no token, no key."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from accounts import pool
from accounts.live.traffic import BUCKETS, Tally
from accounts.live.workers import Report, Sums, reports

_TOLD_FROM = 5


class _Told(Collector):
    """Plain numbers, put in prometheus_client's words when somebody asks."""

    def collect(self) -> Iterator[Metric]:
        """Sums over all workers; then what is true of the site, and of each worker."""
        workers = dict(sorted(reports.all().items()))
        sums = Sums.of(report.sums for report in workers.values())
        yield from _ended(sums)
        yield _errors(sums)
        yield GaugeMetricFamily(
            "tumbler_pool_keys",
            "Contributed keys that may be leased; 1 to 4 are told as 1, as on the status page.",
            _told(pool.size()),
        )
        yield from _by_worker(workers)


def _ended(sums: Sums) -> Iterator[Metric]:
    """Requests that ended, by the labels of each metric."""
    requests = CounterMetricFamily(
        "tumbler_requests", "Requests that ended.", labels=["endpoint", "status", "gemini_model"]
    )
    attempts = CounterMetricFamily("tumbler_attempts", "Calls to the upstream.", labels=["endpoint"])
    tokens = CounterMetricFamily("tumbler_tokens", "Tokens as Gemini counts them.", labels=["gemini_model", "kind"])
    seconds = HistogramMetricFamily(
        "tumbler_request_seconds", "Seconds from a request's arrival to its end.", labels=["endpoint"]
    )
    by_endpoint: defaultdict[str, Tally] = defaultdict(Tally)
    by_model: defaultdict[str, Tally] = defaultdict(Tally)
    for (endpoint, status, model), tally in sums.tallies.items():
        requests.add_metric([endpoint, str(status), model], sum(tally.lasted))
        by_endpoint[endpoint].add(tally)
        by_model[model].add(tally)
    limits = [*(f"{limit / 1000:g}" for limit in BUCKETS), "+Inf"]
    for endpoint, tally in by_endpoint.items():
        attempts.add_metric([endpoint], tally.attempts)
        seconds.add_metric([endpoint], list(zip(limits, accumulate(tally.lasted), strict=True)), tally.ms / 1000)
    for model, tally in by_model.items():
        tokens.add_metric([model, "prompt"], tally.prompt)
        tokens.add_metric([model, "completion"], tally.completion)
    yield from (requests, attempts, tokens, seconds)


def _errors(sums: Sums) -> Metric:
    """What went wrong, as clients were told: also what was refused before it was admitted, a wrong token or a bad body."""
    errors = CounterMetricFamily("tumbler_errors", "Answers that were errors.", labels=["endpoint", "status", "code"])
    for (endpoint, status, code), count in sums.errors.items():
        errors.add_metric([endpoint, str(status), code], count)
    return errors


def _by_worker(workers: dict[str, Report]) -> Iterator[Metric]:
    """What each worker has answered, how many tasks it runs, and what the system knows of its process while that lives."""
    ended = CounterMetricFamily("tumbler_worker_requests", "Requests that ended, by worker.", labels=["worker"])
    tasks = GaugeMetricFamily(
        "tumbler_tasks", "Tasks of the event loop; what stays high while nothing is asked is a leak.", labels=["worker"]
    )
    of_processes: dict[str, Metric] = {}
    for worker, report in workers.items():
        ended.add_metric([worker], sum(sum(tally.lasted) for tally in report.sums.tallies.values()))
        tasks.add_metric([worker], report.tasks)
        for told in ProcessCollector(pid=partial(str, report.pid), registry=None).collect():
            metric = of_processes.setdefault(told.name, Metric(told.name, told.documentation, told.type))
            for sample in told.samples:
                metric.add_sample(sample.name, {"worker": worker}, sample.value)
    yield from (ended, tasks, *of_processes.values())


registry = CollectorRegistry()
registry.register(_Told())


def exposition() -> tuple[bytes, str]:
    """What a scraper gets: Prometheus's text, and its media type."""
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _told(size: int) -> int:
    """A small pool's exact size would tell when somebody's key came or went."""
    return size if size >= _TOLD_FROM else min(size, 1)
