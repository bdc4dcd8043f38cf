"""Does anything grow? Twenty minutes of every kind of request under both servers, with clients that leave in the middle."""

import asyncio
import re
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import uvloop

from benchmarks.measuring import contenders
from benchmarks.measuring.bench import Bench
from benchmarks.measuring.contenders import Contender
from benchmarks.measuring.figures import slope_of
from benchmarks.measuring.loading import Load, coming_and_going

_LEAVING = 0.3
_RATE = 60.0  # requests a second of each server: under half of what the slower one can do beside the other
_SAMPLE_SECONDS = 5.0
_REST_SECONDS = 65.0
"""After so long a gateway has let go of what it keeps for the next request: a connection upstream for a minute, one to the
database for ten seconds."""
_TASKS = re.compile(r"^tumbler_tasks\{.*\} (\S+)", re.MULTILINE)


class Held(NamedTuple):
    """What the processes of a gateway have open."""

    descriptors: "Counter[str]"
    """By kind."""
    threads: int
    tasks: int


@dataclass
class Watched:
    """One gateway, and what was seen of it: (seconds, bytes) of memory, and what it held at rest before."""

    gateway: Contender
    load: Load = field(default_factory=Load)
    memory: list[tuple[float, float]] = field(default_factory=list)
    more: "Counter[str]" = field(default_factory=Counter)
    """Descriptors that it holds more than it did, by kind; negative where it holds less."""

    def __post_init__(self) -> None:
        self.at_rest = self.holds()

    def holds(self) -> Held:
        """What it holds now."""
        running = self.gateway.running
        with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/metrics", timeout=10) as metrics:
            tasks = _TASKS.search(metrics.read().decode())
        return Held(running.descriptors(), running.threads(), round(float(tasks[1])) if tasks else 0)


def ask(bench: Bench) -> None:
    """Both servers at once, on one core: memory does not mind."""
    seconds = 120.0 if bench.short else 1200.0
    names = [name for name in bench.names if name in {"uvicorn", "daphne"}]
    with bench.upstream(chunks=30, pause=0.02) as upstream, bench.gateways(upstream, names) as gateways:
        bench.warm(gateways)
        time.sleep(_REST_SECONDS)
        watched = [Watched(gateway) for gateway in gateways]
        uvloop.run(_all(watched, seconds, bench))
        time.sleep(_REST_SECONDS)
        for one in watched:
            _record(bench, one)
    bench.note(contenders.TITLES["uvicorn"] + " and on daphne: " + ", ".join(_story(one) for one in watched))


async def _all(watched: list[Watched], seconds: float, bench: Bench) -> None:
    watch = asyncio.ensure_future(_watch(watched, bench))
    await asyncio.gather(
        *(
            coming_and_going(
                [(one.gateway.whole, 0.002), (one.gateway.stream, 0.6)], _RATE, _LEAVING, seconds, one.load
            )
            for one in watched
        )
    )
    watch.cancel()


async def _watch(watched: list[Watched], bench: Bench) -> None:
    began = time.monotonic()
    while True:
        for one in watched:
            one.memory.append((time.monotonic() - began, float(one.gateway.running.memory())))
        if len(watched[0].memory) % 12 == 0:
            bench.say("  ".join(f"{one.gateway.name} {one.memory[-1][1] / 1e6:.1f} MB" for one in watched))
        await asyncio.sleep(_SAMPLE_SECONDS)


def _record(bench: Bench, one: Watched) -> None:
    # The first quarter is for caches and the allocator to get warm.
    warm = one.memory[len(one.memory) // 4 :]
    bench.figures.add("slope", one.gateway.name, slope_of(warm) / 1e6)
    before, after = one.at_rest, one.holds()
    one.more.update(after.descriptors)
    one.more.subtract(before.descriptors)
    bench.figures.add("descriptors", one.gateway.name, one.more.total())
    bench.figures.add("threads", one.gateway.name, after.threads - before.threads)
    bench.figures.add("tasks", one.gateway.name, after.tasks - before.tasks)
    bench.errors[one.gateway.name] = one.load.errors


def _story(one: Watched) -> str:
    warm = one.memory[len(one.memory) // 4]
    return (
        f"{one.gateway.name} answered {one.load.answers} requests, {one.load.left} clients left, "
        f"{warm[1] / 1e6:.1f} MB when warm, {one.memory[-1][1] / 1e6:.1f} MB at the end, descriptors "
        + ", ".join(f"{kind} {count:+}" for kind, count in one.more.items())
    )
