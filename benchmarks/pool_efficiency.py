"""How much of what the quotas of a day allow is served, and how often is Gemini asked in vain?

usage: benchmarks/pool_efficiency.py [--seeds 1,2,3] [--bursts 3,10] [--short] [--picture FILE.svg]

A day of 60 keys in 40 projects with three models, in virtual time, against the simulator's own quotas and refusals: requests
a minute 5 to 15, a day 20 to 1,000, 250,000 input tokens a minute; five keys are dead, three die at midday, one model is
overloaded for 20 minutes, our address is refused for 8; more is asked for than there is, as much, and less, with bursts
of three minutes (a second day has bursts of ten); Gemini's midnight is in the middle.

Played by this project's own pool and attempts, which know no limit at the start; by the same once more, with the limits
that they had learned by the end of that day; and on the same trace by two simpler ways to share keys: in turn with three
strikes, and by chance with a fixed cooldown of five seconds. What the quotas allow is what no gateway can exceed, though it
knew every limit and the whole day beforehand (benchmarks/day/figures.py, `capacity`).

The goals: 98 % of what the quotas allow, 1 % of the calls refused after the first hour, no error while a key has room.
"""

import argparse
import itertools
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(seeds: list[int], bursts: list[int], *, short: bool, picture: str) -> None:
    """Play the day of each seed, with bursts of each length, with every gateway."""
    from benchmarks.day import trace

    shape = trace.SHORT if short else trace.Shape()
    for seed, minutes in itertools.product(seeds, bursts):
        day = trace.make_day(shape._replace(burst_minutes=minutes), seed)
        played = play(day, seed)
        if picture:
            draw(day, played, picture)
            picture = ""


def play(day, seed: int) -> dict:
    """Each gateway's day, by its name, printed as it comes."""
    from benchmarks.day import gateways
    from benchmarks.day.figures import capacity, figures

    allowed = capacity(day)
    print(
        f"seed {seed}, bursts of {day.shape.burst_minutes} minutes: {len(day.requests):,} requests in {day.shape.hours} hours; "
        f"the quotas allow {allowed:,}",
        flush=True,
    )
    played = {}
    for name, begin in (
        ("this pool", gateways.play_tumbler),
        ("  on its second day", lambda day: gateways.play_tumbler(day, played["this pool"].learned)),
        ("in turn, 3 strikes", lambda day: gateways.play(day, gateways.round_robin)),
        ("fixed cooldown of 5 s", lambda day: gateways.play(day, gateways.fixed_cooldown)),
    ):
        began = time.perf_counter()
        played[name.strip()] = begin(day)
        took = time.perf_counter() - began
        print(f"  {name:20}{line(figures(played[name.strip()], allowed))} [{took:.0f} s]", flush=True)
    return played


def line(found) -> str:
    """The figures of one gateway."""
    refused = ", ".join(f"{count:,} {name}" for name, count in found.refused.most_common())
    return (
        f"served {found.served:7,} = {found.share:6.1%} of it; {found.calls:8,} calls, {found.refused_later:6.2%} refused after "
        f"the first hour (in all: {refused}); {sum(found.errors.values()):6,} clients saw an error, "
        f"{found.errors_with_slot:6,} while a key had room; waited p50 {found.p50:.1f} s, p99 {found.p99:.1f} s"
    )


def draw(day, played: dict, path: str) -> None:
    """The picture of the day: this pool, as it begins, and the others."""
    from benchmarks.day.picture import draw

    shown = {name: one for name, one in played.items() if name != "on its second day"}
    Path(path).write_text(draw(day, shown))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", default="1", help="One day each.")
    parser.add_argument("--bursts", default="3,10", help="How many minutes they last: one day each.")
    parser.add_argument("--short", action="store_true", help="Four hours and 15 keys, as in the test suite.")
    parser.add_argument("--picture", default="", metavar="FILE", help="Draw the first day there, as SVG.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["TUMBLER_DATA_DIR"] = data_dir
        os.environ["DJANGO_SETTINGS_MODULE"] = "tumbler_site.settings"
        os.environ.pop("REDIS_URL", None)
        import django

        django.setup()
        logging.disable(logging.CRITICAL)
        main(
            *(list(map(int, given.split(","))) for given in (options.seeds, options.bursts)),
            short=options.short,
            picture=options.picture,
        )
