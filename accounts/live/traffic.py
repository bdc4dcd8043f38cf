"""The requests of this process: those that run and the last that ended, for live pages, and sums of all, for /metrics.

In memory only. Sums are plain numbers: prometheus_client's own counters, each behind a lock of its own, take a request ten
times as long.
"""

from bisect import bisect_left
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from accounts.metering.lines import Admission, Settlement

KEPT = 500
BUCKETS = (50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000)
"""Milliseconds."""


class Running(Protocol):
    """A request that is under way; what can be told of it changes meanwhile."""

    attempts: int
    model: str
    """The Gemini model that answers; empty while none was asked."""

    @property
    def tokens(self) -> int:
        """As Gemini has counted them up to now."""


class Tally(msgspec.Struct):
    """The requests of one endpoint that ended with one status, by one model."""

    attempts: int = 0
    prompt: int = 0
    completion: int = 0
    ms: int = 0
    lasted: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    """How many ended within each bucket; the last is for those that took longer."""

    def add(self, other: "Tally") -> None:
        """Count the other's requests as well."""
        self.attempts += other.attempts
        self.prompt += other.prompt
        self.completion += other.completion
        self.ms += other.ms
        self.lasted = [ours + theirs for ours, theirs in zip(self.lasted, other.lasted, strict=True)]


class Traffic:
    """Told at the beginning and the end of every request, watched or not: so it does next to nothing."""

    def __init__(self) -> None:
        self.running: dict[str, tuple[Admission, Running]] = {}
        """By the id of the usage record that each will have; the oldest first."""
        self.latest: deque[tuple[Admission, Settlement]] = deque(maxlen=KEPT)
        self.tallies: defaultdict[tuple[str, int, str], Tally] = defaultdict(Tally)
        """All that ever ended here, by endpoint, status and model; the model only of answers: clients may make names up."""
        self.errors: defaultdict[tuple[str, int, str], int] = defaultdict(int)
        """Answers that were errors, by endpoint, status and code (docs/errors.md): also those to what was never admitted."""

    @property
    def ended_count(self) -> int:
        """How many ever ended here: the number of the last one in `latest`."""
        return sum(sum(tally.lasted) for tally in self.tallies.values())

    @property
    def ended_tokens(self) -> int:
        """The tokens of all that ever ended here."""
        return sum(tally.prompt + tally.completion for tally in self.tallies.values())

    def began(self, admission: "Admission", running: Running) -> None:
        """A request was admitted."""
        self.running[admission.id] = admission, running

    def ended(self, admission: "Admission", settlement: "Settlement") -> None:
        """It was settled, whichever way."""
        self.running.pop(admission.id, None)
        self.latest.append((admission, settlement))
        status = settlement.status
        tally = self.tallies[admission.endpoint, status, settlement.gemini_model if status == 200 else ""]
        tally.attempts += settlement.attempts
        tally.prompt += settlement.counts.prompt
        tally.completion += settlement.counts.completion
        tally.ms += settlement.total_ms
        tally.lasted[bisect_left(BUCKETS, settlement.total_ms)] += 1

    def erred(self, endpoint: str, status: int, code: str | None) -> None:
        """A client was answered with an error; `endpoint` is "" where the server did so before any was asked."""
        self.errors[endpoint, status, code or ""] += 1

    def forget(self) -> None:
        """As new: for tests."""
        self.__init__()  # type: ignore[misc]


traffic = Traffic()
