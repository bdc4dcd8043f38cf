"""Bars for the documents: plain SVG, readable on a light page and on a dark one."""

import statistics
from collections.abc import Sequence
from html import escape
from pathlib import Path

from benchmarks.measuring.contenders import NAMES, TITLES
from benchmarks.measuring.figures import FIGURES, Rounds
from benchmarks.measuring.report import written

_WIDTH, _LABEL, _BAR, _LINE, _TOP = 760, 210, 18, 28, 44
_STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .title { font-weight: 600; font-size: 15px }
    .value { font-variant-numeric: tabular-nums }
    .floor { fill: #9aa4b2 } .ours { fill: #0f766e } .other { fill: #c2703d }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .floor { fill: #6b7685 } .ours { fill: #2dd4bf } .other { fill: #e0955f }
    }
"""

PICTURES = {
    "benchmark-requests": ("whole_32", "Whole answers a second, one core, 32 connections"),
    "benchmark-streams": ("streams_32", "Streams of 20 chunks a second, one core, 32 connections"),
    "benchmark-added": ("added_p50", "Milliseconds that are added to an answer, median at half load"),
    "benchmark-memory": ("peak", "Most memory of one process with 500 open streams, MB"),
}


def draw_all(rounds: Rounds, directory: Path) -> None:
    """Draw every picture whose figures are there."""
    for name, (figure, title) in PICTURES.items():
        if measured := rounds.get(figure):
            bars = [(one, statistics.median(measured[one])) for one in NAMES if measured.get(one)]
            (directory / f"{name}.svg").write_text(drawn(title, bars, FIGURES[figure].digits))


def shown(rounds: Rounds) -> str:
    """The pictures that there are, for a page of docs/."""
    found = [(name, title) for name, (figure, title) in PICTURES.items() if figure in rounds]
    return "\n\n".join(f"![{title}](images/{name}.svg)" for name, title in found)


def drawn(title: str, bars: Sequence[tuple[str, float]], digits: int) -> str:
    """Horizontal bars, one a contender, as long as their values."""
    greatest = max((value for _, value in bars), default=0) or 1
    height = _TOP + _LINE * len(bars) + 8
    spoken = "; ".join(f"{TITLES.get(name, name)} {written(value, digits)}" for name, value in bars)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="t d">',
        f'  <title id="t">{escape(title)}</title>',
        f'  <desc id="d">{escape(spoken)}</desc>',
        f"  <style>{_STYLE}  </style>",
        f'  <text class="title" x="8" y="24">{escape(title)}</text>',
    ]
    for place, (name, value) in enumerate(bars):
        top = _TOP + _LINE * place
        long = max(1.0, value / greatest * (_WIDTH - _LABEL - 80))
        lines += [
            f'  <text x="{_LABEL - 10}" y="{top + 14}" text-anchor="end">{escape(TITLES.get(name, name))}</text>',
            f'  <rect class="{_kind(name)}" x="{_LABEL}" y="{top}" width="{long:.1f}" height="{_BAR}" rx="3"/>',
            f'  <text class="value" x="{_LABEL + long + 8:.1f}" y="{top + 14}">{written(value, digits)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def _kind(name: str) -> str:
    if name.startswith("floor"):
        return "floor"
    return "ours" if name in {"uvicorn", "daphne"} else "other"
