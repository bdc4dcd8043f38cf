"""What one process finds out and the others, or the next one after a restart, should know."""

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from accounts.pool.quotas import Quota

Place = tuple[str, str]
"""A quota domain and a model; "" stands for all models."""


class Rest(NamedTuple):
    """A place that rests until a Unix time."""

    until: float
    reason: str


class State(NamedTuple):
    """What a ledger knows besides its limits, its rest and the count of its day."""

    errors: float
    latency: float
    failures_in_a_row: int
    half_open: bool
    requests: int
    """Of the running minute."""
    tokens: int
    minute_ends: float
    """Unix time at which the last of these requests has left the minute."""


class Overrun(NamedTuple):
    """A place that was refused below its limit: somebody else draws on the same quota."""

    place: Place
    limit: str
    """rpm, tpm or rpd."""
    at: float
    """Unix time."""
    used: int
    """What went through this place in the limit's window."""
    allowed: int
    """The limit."""


@dataclass(slots=True, eq=False)
class DayCounts:
    """What one key did for one model on one Pacific day, since it was last written down."""

    requests: int = 0
    refusals: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    last_refusal: str = ""
    last_used: float = 0.0
    """Unix time, to the hour."""

    def add(self, other: "DayCounts") -> None:
        """Put other counts of the same place to these."""
        self.requests += other.requests
        self.refusals += other.refusals
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.last_refusal = self.last_refusal or other.last_refusal
        self.last_used = max(self.last_used, other.last_used)


DayOfKey: TypeAlias = tuple[UUID, str, int]
"""A key, a model, and the number of a Pacific day."""


def _no_days() -> defaultdict[DayOfKey, DayCounts]:
    return defaultdict(DayCounts)


class Unwritten(msgspec.Struct, eq=False):
    """What one process has found out since the last exchange with the database."""

    disabled: dict[UUID, str] = {}
    """Keys that are out until a person enables them, and why."""
    suspected: dict[UUID, str] = {}
    """Keys that are out until a free call has told whether the upstream takes them, and why."""
    rests: dict[Place, Rest] = {}
    recoveries: set[Place] = set()
    """Where the first request after a rest was answered."""
    overruns: list[Overrun] = []
    quotas: dict[Place, Quota] = {}
    days: defaultdict[DayOfKey, DayCounts] = msgspec.field(default_factory=_no_days)
    states: dict[Place, State] = {}

    def __bool__(self) -> bool:
        """False when there is nothing to tell."""
        return any(msgspec.structs.astuple(self))

    def put_back(self, earlier: "Unwritten") -> None:
        """Put what could not be written down to what was found since."""
        self.disabled |= earlier.disabled
        self.suspected |= earlier.suspected
        self.rests = {**earlier.rests, **self.rests}
        self.recoveries |= earlier.recoveries
        self.overruns[:0] = earlier.overruns
        self.quotas = {**earlier.quotas, **self.quotas}
        for place, counts in earlier.days.items():
            self.days[place].add(counts)
