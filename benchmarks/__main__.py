"""The command behind scripts/benchmark.sh: asks the questions, prints the tables, keeps the figures, draws the pictures."""

import argparse
import ast
import signal
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from benchmarks.measuring import contenders, machine, report
from benchmarks.measuring.bench import Bench
from benchmarks.measuring.figures import FIGURES
from benchmarks.measuring.pictures import draw_all, shown
from benchmarks.measuring.running import ROOT

QUESTIONS = {
    "overhead": "requests/s, processor and added time, beside the floor and other gateways (5 min)",
    "streams": "streams/s, time to the first chunk, 500 at once, memory of each (6 min)",
    "long": "20 minutes of mixed load with clients that leave: memory, descriptors, threads, tasks",
    "scale": "one and two workers on PostgreSQL and Redis (2 min)",
}
_ASKED_BY_DEFAULT = ("overhead", "streams", "scale")
_HERE = ROOT / "benchmarks"
_RESULTS = _HERE / "results"


def parts() -> dict[str, str]:
    """The benchmarks of parts of the product, scripts of their own: what each asks."""
    scripts = {path.stem: path for path in sorted(_HERE.glob("*.py"))}
    own = set(scripts) - set(QUESTIONS) - {"__main__", "floor"}
    return {name: _asked(scripts[name]) for name in sorted(own)}


def _asked(script: Path) -> str:
    return (ast.get_docstring(ast.parse(script.read_text())) or "").partition("\n")[0]


def main() -> int:
    """Exit status 1 when an answer was wrong, or nothing could be measured. A goal that is not met is no error."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever ends this ends what it started
    machine.stay_on(machine.load_core())
    if not machine.can_pin():
        print(
            "Processes cannot be held to a core here: gateway, load and stand-in share all of them, ratios are rough."
        )
    errors = 0
    for question in options.questions or ([] if options.document else _ASKED_BY_DEFAULT):
        errors += _question(question, options) if question in QUESTIONS else _part(question)
    if options.document:
        kept = report.newest(_RESULTS)
        text = f"{shown(report.all_rounds(kept))}\n\n{report.document(kept)}"
        report.write_into(ROOT / "docs" / "performance.md", text)
    return 1 if errors else 0


def _options() -> argparse.Namespace:
    lines = "\n".join(f"  {name:12} {about}" for name, about in (QUESTIONS | parts()).items())
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark.sh",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"questions (without any: {', '.join(_ASKED_BY_DEFAULT)}):\n{lines}",
    )
    parser.add_argument("questions", nargs="*", metavar="question")
    parser.add_argument(
        "--short", action="store_true", help="three rounds instead of five, half as long; long: 2 minutes"
    )
    parser.add_argument("--only", metavar="A,B", help=f"some of {', '.join(contenders.NAMES)}")
    parser.add_argument(
        "--document",
        action="store_true",
        help="write the newest figures into docs/performance.md; alone: measure nothing",
    )
    options = parser.parse_args()
    if unknown := set(options.questions) - set(QUESTIONS) - set(parts()):
        parser.error(f"no such question: {', '.join(sorted(unknown))}")
    options.only = options.only.split(",") if options.only else list(contenders.NAMES)
    if unknown := set(options.only) - set(contenders.NAMES):
        parser.error(f"no such contender: {', '.join(sorted(unknown))}")
    return options


def _part(name: str) -> int:
    print(f"\n## {name}\n", flush=True)
    with machine.started_on(machine.all_cores()):
        return subprocess.run([sys.executable, _HERE / f"{name}.py"], check=False).returncode


def _question(name: str, options: argparse.Namespace) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tumbler-benchmark-") as directory:
        bench = Bench(Path(directory), list(options.only), short=options.short)
        import_module(f"benchmarks.{name}").ask(bench)
    _print(name, bench, time.monotonic() - began)
    kept = report.keep(_RESULTS / f"{time.strftime('%Y-%m-%d')}.json", name, _kept(bench))
    draw_all(report.all_rounds(kept), ROOT / "docs" / "images")
    return sum(bench.errors.values())


def _kept(bench: Bench) -> dict[str, object]:
    measured = {name for column in bench.figures.rounds.values() for name in column}
    others = {name: contenders.installed_version(name) for name in ("litellm", "portkey") if name in measured}
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "short": bench.short,
        "machine": machine.described() | others,
        "figures": bench.figures.rounds,
        "errors": bench.errors,
        "notes": bench.notes,
    }


def _print(name: str, bench: Bench, seconds: float) -> None:
    rounds = bench.figures.rounds
    print(f"\n## {name}\n")
    print(", ".join(f"{what}: {value}" for what, value in machine.described().items()))
    print(f"{len(bench.rounds)} rounds, taken in turn; median ± half the spread; {seconds:.0f} s in all\n")
    print(report.figures_table(rounds, list(FIGURES)))
    for part in (report.ratios_table(rounds, list(FIGURES)), report.goals_table(rounds), "\n".join(bench.notes)):
        if part:
            print(f"\n{part}")
    print(f"\nwrong answers: {sum(bench.errors.values())}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
