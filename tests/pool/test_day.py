"""A short simulated day (benchmarks/pool_efficiency.py): the real pool and attempts before the simulator's quotas."""

import logging
from xml.etree import ElementTree

import pytest

from benchmarks.day.figures import capacity, figures
from benchmarks.day.gateways import fixed_cooldown, play, play_tumbler, round_robin
from benchmarks.day.picture import draw
from benchmarks.day.trace import MODELS, SHORT, Request, make_day
from compat.simulator.quotas import Limits

ANSWERS = {"pool_exhausted", "upstream_unavailable"}


@pytest.fixture(scope="module")
def day():
    """Four hours with Gemini's midnight in the middle."""
    return make_day(SHORT, 2)


@pytest.fixture(autouse=True)
def _quiet():
    # A day has tens of thousands of lines, which pytest would keep.
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def first(day):
    """That day, played by a pool that knows no limit."""
    logging.disable(logging.CRITICAL)
    return play_tumbler(day)


def test_with_limits_learned_the_day_before_it_serves_what_the_quotas_allow_and_is_hardly_refused(day, first):
    found = figures(play_tumbler(day, first.learned), capacity(day))
    # Of 24 hours it is more than 0.99: here outages and bursts take a larger part.
    assert found.share >= 0.96
    assert found.refused["quota"] <= 0.002 * found.calls
    assert found.errors_with_slot == 0
    assert set(found.errors) <= ANSWERS
    assert found.share <= 1


def test_while_it_learns_them_it_is_refused_once_for_each_limit_and_no_client_sees_it(day, first):
    found = figures(first, capacity(day))
    limits = 2 * sum(map(len, day.quotas.values()))
    assert found.refused["quota"] <= limits
    assert found.refused["key"] <= SHORT.dead + SHORT.dying
    assert found.errors_with_slot == 0
    assert found.share >= 0.93


def test_simpler_ways_to_share_keys_are_refused_all_day_and_show_it(day):
    for simpler in (round_robin, fixed_cooldown):
        found = figures(play(day, simpler), capacity(day))
        assert found.refused_later > 0.3
        assert found.errors_with_slot > 100


def test_the_same_day_is_played_alike_twice():
    short = SHORT._replace(hours=3, projects=3, keys=5, dead=1, dying=1)
    first, second = (play_tumbler(make_day(short, 3)) for _ in range(2))
    assert [call.outcome for call in first.upstream.calls] == [call.outcome for call in second.upstream.calls]


def test_the_picture_is_drawn_and_is_well_formed(day):
    found = play(day, fixed_cooldown)
    picture = ElementTree.fromstring(draw(day, dict.fromkeys(("one", "two", "three"), found)))
    assert picture.tag.endswith("svg")
    assert len(picture.findall(".//{*}polyline")) == 7


def test_what_the_quotas_allow_is_counted_by_hand():
    """Of one project, model and day: so many a minute in a burst, and so many a day where enough is asked for."""
    shape = SHORT._replace(hours=4, projects=1, keys=1, dead=0, dying=0)
    day = make_day(shape, 1)
    model, minutes = MODELS[0], range(240)
    day.waves, day.midnight, day.rates = [], day.seconds, {model: [9.0 if m == 60 else 0.1 for m in minutes]}
    day.requests = [Request(n, 3600 + n, model, 10, 40, None, 1.0) for n in range(9)]
    day.quotas["p00"][model] = Limits(rpm=5, tpm=250_000, rpd=100)
    assert capacity(day) == 5
    day.requests += [Request(9 + n, 60.0 * n, model, 10, 40, None, 1.0) for n in range(50)]
    assert capacity(day) == 55
    day.quotas["p00"][model] = Limits(rpm=5, tpm=250_000, rpd=30)
    assert capacity(day) == 30
