"""What the workers of one start have done: each reports in a file of its own, which whoever is asked for all of them reads.

A report outlives its worker, and the next one in that place goes on from it: no sum falls because a worker ended. Requests
take no part in it; prometheus_client's way, files in shared memory, costs each several writes.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from accounts.live.traffic import Tally, traffic

REPORT_SECONDS = 1.0
SUFFIX = ".report"

_encode = msgspec.msgpack.Encoder().encode


class Sums(msgspec.Struct):
    """What only grows, by the labels that `traffic` has it by."""

    tallies: dict[tuple[str, int, str], Tally] = msgspec.field(default_factory=dict)
    errors: dict[tuple[str, int, str], int] = msgspec.field(default_factory=dict)

    @classmethod
    def of(cls, parts: "Iterable[Sums]") -> "Sums":
        """All of them together."""
        whole = cls()
        for part in parts:
            for labels, tally in list(part.tallies.items()):
                whole.tallies.setdefault(labels, Tally()).add(tally)
            for labels, count in list(part.errors.items()):
                whole.errors[labels] = whole.errors.get(labels, 0) + count
        return whole


class Report(msgspec.Struct):
    """One worker: its process, the tasks of its event loop, and sums that include those of whom it took the place."""

    pid: int
    tasks: int
    sums: Sums


_decode = msgspec.msgpack.Decoder(Report).decode


class Reports:
    """The report of this worker, and those of all; a process that serves alone is the worker 1."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._before = Sums()

    def begin(self, file: Path) -> None:
        """Report in this file from now on. It is called as the worker is, and its directory has those of the others."""
        self._file = file
        if file.exists():
            self._before = _decode(file.read_bytes()).sums

    def write(self) -> Report:
        """Report what is true now. On a full disk the others go on with what they know."""
        sums = Sums.of((self._before, Sums(traffic.tallies, traffic.errors)))
        report = Report(os.getpid(), _count_tasks(), sums)
        if self._file is not None:
            draft = self._file.with_suffix(".draft")
            with contextlib.suppress(OSError):
                draft.write_bytes(_encode(report))
                draft.replace(self._file)
        return report

    def all(self) -> dict[str, Report]:
        """The newest report of each worker, by its name.

        This one's is written first: whoever is asked next knows at least what is told now.
        """
        own = self.write()
        if self._file is None:
            return {"1": own}
        files = self._file.parent.glob(f"*{SUFFIX}")
        return {**{file.stem: _decode(file.read_bytes()) for file in files}, self._file.stem: own}


reports = Reports()


async def report_for_good() -> None:
    """Report every second."""
    while True:
        reports.write()
        await asyncio.sleep(REPORT_SECONDS)


def _count_tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # outside a loop: at the end of a process, or in a test
        return 0
