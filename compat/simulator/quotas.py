"""Requests per minute, input tokens per minute and requests per Pacific day, per project and model.

An alias shares the ledger of the model it stands for.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import NamedTuple
from zoneinfo import ZoneInfo

from compat.simulator.keys import Key
from compat.simulator.model_facts import ModelFacts

PACIFIC = ZoneInfo("America/Los_Angeles")
MINUTE = 60.0


class Limits(NamedTuple):
    """What a project may do with one model; None is no limit, 0 is not offered at all."""

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None

    @property
    def closed(self) -> bool:
        """Whether the model is not offered to the project."""
        return 0 in self


class Exceeded(NamedTuple):
    """One limit that the request would break, and the seconds until it would not."""

    limit_name: str
    value: int
    wait: float


NOT_OFFERED = Limits(0, 0, 0)
UNLIMITED = Limits()
# Model pattern → limits, the first that fits. Free values as seen in error bodies (Gemini API reference, section 10).
Table = Mapping[str, Limits]
FREE: Table = {
    "gemini-2.5-pro": NOT_OFFERED,
    "gemini-3.1-pro-*": NOT_OFFERED,
    "*-image": NOT_OFFERED,
    "*-tts*": Limits(3, 10_000, 10),
    "gemini-embedding-*": Limits(100, 30_000, 1_000),
    "gemma-*": Limits(30, 15_000, 14_400),
    "*-flash-lite*": Limits(15, 250_000, 20),
    "gemini-4-hydrogen": Limits(5, 250_000, 20),
    "*": Limits(10, 250_000, 20),
}
PAID: Table = {"gemini-embedding-*": Limits(3_000, 1_000_000, None), "*": Limits(1_000, 1_000_000, 10_000)}


def seconds_to_midnight(now: float) -> float:
    """From this Unix time until the day ends in Los Angeles, whatever the clocks do that day."""
    here = datetime.fromtimestamp(now, PACIFIC)
    midnight = datetime.combine(here.date() + timedelta(days=1), time(), PACIFIC)
    return midnight.timestamp() - now


class Ledger:
    """What one project has used of one model: a sliding minute and the Pacific day."""

    __slots__ = ("_day_ends", "_minute", "_minute_tokens", "_today")

    def __init__(self) -> None:
        self._minute: deque[tuple[float, int]] = deque()
        self._minute_tokens = 0
        self._today = 0
        self._day_ends = 0.0

    def take(self, limits: Limits, tokens: int, now: float) -> list[Exceeded]:
        """Count one request, or say which limits stand against it; a refused request counts nowhere."""
        self._forget(now)
        exceeded = self._exceeded(limits, tokens, now)
        if not exceeded:
            self._minute.append((now, tokens))
            self._minute_tokens += tokens
            self._today += 1
        return exceeded

    def used(self, now: float) -> dict[str, int]:
        """What counts against the limits at this moment."""
        self._forget(now)
        return {"rpm": len(self._minute), "tpm": self._minute_tokens, "rpd": self._today}

    def _forget(self, now: float) -> None:
        while self._minute and self._minute[0][0] <= now - MINUTE:
            self._minute_tokens -= self._minute.popleft()[1]
        if now >= self._day_ends:
            self._today = 0
            self._day_ends = now + seconds_to_midnight(now)

    def _exceeded(self, limits: Limits, tokens: int, now: float) -> list[Exceeded]:
        found = []
        if limits.rpd is not None and self._today >= limits.rpd:
            found.append(Exceeded("rpd", limits.rpd, self._day_ends - now))
        if limits.rpm is not None and len(self._minute) >= limits.rpm:
            found.append(Exceeded("rpm", limits.rpm, self._wait_for_request(limits.rpm, now)))
        if limits.tpm is not None and self._minute_tokens + tokens > limits.tpm:
            found.append(Exceeded("tpm", limits.tpm, self._wait_for_tokens(limits.tpm, tokens, now)))
        return found

    def _wait_for_request(self, rpm: int, now: float) -> float:
        return self._minute[len(self._minute) - rpm][0] + MINUTE - now if rpm else MINUTE

    def _wait_for_tokens(self, tpm: int, tokens: int, now: float) -> float:
        left = self._minute_tokens
        for moment, used in self._minute:
            left -= used
            if left + tokens <= tpm:
                return moment + MINUTE - now
        return MINUTE


class Quotas:
    """The limits of every project and model, and the ledgers behind them."""

    def __init__(self, free: Table = FREE, paid: Table = PAID, projects: Mapping[str, Table] | None = None) -> None:
        self.free = free
        self.paid = paid
        self.projects = dict(projects or {})
        self._ledgers: dict[tuple[str, str], Ledger] = {}
        self._limits: dict[tuple[str, bool, str], Limits] = {}

    def limits_of(self, key: Key, facts: ModelFacts) -> Limits:
        """What the key's project may do with the model."""
        asked = (key.project, key.paid, facts.served_as)
        limits = self._limits.get(asked)
        if limits is None:
            limits = self._limits[asked] = self._look_up(key, facts)
        return limits

    def _look_up(self, key: Key, facts: ModelFacts) -> Limits:
        if facts.paid_only and not key.paid:
            return NOT_OFFERED
        for table in (self.projects.get(key.project, {}), self.paid if key.paid else self.free):
            for pattern, limits in table.items():
                if fnmatchcase(facts.served_as, pattern):
                    return limits
        return UNLIMITED

    def take(self, key: Key, facts: ModelFacts, tokens: int, now: float) -> list[Exceeded]:
        """Count one request of so many input tokens, or say which limits stand against it."""
        limits = self.limits_of(key, facts)
        if limits is UNLIMITED:
            return []
        place = (key.project, facts.served_as)
        ledger = self._ledgers.get(place)
        if ledger is None:
            ledger = self._ledgers[place] = Ledger()
        return ledger.take(limits, tokens, now)

    def used(self, now: float) -> dict[str, dict[str, int]]:
        """Everything in use, by `project/model`."""
        return {f"{project}/{model}": ledger.used(now) for (project, model), ledger in self._ledgers.items()}

    def change(self, free: Table | None, paid: Table | None, projects: Mapping[str, Table]) -> None:
        """Put other limits in place; what has been used stays used."""
        self.free = self.free if free is None else free
        self.paid = self.paid if paid is None else paid
        self.projects |= projects
        self._limits.clear()

    def reset(self) -> None:
        """Forget what has been used."""
        self._ledgers.clear()
