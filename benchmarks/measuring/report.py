"""The figures as tables for people, and as a file for those that draw and compare."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring.contenders import NAMES, TITLES
from benchmarks.measuring.figures import FIGURES, Rounds, median_of, ratio_of, spread_of
from benchmarks.measuring.goals import judged

_BEGIN, _END = "<!-- figures: written by scripts/benchmark.sh --document -->", "<!-- end of figures -->"
_CHUNKS_A_SECOND = 4  # of a chat's stream: an assumption, said wherever it is used
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


def document(kept: Mapping[str, Any]) -> str:
    """Everything that a file of results tells, as docs/performance.md shows it."""
    rounds = all_rounds(kept)
    parts = [in_plain_words(rounds), "### Goals", goals_table(rounds)]
    for name, question in kept["questions"].items():
        figures = list(question["figures"])
        count = max(len(values) for figure in question["figures"].values() for values in figure.values())
        machine = ", ".join(f"{what} {value}" for what, value in question["machine"].items())
        parts += [f"### {name}", f"{question['at'][:10]}, {count} rounds; {machine}."]
        parts += [figures_table(question["figures"], figures), ratios_table(question["figures"], figures)]
        parts += ["\n".join(f"- {note}" for note in question["notes"])]
        parts += [f"Wrong answers: {sum(question['errors'].values())}."]
    return "\n\n".join(filter(None, parts))


def in_plain_words(rounds: Rounds) -> str:
    """What one core serves, for who asks how many people that is. "" if it was not measured."""
    lines = []
    for name in ("uvicorn", "daphne"):
        whole, streams = median_of(rounds, "whole_32", name), median_of(rounds, "streams_32", name)
        open_at_once = median_of(rounds, "crowd_chunks", name)
        if whole and streams and open_at_once:
            # Rounded to two figures: nobody's machine is this one.
            at_once = open_at_once / 2 / _CHUNKS_A_SECOND
            lines.append(
                f"- {TITLES[name]}: {_rough(whole / 2)} whole chats a second, or {_rough(streams / 2)} streamed chats of 20 "
                f"chunks begun and ended every second, or {_rough(at_once)} streams open at once."
            )
    head = (
        "What one core serves at half of what it can, so with room for a rush "
        f"(an open stream is counted at {_CHUNKS_A_SECOND} chunks a second):"
    )
    return "\n".join([head, "", *lines]) if lines else ""


def _rough(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}"


def write_into(page: Path, text: str) -> None:
    """Put the text between the two marks of a page."""
    before, found, rest = page.read_text().partition(_BEGIN)
    _, ended, after = rest.partition(_END)
    if not found or not ended:
        raise ValueError(f"{page} has not both of the marks {_BEGIN} and {_END}")
    page.write_text(f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}")


def keep(path: Path, question: str, measured: Mapping[str, Any]) -> dict[str, Any]:
    """Write a question's figures into the file of the day, beside those of the other questions; gives all of them."""
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"questions": {}}
    kept["questions"][question] = measured
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return kept


def newest(results: Path) -> dict[str, Any]:
    """What was measured last for each question, be it on another day than the others."""
    questions: dict[str, Any] = {}
    for path in sorted(results.glob("*.json")):
        questions |= json.loads(path.read_text())["questions"]
    return {"questions": questions}


def all_rounds(kept: Mapping[str, Any]) -> Rounds:
    """The figures of every question in a file of results."""
    rounds: Rounds = {}
    for question in kept["questions"].values():
        rounds |= question["figures"]
    return rounds
