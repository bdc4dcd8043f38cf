"""A picture of a day, as SVG without a library: what was served, and what was asked in vain, by the quarter of an hour."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from benchmarks.day.gateways import Played
from benchmarks.day.trace import Day

_PACIFIC = ZoneInfo("America/Los_Angeles")
_STEP = 900.0
_LEFT, _WIDTH, _TALL = 64, 760, 190
_TOPS = (70, 330)
_COLOURS = ("ours", "second", "third")
# Light and dark; of each pair the same hue, with enough contrast on its ground. Dashes tell the lines apart without colour.
_STYLE = """
svg { font: 13px system-ui, sans-serif; --ground: #fff; --ink: #1f2328; --faint: #656d76; --rule: #d0d7de; --shade: #eaeef2;
  --ours: #0969da; --second: #bc4c00; --third: #1a7f37 }
@media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --ink: #e6edf3; --faint: #9198a1; --rule: #3d444d;
  --shade: #21262d; --ours: #58a6ff; --second: #f0883e; --third: #56d364 } }
.ground { fill: var(--ground) } .shade { fill: var(--shade) } text { fill: var(--ink) } .faint { fill: var(--faint) }
.rule { stroke: var(--rule); stroke-width: 1 } .asked { fill: none; stroke: var(--faint); stroke-width: 1; stroke-dasharray: 2 3 }
.ours { stroke: var(--ours); stroke-width: 2.5; fill: none } .second { stroke: var(--second); stroke-width: 1.5; fill: none;
  stroke-dasharray: 7 3 } .third { stroke: var(--third); stroke-width: 1.5; fill: none; stroke-dasharray: 3 2 }
"""


def draw(day: Day, played: dict[str, Played]) -> str:
    """The SVG of a day, with the gateways by name, ours first."""
    asked = _by_step(day, (request.at for request in day.requests))
    served = [_by_step(day, (end.request.at for end in one.ended if not end.error)) for one in played.values()]
    refused = [
        _by_step(day, (call.at for call in one.upstream.calls if call.outcome != "answered")) for one in played.values()
    ]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 24} 600" role="img">',
        "<title>A simulated day of 60 keys: requests served, and calls that Gemini refused</title>",
        f"<style>{_STYLE}</style>",
        '<rect class="ground" width="100%" height="100%"/>',
        *_legend(list(played)),
        *_panel(day, _TOPS[0], "requests served in 15 minutes (dotted: asked for)", [asked], served),
        *_panel(day, _TOPS[1], "calls in 15 minutes that Gemini refused", [], refused),
        *_hours(day),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(names: Sequence[str]) -> Iterable[str]:
    for number, (name, colour) in enumerate(zip(names, _COLOURS, strict=True)):
        x = _LEFT + 210 * number
        yield f'<line class="{colour}" x1="{x}" y1="20" x2="{x + 34}" y2="20"/><text x="{x + 42}" y="24">{name}</text>'


def _panel(day: Day, top: int, title: str, faint: list[list[int]], lines: list[list[int]]) -> Iterable[str]:
    most = _round_up(max(max(line) for line in faint + lines))
    yield f'<text x="{_LEFT}" y="{top - 12}" font-weight="600">{title}</text>'
    for wave in day.waves:
        x, width = _x(day, wave.begins), _x(day, wave.ends) - _x(day, wave.begins)
        what = "address refused" if wave.model is None else "a model overloaded"
        yield f'<rect class="shade" x="{x:.1f}" y="{top}" width="{width:.1f}" height="{_TALL}"/>'
        yield f'<text class="faint" x="{x + width / 2:.1f}" y="{top + 12}" font-size="11" text-anchor="middle">{what}</text>'
    for part in range(5):
        y = top + _TALL * (1 - part / 4)
        yield f'<line class="rule" x1="{_LEFT}" y1="{y}" x2="{_LEFT + _WIDTH}" y2="{y}"/>'
        yield f'<text class="faint" x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{most * part // 4:,}</text>'
    for line in faint:
        yield f'<polyline class="asked" points="{_points(day, top, line, most)}"/>'
    for line, colour in reversed(list(zip(lines, _COLOURS, strict=True))):
        yield f'<polyline class="{colour}" points="{_points(day, top, line, most)}"/>'


def _hours(day: Day) -> Iterable[str]:
    bottom = _TOPS[1] + _TALL
    every = 3 if day.shape.hours > 12 else 1
    for hour in range(0, day.shape.hours + 1, every):
        at = day.shape.starts + timedelta(hours=hour)
        x = _x(day, hour * 3600.0)
        yield f'<text class="faint" x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{at.astimezone(_PACIFIC):%H:%M}</text>'
    x = _x(day, day.midnight)
    yield f'<line class="rule" x1="{x:.1f}" y1="{_TOPS[0]}" x2="{x:.1f}" y2="{bottom}" stroke-width="2"/>'
    yield f'<text class="faint" x="{x:.1f}" y="{bottom + 40}" text-anchor="middle">midnight in Los Angeles</text>'


def _by_step(day: Day, times: Iterable[float]) -> list[int]:
    counts = Counter(int(at // _STEP) for at in times)
    return [counts[step] for step in range(int(day.seconds // _STEP))]


def _points(day: Day, top: int, line: list[int], most: int) -> str:
    return " ".join(
        f"{_x(day, (step + 0.5) * _STEP):.1f},{top + _TALL * (1 - count / most):.1f}" for step, count in enumerate(line)
    )


def _x(day: Day, at: float) -> float:
    return _LEFT + _WIDTH * at / day.seconds


def _round_up(number: int) -> int:
    """To four even steps that are easily read."""
    step = 10 ** max(0, len(str(number)) - 2) * 4
    return -(-max(4, number) // step) * step
