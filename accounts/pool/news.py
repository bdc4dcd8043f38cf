"""What one process finds out and the others, or the next one after a restart, should know."""

from typing import NamedTuple

import msgspec

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


class DayCounts(msgspec.Struct, eq=False):
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
