"""One run: how long and how often, the gateways that take part, and the measuring of one of them at a time."""

import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import uvloop

from benchmarks.measuring import contenders, machine
from benchmarks.measuring.contenders import Contender, Upstream
from benchmarks.measuring.figures import Figures
from benchmarks.measuring.loading import Load, closed
from benchmarks.measuring.running import DidNotStart, Running

_QUIET_SECONDS = 6.0


@dataclass
class Bench:
    """What a question measures with."""

    directory: Path
    names: list[str]
    short: bool = False
    figures: Figures = field(default_factory=Figures)
    notes: list[str] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def rounds(self) -> range:
        """One round after another: every contender has its turn in each."""
        return range(3 if self.short else 5)

    @property
    def seconds(self) -> float:
        """How long one contender is measured in one round."""
        return 1.0 if self.short else 2.0

    def say(self, line: str) -> None:
        """Progress, for whoever waits."""
        print(line, file=sys.stderr, flush=True)

    def note(self, line: str) -> None:
        """Something that belongs beside the figures."""
        self.notes.append(line)
        self.say(line)

    def install(self) -> None:
        """Have the others installed; one that cannot be is left out, and that is said."""
        for name in ("litellm", "portkey"):
            if name not in self.names:
                continue
            try:
                with machine.started_on(machine.all_cores()):
                    contenders.install(name)
            except (CalledProcessError, OSError) as error:
                self.names.remove(name)
                self.note(f"{contenders.TITLES[name]} is left out: {error}")

    @contextmanager
    def upstream(self, chunks: int = 20, pause: float = 0.0) -> Iterator[Upstream]:
        """The stand-in for Gemini."""
        upstream = contenders.start_upstream(self.directory, chunks, pause)
        try:
            yield upstream
        finally:
            upstream.running.stop()

    @contextmanager
    def gateways(self, upstream: Upstream, names: Sequence[str] = ()) -> Iterator[list[Contender]]:
        """The contenders, all of them running, warm, and known to answer rightly. Without names: also those to be installed."""
        if not names:
            self.install()
        with ExitStack() as stack:
            running = []
            for name in names or self.names:
                if (gateway := self.started(name, upstream)) is not None:
                    stack.callback(gateway.running.stop)
                    running.append(gateway)
            yield running

    def started(self, name: str, upstream: Upstream) -> Contender | None:
        """One contender; None, and a note, if it does not answer."""
        self.say(f"starting {contenders.TITLES[name]} …")
        try:
            gateway = contenders.start(name, upstream, self.directory)
        except DidNotStart as error:
            self.note(f"{contenders.TITLES[name]} is left out, it did not answer: {error}")
            return None
        return gateway

    def warm(self, gateways: Sequence[Contender], seconds: float = 1.0) -> None:
        """Let each work a little before anything is measured."""
        for gateway in gateways:
            for wanted in (gateway.whole, gateway.stream):
                uvloop.run(closed(wanted, 16, seconds))

    def measure(self, name: str, load: Coroutine[Any, Any, Load], running: Running | None = None) -> Load:
        """Run a load and keep its errors; afterwards wait until the gateway has done what it put off."""
        done = uvloop.run(load)
        self.errors[name] = self.errors.get(name, 0) + done.errors
        if done.errors:
            self.note(
                f"{contenders.TITLES.get(name, name)}: {done.errors} wrong answers, the first: {done.wrong[:200]!r}"
            )
        if running is not None:
            until_quiet(running)
        return done


def until_quiet(running: Running) -> None:
    """Wait until the process rests: what it stores behind its answers shall disturb nobody else's turn."""
    end = time.monotonic() + _QUIET_SECONDS
    before = running.cpu_seconds()
    while time.monotonic() < end:
        time.sleep(0.15)
        now = running.cpu_seconds()
        if now - before < 0.015:
            return
        before = now
