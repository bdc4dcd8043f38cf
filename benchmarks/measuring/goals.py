"""What this project means to reach, and whether a run did."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measuring.contenders import TITLES
from benchmarks.measuring.figures import FIGURES, Rounds, difference_of, median_of, ratio_of


@dataclass(frozen=True)
class Goal:
    """`figure` of `contender`, alone or against another's: at least or at most so much."""

    figure: str
    contender: str
    sign: str
    limit: float
    against: str = ""
    by: str = "ratio"

    def reached(self, rounds: Rounds) -> float | None:
        """The figure that is held to the limit; None if it was not measured."""
        if not self.against:
            return median_of(rounds, self.figure, self.contender)
        of = ratio_of if self.by == "ratio" else difference_of
        return of(rounds, self.figure, self.contender, self.against)

    def is_met(self, reached: float) -> bool:
        """Whether that is enough."""
        if self.sign == "±":
            return abs(reached) <= self.limit
        return reached >= self.limit if self.sign == "≥" else reached <= self.limit

    def __str__(self) -> str:
        figure = FIGURES[self.figure]
        about = f"{TITLES.get(self.contender, self.contender)}: {figure.title}"
        limit = f"{self.limit:g}"
        if not self.against:
            return f"{about} {self.sign} {limit} {figure.unit}".strip()
        other = TITLES.get(self.against, self.against)
        if self.by == "ratio":
            return f"{about} {self.sign} {limit} × {other}"
        return f"{about} {self.sign} {other} + {limit} {figure.unit}"


GOALS = (
    Goal("whole_32", "uvicorn", "≥", 0.5, "floor-uvicorn"),
    Goal("whole_32", "uvicorn", "≥", 20, "litellm"),
    Goal("whole_32", "uvicorn", "≥", 3, "portkey"),
    Goal("whole_32", "daphne", "≥", 0.6, "floor-daphne"),
    Goal("whole_32", "daphne", "≥", 8, "litellm"),
    Goal("added_p50", "uvicorn", "≤", 1.5, "floor-uvicorn"),
    Goal("added_p50", "daphne", "≤", 1.5, "floor-daphne"),
    Goal("streams_32", "uvicorn", "≥", 0.7, "floor-uvicorn"),
    Goal("streams_32", "uvicorn", "≥", 20, "litellm"),
    Goal("streams_32", "uvicorn", "≥", 3, "portkey"),
    Goal("first_chunk", "uvicorn", "≤", 1, "floor-uvicorn", "difference"),
    Goal("first_chunk", "daphne", "≤", 1, "floor-daphne", "difference"),
    Goal("stream_kb", "uvicorn", "≤", 40),
    Goal("stream_kb", "daphne", "≤", 40),
    Goal("ready", "uvicorn", "≤", 2),
    Goal("ready", "daphne", "≤", 2),
    Goal("peak", "uvicorn", "≤", 150),
    Goal("peak", "daphne", "≤", 150),
    Goal("slope", "uvicorn", "±", 5),
    Goal("slope", "daphne", "±", 5),
    Goal("scale", "2 workers, PostgreSQL, Redis", "≥", 1.7, "1 worker, PostgreSQL, Redis"),
)


@dataclass(frozen=True)
class Verdict:
    """A goal and what was reached."""

    goal: Goal
    reached: float
    met: bool


def judged(rounds: Rounds, goals: Sequence[Goal] = GOALS) -> list[Verdict]:
    """Every goal whose figures are there."""
    found = [(goal, goal.reached(rounds)) for goal in goals]
    return [Verdict(goal, reached, goal.is_met(reached)) for goal, reached in found if reached is not None]
