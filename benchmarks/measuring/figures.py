"""What is measured: names, units, medians, spreads and ratios."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

Rounds = dict[str, dict[str, list[float]]]
"""figure → contender → one value a round, the same round at the same place."""


@dataclass(frozen=True)
class Figure:
    """A column of a table."""

    name: str
    title: str
    unit: str
    digits: int = 0


FIGURES = {
    figure.name: figure
    for figure in (
        Figure("whole_1", "1 connection", "requests/s"),
        Figure("whole_32", "32 connections", "requests/s"),
        Figure("whole_200", "200 connections", "requests/s"),
        Figure("cpu", "processor", "µs a request"),
        Figure("added_p50", "adds, p50 at half load", "ms", 2),
        Figure("added_p99", "adds, p99 at half load", "ms", 2),
        Figure("streams_32", "streams of 20 chunks", "streams/s"),
        Figure("chunks", "chunks", "chunks/s"),
        Figure("stream_cpu", "processor", "µs a stream"),
        Figure("first_chunk", "first chunk adds, p50 at half load", "ms", 2),
        Figure("gap_p99", "500 streams: gap p99 (20 ms sent)", "ms", 1),
        Figure("crowd_chunks", "500 streams: chunks", "chunks/s"),
        Figure("stream_kb", "500 streams: memory each", "kB", 1),
        Figure("ready", "ready after start", "s", 2),
        Figure("peak", "peak memory", "MB"),
        Figure("slope", "memory, from warm to the end", "MB", 1),
        Figure("descriptors", "descriptors left over", "", 0),
        Figure("threads", "threads more", "", 0),
        Figure("tasks", "tasks left over", "", 0),
        Figure("scale", "64 connections", "requests/s"),
        Figure("scale_cpu", "workers' processor", "µs a request"),
        Figure("redis_cpu", "Redis's processor", "µs a request"),
        Figure("others_cpu", "everything else", "µs a request"),
        Figure("share_used", "of its share used", "%"),
        Figure("idle", "machine idle", "%"),
    )
}


@dataclass
class Figures:
    """The values of a question, as they come."""

    rounds: Rounds = field(default_factory=dict)

    def add(self, figure: str, contender: str, value: float) -> None:
        """One more round of a figure."""
        assert figure in FIGURES, figure
        self.rounds.setdefault(figure, {}).setdefault(contender, []).append(value)


def median_of(rounds: Rounds, figure: str, contender: str) -> float | None:
    """The median of the rounds; None if it was not measured."""
    values = rounds.get(figure, {}).get(contender)
    return statistics.median(values) if values else None


def spread_of(values: Sequence[float]) -> float:
    """How far the rounds lie apart: half of what lies between the least and the greatest, as a part of the median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / abs(middle) if middle else 0.0


def ratio_of(rounds: Rounds, figure: str, contender: str, other: str) -> float | None:
    """The median of the ratios round by round; None if one of the two was not measured."""
    pairs = _pairs(rounds, figure, contender, other)
    ratios = [mine / theirs for mine, theirs in pairs if theirs > 0]
    return statistics.median(ratios) if ratios else None


def difference_of(rounds: Rounds, figure: str, contender: str, other: str) -> float | None:
    """The median of the differences round by round."""
    pairs = _pairs(rounds, figure, contender, other)
    return statistics.median(mine - theirs for mine, theirs in pairs) if pairs else None


def _pairs(rounds: Rounds, figure: str, contender: str, other: str) -> list[tuple[float, float]]:
    columns = rounds.get(figure, {})
    return list(zip(columns.get(contender, []), columns.get(other, []), strict=False))


def percentile(values: Sequence[float], part: float) -> float:
    """The value that so great a part of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def slope_of(samples: Sequence[tuple[float, float]]) -> float:
    """How much the second number grows along the line through the samples, from the first of them to the last."""
    line = statistics.linear_regression([at for at, _ in samples], [value for _, value in samples])
    return line.slope * (samples[-1][0] - samples[0][0])
