"""The simulator's idea of now, which tests and accelerated benchmarks may push forward."""

import time
from collections.abc import Callable


class Clock:
    """Unix seconds from a source, plus what was added by hand."""

    __slots__ = ("_ahead", "_source")

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._ahead = 0.0

    def __call__(self) -> float:
        """Now, in Unix seconds."""
        return self._source() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let that many seconds pass at once; quotas and records see them, sleeping connections do not."""
        self._ahead += seconds

    def set(self, now: float) -> None:
        """Make it this Unix time; from here it runs on as the source does."""
        self._ahead = now - self._source()
