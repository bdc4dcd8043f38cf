"""The figures as tables for people, and as a file for those that draw and compare."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring.contenders import NAMES, TITLES
from benchmarks.measuring.figures import FIGURES, Rounds, ratio_of, spread_of
from benchmarks.measuring.goals import judged

_AGAINST = {"uvicorn": ("floor-uvicorn", "litellm", "portkey"), "daphne": ("floor-daphne", "litellm", "portkey")}


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows under a head, in Markdown, the columns aligned."""
    cells = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def written(value: float, digits: int) -> str:
    """A number for people: 1,234 or 0.12."""
    return f"{value:,.{digits}f}"


def figures_table(rounds: Rounds, figures: Sequence[str]) -> str:
    """Medians, each with its spread, by contender."""
    names = [name for name in FIGURES if name in figures and name in rounds]
    known = {contender for name in names for contender in rounds[name]}
    contenders = [name for name in NAMES if name in known] + sorted(known - set(NAMES))
    head = ["", *(f"{FIGURES[name].title}, {FIGURES[name].unit}".removesuffix(", ") for name in names)]
    rows = [[TITLES.get(one, one), *(_cell(rounds[name].get(one), name) for name in names)] for one in contenders]
    return table([head, *rows])


def _cell(values: list[float] | None, name: str) -> str:
    if not values:
        return "–"
    median = written(statistics.median(values), FIGURES[name].digits)
    return f"{median} ± {spread_of(values):.0%}" if len(values) > 1 else median


def ratios_table(rounds: Rounds, figures: Sequence[str]) -> str:
    """Ours against the floor of the same server and the others: the medians of the ratios. "" if there are none."""
    names = [name for name in FIGURES if name in figures and name in rounds]
    rows = [
        [f"{TITLES[ours]} ÷ {TITLES[other]}", *(f"{ratio:.2f}" if ratio else "–" for ratio in ratios)]
        for ours, others in _AGAINST.items()
        for other in others
        if any(ratios := [ratio_of(rounds, name, ours, other) for name in names])
    ]
    return table([["", *(FIGURES[name].title for name in names)], *rows]) if rows else ""


def goals_table(rounds: Rounds) -> str:
    """Every goal beside its figure. "" if none was measured."""
    verdicts = judged(rounds)
    rows = [[str(one.goal), f"{one.reached:.2f}", "met" if one.met else "NOT MET"] for one in verdicts]
    return table([["goal", "reached", ""], *rows]) if rows else ""


def keep(path: Path, question: str, measured: Mapping[str, Any]) -> dict[str, Any]:
    """Write a question's figures into the file of the day, beside those of the other questions; gives all of them."""
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"questions": {}}
    kept["questions"][question] = measured
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return kept


def all_rounds(kept: Mapping[str, Any]) -> Rounds:
    """The figures of every question in a file of results."""
    rounds: Rounds = {}
    for question in kept["questions"].values():
        rounds |= question["figures"]
    return rounds
