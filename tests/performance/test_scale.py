"""What the question of several workers concludes from its figures."""

import pytest

from benchmarks import scale
from benchmarks.measuring.bench import Bench


def told(tmp_path, **figures):
    bench = Bench(tmp_path, [])
    for figure, (one, two) in figures.items():
        bench.figures.add(figure, scale.ONE, one)
        bench.figures.add(figure, scale.TWO, two)
    bench.figures.add("scale", scale.POSTGRESQL, 1000.0)
    scale._tell(bench)
    return "\n".join(bench.notes)


RATES = {
    "scale": (800.0, 1520.0),
    "scale_cpu": (400.0, 420.0),
    "redis_cpu": (100.0, 100.0),
    "others_cpu": (150.0, 150.0),
}


def test_what_redis_costs_and_what_two_cores_would_bring(tmp_path):
    notes = told(tmp_path, **RATES)
    assert "costs one worker 20% of its requests a second" in notes
    assert "1.90 times one" in notes


@pytest.mark.parametrize(
    ("used", "idle", "is_bound"),
    [((99.0, 96.0), 40.0, True), ((99.0, 80.0), 40.0, False), ((99.0, 99.0), 2.0, False)],
)
def test_a_ratio_of_workers_that_something_else_held_back_is_called_too_low(used, idle, is_bound, tmp_path):
    notes = told(tmp_path, **RATES, share_used=used, idle=(60.0, idle))
    assert f"used {min(used):.0f}% of that or more; {idle:.0f}% of the machine was idle" in notes
    assert ("Not only their shares" not in notes) == is_bound
    assert "at the most" not in notes


def test_without_shares_a_small_machine_tells_what_it_allows_at_the_most(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.measuring.machine.all_cores", lambda: {0, 1})
    assert "2 cores for workers, load, PostgreSQL and Redis together: it allows 1.19 times" in told(tmp_path, **RATES)
