"""What happens on the day, the same for every gateway: projects and their quotas, keys that die, outages, requests."""

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from compat.simulator.keys import read_key
from compat.simulator.quotas import Limits

MODELS = ("gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.5-flash-lite")
MINUTE = 60.0
TPM = 250_000


class Level(NamedTuple):
    """How much of a model is asked for."""

    of_day: float
    """Requests of a Pacific day, as a share of what all projects may send on it."""
    burst: float
    """Requests a minute in a burst, as a share of what all projects may send in one."""


# More than the days' quotas; about as much; less, but with short bursts of more than a minute's.
LEVELS = (Level(1.5, 1.25), Level(1.0, 0.8), Level(0.6, 1.5))


class Shape(NamedTuple):
    """How large the day is."""

    hours: int = 24
    starts: datetime = datetime(2026, 11, 20, 18, tzinfo=UTC)
    """Ten in the morning in Los Angeles; midnight is 14 hours away."""
    keys: int = 60
    projects: int = 40
    dead: int = 5
    dying: int = 3
    rpds: tuple[int, ...] = (20, 50, 100, 200, 250, 500, 1_000)
    burst_minutes: int = 3
    overload_minutes: int = 20
    address_minutes: int = 8


# Four hours with midnight in the middle: for the test suite.
SHORT = Shape(
    hours=4,
    starts=datetime(2026, 11, 21, 6, tzinfo=UTC),
    keys=15,
    projects=10,
    dead=2,
    dying=2,
    rpds=(50, 100, 200, 500),
    overload_minutes=5,
    address_minutes=2,
)


class Request(NamedTuple):
    """One client's request."""

    number: int
    at: float
    """Seconds since the start."""
    model: str
    tokens: int
    """Of the prompt, as the upstream will count them."""
    characters: int
    conversation: int | None
    seconds: float
    """How long an answer takes."""


class Wave(NamedTuple):
    """A time in which the upstream answers nobody: one model, or (None) our address with any."""

    model: str | None
    begins: float
    ends: float

    def hits(self, model: str, at: float) -> bool:
        """True for a call of that model at that time."""
        return self.begins <= at < self.ends and self.model in (None, model)


@dataclass
class Day:
    """The whole trace; times are seconds since the start."""

    shape: Shape
    quotas: dict[str, dict[str, Limits]]
    """By project and model."""
    keys: list[str]
    dies: dict[str, float]
    waves: list[Wave]
    midnight: float
    rates: dict[str, list[float]]
    """Requests that are expected of each model, minute by minute."""
    requests: list[Request] = field(default_factory=list)

    @property
    def starts(self) -> float:
        """The Unix time of the start."""
        return self.shape.starts.timestamp()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.shape.hours * 3600.0

    def is_dead(self, key: str, at: float) -> bool:
        """True when a key is refused for good."""
        return bool(read_key(key).faults) or at >= self.dies.get(key, math.inf)

    def lives_until(self, project: str) -> float:
        """When the last key of a project dies; 0 when it never had one that works."""
        ends = [self.dies.get(key, math.inf) for key in self.keys if read_key(key).project == project]
        alive = [end for key, end in zip(self.keys_of(project), ends, strict=True) if not read_key(key).faults]
        return max(alive, default=0.0)

    def keys_of(self, project: str) -> list[str]:
        """The keys of a project."""
        return [key for key in self.keys if read_key(key).project == project]


def make_day(shape: Shape, seed: int) -> Day:
    """The day of that seed."""
    rng = random.Random(seed)
    projects = [f"p{number:02}" for number in range(shape.projects)]
    quotas = {
        project: {model: Limits(rng.randint(5, 15), TPM, rng.choice(shape.rpds)) for model in MODELS}
        for project in projects
    }
    owners = projects + rng.sample(projects, shape.keys - shape.projects)
    spoilt = rng.sample(range(shape.keys), shape.dead + shape.dying)
    keys = [
        f"sim-{'dead-' if number in spoilt[: shape.dead] else ''}{project}-{number}"
        for number, project in enumerate(owners)
    ]
    seconds = shape.hours * 3600.0
    dies = {keys[number]: 0.25 * seconds + rng.random() * 600 for number in spoilt[shape.dead :]}
    overload = 0.4 * seconds + rng.random() * 600
    address = 0.75 * seconds + rng.random() * 600
    waves = [
        Wave(MODELS[1], overload, overload + shape.overload_minutes * MINUTE),
        Wave(None, address, address + shape.address_minutes * MINUTE),
    ]
    day = Day(shape, quotas, keys, dies, waves, _midnight(shape), {})
    for model, level in zip(MODELS, LEVELS, strict=True):
        day.rates[model] = _rates(day, model, level, rng)
    day.requests = _requests(day, rng)
    return day


def _midnight(shape: Shape) -> float:
    return (datetime(2026, 11, 21, 8, tzinfo=UTC) - shape.starts).total_seconds()


def _rates(day: Day, model: str, level: Level, rng: random.Random) -> list[float]:
    """Two bursts each Pacific day on top of a slow swell."""
    minutes, midnight = day.shape.hours * 60, int(day.midnight // MINUTE)
    alive = [limits[model] for project, limits in day.quotas.items() if day.lives_until(project)]
    a_day, a_minute = sum(limits.rpd for limits in alive), sum(limits.rpm for limits in alive)
    rates = [0.0] * minutes
    for first, last in ((0, midnight), (midnight, minutes)):
        length = last - first
        for part in (0.2, 0.6):
            begins = first + int((part + 0.2 * rng.random()) * length)
            for minute in range(begins, begins + day.shape.burst_minutes):
                rates[minute] = level.burst * a_minute
        left = max(0.0, level.of_day * a_day - sum(rates[first:last]))
        swell = [1 + 0.7 * math.sin(2 * math.pi * (minute - first) / length) for minute in range(first, last)]
        for minute, height in zip(range(first, last), swell, strict=True):
            rates[minute] += left * height / sum(swell)
    return rates


def _requests(day: Day, rng: random.Random) -> list[Request]:
    arrivals = []
    for model, rates in day.rates.items():
        for minute, rate in enumerate(rates):
            at = minute * MINUTE
            while rate > 0 and (at := at + rng.expovariate(rate / MINUTE)) < (minute + 1) * MINUTE:
                arrivals.append((at, model))
    return [_request(number, at, model, rng) for number, (at, model) in enumerate(sorted(arrivals))]


def _request(number: int, at: float, model: str, rng: random.Random) -> Request:
    # Most prompts are short, some are whole documents; the longer ones belong to conversations.
    tokens = rng.randint(15_000, 60_000) if rng.random() < 0.03 else round(rng.lognormvariate(6.5, 1.2)) + 5
    characters = round(tokens * rng.uniform(3.2, 4.8))
    return Request(
        number,
        at,
        model,
        tokens,
        characters,
        rng.randrange(2_000) if characters > 4_096 else None,
        rng.lognormvariate(0.7, 0.7),
    )
