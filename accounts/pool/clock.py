"""The pool's wall clock: one place for tests and benchmarks to move."""

import time
from collections.abc import Callable

source: Callable[[], float] = time.time


def now() -> float:
    """Unix time."""
    return source()
