"""Shares of a core that stand for cores, where there are too few for everything that takes part.

Linux lets a control group run for so long in every period, all threads of its processes on all cores together, and then
holds it until the next one. Two processes with a third of a core each are to one process with a third what two cores are to
one, and leave room on the machine for whatever else has a part in it. Only root may make such groups.
"""

import os
from pathlib import Path

_PERIOD = 10_000
"""Microseconds: who must wait for the next period does not wait long, and each is many times what a request takes."""


class NoShares(Exception):
    """Processes cannot be held to a share of a core here; the message says why."""


class Shares:
    """Gives processes a share of a core each, the same for all, until it is closed."""

    def __init__(self, part: float, above: Path | None = None) -> None:
        """Shares of so great a part of a core, in groups below the group `above`: the one of all processes. Raises NoShares."""
        self.part = part
        self._above = above or group_of_all()
        self._groups: list[Path] = []
        try:
            self._make_group()
        except OSError as error:
            raise NoShares(f"{error.strerror}: {error.filename}") from error
        finally:
            self.close()

    def _make_group(self) -> Path:
        group = self._above / f"tumbler-benchmark-{os.getpid()}-{len(self._groups)}"
        group.mkdir()
        self._groups.append(group)
        limit(group, round(self.part * _PERIOD))
        return group

    def give(self, pid: int) -> None:
        """Hold a process, with all of its threads and whatever it starts from now on, to a share of its own."""
        (self._make_group() / "cgroup.procs").write_text(str(pid))

    def close(self) -> None:
        """Remove the groups; the processes that were in them have ended."""
        while self._groups:
            self._groups.pop().rmdir()


def limit(group: Path, microseconds: int) -> None:
    """Let a group run for so long in each period: as the second version of control groups says it, or the first."""
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{microseconds} {_PERIOD}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD))
        (group / "cpu.cfs_quota_us").write_text(str(microseconds))


def group_of_all(mounts: Path = Path("/proc/self/mounts")) -> Path:
    """Where the groups that share out processors begin, of either version. Raises NoShares."""
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    for _, place, kind, options, *_ in map(str.split, lines):
        if kind == "cgroup" and "cpu" in options.split(","):
            return Path(place)
        if kind == "cgroup2" and "cpu" in (Path(place) / "cgroup.subtree_control").read_text().split():
            return Path(place)
    raise NoShares("no control groups that share out processors")
