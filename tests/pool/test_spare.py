"""What nobody waits for: it takes what is to spare, so that others find room as if it were not there."""

import pytest

from accounts.pool.facts import Exhausted, Lease
from accounts.pool.pacific import next_quota_day
from accounts.pool.quotas import Quota
from tests.pool.conftest import MODEL, NOW, keys

DAY = 24 * 3600.0


@pytest.mark.parametrize(
    ("quota", "asked", "spare"),
    [
        (Quota(10, 1_000, None), {}, Quota(5, 500, None)),
        (Quota(1, None, None), {}, Quota(1, None, None)),
        (Quota(15, None, None), {}, Quota(7, None, None)),
        (Quota(10, 1_000, None), {"tokens": 700}, Quota(5, 1_000, None)),
        (Quota(None, None, 100), {"day_left": 1.0}, Quota(5, None, 50)),
        (Quota(None, None, 100), {"day_left": 0.5, "paid": True}, Quota(None, None, 75)),
        (Quota(None, None, 100), {"day_left": 0.0, "paid": True}, Quota(None, None, 100)),
        (Quota(), {"paid": True}, Quota()),
        (Quota(), {}, Quota(5, None, None)),
    ],
)
def test_half_of_a_minute_and_of_the_day_what_it_has_too_much(quota, asked, spare):
    assert quota.spare(**{"tokens": 0, "day_left": 0.0, "paid": False, **asked}) == spare


def leased(pool, count, at=NOW, every=0.01, **asked):
    """How many of so many requests, one after the other, found room."""
    return sum(isinstance(pool.lease(MODEL, (), at + i * every, **asked), Lease) for i in range(count))


def test_what_is_spare_comes_evenly_fills_half_a_minute_and_leaves_the_rest(pool_of):
    pool = pool_of(keys(1), Quota(rpm=10))
    assert leased(pool, 60, every=1, spare=True) == 5
    assert leased(pool, 20, NOW + 60.6) == 6, "the first has left the minute"


def test_the_more_others_ask_for_the_less_is_spare(pool_of):
    pool = pool_of(keys(1), Quota(rpm=10))
    assert leased(pool, 4) == 4
    assert leased(pool, 13, NOW + 1, every=1, spare=True) == 1
    assert leased(pool, 20, NOW + 14) == 5
    assert leased(pool, 40, NOW + 15, every=1, spare=True) == 0


def test_it_finds_room_at_every_key_that_has_some(pool_of):
    pool = pool_of(keys(12), Quota(rpm=4))
    assert leased(pool, 30, spare=True) == 12
    assert leased(pool, 30, NOW + 31, spare=True) == 12
    assert leased(pool, 60, NOW + 32) == 24


def test_that_nothing_is_spare_keeps_nobody_else_out(pool_of):
    pool = pool_of(keys(1), Quota(rpm=10))
    assert leased(pool, 50, every=1, spare=True) == 5
    for moment in range(50, 55):
        assert isinstance(pool.lease(MODEL, (), NOW + moment, spare=True), Exhausted)
        assert isinstance(pool.lease(MODEL, (), NOW + moment + 0.5), Lease)


def test_half_of_the_tokens_are_left(pool_of):
    pool = pool_of(keys(1), Quota(tpm=1_000))
    assert leased(pool, 50, tokens=200, every=1, spare=True) == 2
    assert leased(pool, 10, NOW + 51, tokens=200) == 3


def test_what_has_no_known_limit_has_no_pace(pool_of):
    assert leased(pool_of(keys(1, paid=True)), 50, spare=True) == 50


def test_of_the_day_is_left_what_the_rest_of_it_may_need(pool_of):
    pool = pool_of(keys(1), Quota(rpd=40))
    evening = next_quota_day(NOW) - DAY / 10
    minute = leased(pool, 60, evening, every=1, spare=True)
    assert minute == 5, "the requests a minute of a free project are not known"
    later = [leased(pool, 60, evening + 61 * passed, every=1, spare=True) for passed in range(1, 10)]
    assert sum(later) == 34 and later[-1] == 0, "half of the last tenth of a day is left for the others"
    assert leased(pool, 50, evening + 1_000) == 1
