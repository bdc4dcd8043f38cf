"""Which machine this is, and which of its cores does what."""

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import psutil


def can_pin() -> bool:
    """Whether processes can be held to a core here: on Linux with two or more."""
    return hasattr(os, "sched_setaffinity") and len(_cores()) > 1


def _cores() -> list[int]:
    return sorted(_AT_FIRST)


_AT_FIRST = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def gateway_core() -> set[int]:
    """The core of the gateway that is measured."""
    return {_cores()[-1]}


def load_core() -> set[int]:
    """The core of the load and of the stand-in for Gemini."""
    return {_cores()[0]}


ENOUGH = 4
"""Cores with which two workers, the services and the load have their own."""


def worker_cores() -> set[int]:
    """Two cores for two workers where there are enough, else all."""
    return set(_cores()[-2:]) if len(_cores()) >= ENOUGH else all_cores()


def service_cores() -> set[int]:
    """A core for PostgreSQL and Redis where there are enough, else all."""
    return {_cores()[1]} if len(_cores()) >= ENOUGH else all_cores()


def all_cores() -> set[int]:
    """Every core that this command may use."""
    return set(_AT_FIRST)


@contextmanager
def started_on(cores: set[int]) -> Iterator[None]:
    """Processes started meanwhile stay on these cores; this one goes back to where it was."""
    if not can_pin():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def stay_on(cores: set[int]) -> None:
    """Hold this process to these cores."""
    if can_pin():
        os.sched_setaffinity(0, cores)


def described() -> dict[str, str]:
    """What a reader of the figures must know of the machine."""
    return {
        "processor": _processor(),
        "cores": str(len(_cores())),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "uvicorn": version("uvicorn"),
        "daphne": version("daphne"),
        "pinned": "yes" if can_pin() else "no",  # to which cores differs between the questions
    }


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    if about.exists():
        names = [
            line.partition(":")[2].strip() for line in about.read_text().splitlines() if line.startswith("model name")
        ]
        if names:
            return names[0]
    return platform.processor() or platform.machine()
