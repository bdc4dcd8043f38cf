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


def leased(pool, count, at=NOW, **asked):
    """How many of so many requests at one time found room."""
    return sum(isinstance(pool.lease(MODEL, (), at + i / 100, **asked), Lease) for i in range(count))


def test_what_is_spare_fills_half_a_minute_and_the_rest_is_left(pool_of):
    pool = pool_of(keys(1), Quota(rpm=10))
    assert leased(pool, 20, spare=True) == 5
    assert leased(pool, 20, NOW + 1) == 5


def test_the_more_others_ask_for_the_less_is_spare(pool_of):
    pool = pool_of(keys(1), Quota(rpm=10))
    assert leased(pool, 4) == 4
    assert leased(pool, 20, NOW + 1, spare=True) == 1
    assert leased(pool, 20, NOW + 2) == 5
    assert leased(pool, 20, NOW + 3, spare=True) == 0


def test_it_finds_room_at_every_key_that_has_some(pool_of):
    pool = pool_of(keys(12), Quota(rpm=4))
    assert leased(pool, 60, spare=True) == 24
    assert leased(pool, 60, NOW + 1) == 24


def test_that_nothing_is_spare_keeps_nobody_else_out(pool_of):
    pool = pool_of(keys(1), Quota(rpm=10))
    assert leased(pool, 5, spare=True) == 5
    for moment in range(1, 6):
        assert isinstance(pool.lease(MODEL, (), NOW + moment, spare=True), Exhausted)
        assert isinstance(pool.lease(MODEL, (), NOW + moment + 0.5), Lease)


def test_half_of_the_tokens_are_left(pool_of):
    pool = pool_of(keys(1), Quota(tpm=1_000))
    assert leased(pool, 10, tokens=200, spare=True) == 2
    assert leased(pool, 10, NOW + 1, tokens=200) == 3


def test_of_the_day_is_left_what_the_rest_of_it_may_need(pool_of):
    pool = pool_of(keys(1), Quota(rpd=40))
    evening = next_quota_day(NOW) - DAY / 10
    assert leased(pool, 50, evening, spare=True) == 5, "the requests a minute of a free project are not known"
    minutes = [leased(pool, 50, evening + 100 * minute, spare=True) for minute in range(1, 9)]
    assert sum(minutes) == 34 and minutes[-1] == 0, "half of the last tenth of a day is left for the others"
    assert leased(pool, 50, evening + 1_000) == 1
