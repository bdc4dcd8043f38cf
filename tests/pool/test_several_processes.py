"""Several processes on one Redis: together they keep every quota that one alone would, and use all of it."""

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from accounts.pool.facts import Exhausted, Lease
from accounts.pool.pacific import next_pacific_midnight
from accounts.pool.quotas import Quota
from tests.pool.conftest import MODEL, NOW, keys, local_pool


def granted(leases):
    return [lease for lease in leases if isinstance(lease, Lease)]


@given(st.integers(1, 8), st.integers(1, 6), st.integers(1, 70), st.integers(2, 3), st.integers(0, 10_000))
def test_leases_of_all_processes_are_exactly_the_quota(shared_pools, domains, rpm, asked, processes, seed):
    pools = shared_pools(keys(domains), Quota(rpm=rpm), seed, processes)
    leases = [pools.lease(MODEL, (), NOW + i / 1000) for i in range(asked)]
    assert len(granted(leases)) == min(asked, domains * rpm)
    assert max(Counter(lease.key.domain for lease in granted(leases)).values()) <= rpm
    assert all(58 <= lease.wait <= 62 for lease in leases if isinstance(lease, Exhausted))


@given(
    gaps=st.lists(st.floats(0, 20), min_size=1, max_size=60),
    rpm=st.integers(1, 12),
    tpm=st.integers(1_000, 9_000),
    tokens=st.integers(0, 900),
    used=st.lists(st.integers(1, 900), min_size=1, max_size=5),
)
def test_no_minute_holds_more_than_its_quota_for_all(shared_pools, gaps, rpm, tpm, tokens, used):
    pools = shared_pools(keys(1), Quota(rpm=rpm, tpm=tpm), processes=2)
    now, sent, counts = NOW, [], itertools.cycle(used)
    for gap in gaps:
        now += gap
        lease = pools.lease(MODEL, (), now, tokens)
        if isinstance(lease, Lease):
            # It may use fewer than were reserved, so that what was reserved is never too little.
            true = min(tokens, next(counts)) or tokens
            pools.give_back(lease, now, true, 1)
            sent.append((now, true))
    for start, _ in sent:
        within = [true for at, true in sent if start <= at < start + 60]
        assert len(within) <= rpm
        assert sum(within) <= tpm


@given(st.integers(1, 20), st.integers(1, 40))
def test_exactly_the_daily_quota_is_sent_each_pacific_day(shared_pools, rpd, asked):
    pools = shared_pools(keys(1), Quota(rpd=rpd), processes=2)
    assert len(granted(pools.lease(MODEL, (), NOW + i) for i in range(asked))) == min(rpd, asked)
    tomorrow = next_pacific_midnight(NOW) + 1
    assert len(granted(pools.lease(MODEL, (), tomorrow + i) for i in range(asked))) == min(rpd, asked)


def test_a_rest_that_one_process_finds_holds_for_all(shared_pools):
    pools = shared_pools(keys(1), processes=2)
    pools.cool_down(pools.lease(MODEL, (), NOW), NOW + 100, "quota_bare")
    refused = [pools.lease(MODEL, (), NOW + 1) for _ in range(2)]
    assert [round(lease.wait) for lease in refused] == [99, 99]
    # Afterwards one request alone tries, whosever it is; the next go when it went well.
    leases = [pools.lease(MODEL, (), NOW + 101) for _ in range(4)]
    assert len(granted(leases)) == 1
    pools.answered(granted(leases)[0], NOW + 101.5)
    assert len(granted(pools.lease(MODEL, (), NOW + 103) for _ in range(4))) == 4


def test_a_rest_of_all_models_holds_for_models_that_others_never_asked(shared_pools):
    pools = shared_pools(keys(1), processes=2)
    pools.cool_down(pools.lease(MODEL, (), NOW), NOW + 100, "location", all_models=True)
    assert isinstance(pools.lease("gemini-3.7-flash", (), NOW + 1), Exhausted)
    assert isinstance(pools.lease("gemini-3.6-flash", (), NOW + 1), Exhausted)


def test_a_rest_that_a_person_ended_is_over_for_all(shared_pools):
    pools = shared_pools(keys(1), processes=2)
    lease = pools.lease(MODEL, (), NOW)
    pools.cool_down(lease, NOW + 100, "quota_day")
    pools.wake(lease.key.domain, NOW + 5)
    assert len(granted(pools.lease(MODEL, (), NOW + 6 + i) for i in range(4))) == 4


def test_a_rest_found_after_the_person_ended_an_older_one_stays(shared_pools):
    pools = shared_pools(keys(1), processes=2)
    lease = pools.lease(MODEL, (), NOW)
    pools.cool_down(lease, NOW + 100, "quota_day")
    pools.wake(lease.key.domain, NOW - 5)
    other = pools.lease(MODEL, (), NOW + 1)
    assert isinstance(other, Exhausted)


def test_what_never_left_is_given_back_to_all(shared_pools):
    pools = shared_pools(keys(1), Quota(rpm=1, rpd=1), processes=2)
    pools.refund(pools.lease(MODEL, (), NOW))
    assert isinstance(pools.lease(MODEL, (), NOW + 1), Lease)


def test_true_counts_replace_the_estimate_for_all(shared_pools):
    pools = shared_pools(keys(1), Quota(tpm=1_000), processes=2)
    lease = pools.lease(MODEL, (), NOW, 900)
    refused = pools.lease(MODEL, (), NOW + 1, 500)
    assert round(refused.wait) == 60
    pools.give_back(lease, NOW + 2, 100, 5)
    assert isinstance(pools.lease(MODEL, (), NOW + 3, 500), Lease)


def test_a_prompt_that_does_not_fit_leaves_the_rest_of_the_minute_to_smaller_ones(shared_pools):
    pools = shared_pools(keys(1), Quota(rpm=10, tpm=1_000), processes=2)
    assert isinstance(pools.lease(MODEL, (), NOW, 800), Lease)
    assert isinstance(pools.lease(MODEL, (), NOW + 1, 500), Exhausted)
    pools.lease(MODEL, (), NOW + 1, 0)
    assert isinstance(pools.lease(MODEL, (), NOW + 2, 100), Lease)


def test_a_limit_that_only_all_together_use_up_is_tried_as_well(shared_pools):
    pools = shared_pools(keys(1), Quota(rpm=10), processes=2)

    def ask(at):
        leases = granted([pools.lease(MODEL, (), at) for _ in range(12)])
        for lease in leases:
            pools.give_back(lease, at + 1, 1, 1)
        return len(leases)

    assert [ask(NOW + 62 * minute) for minute in range(50)] == [10] * 50
    ask(NOW + 86_500)
    raised = [quota for pool in pools._pools for quota in pool.pool.unwritten.quotas.values()]
    assert raised
    assert set(raised) == {Quota(rpm=11)}


def test_many_places_that_others_have_used_up_are_passed_by(shared_pools):
    pools = shared_pools(keys(60), Quota(rpm=2), processes=2)
    first, second = pools._pools
    pools._pools = [first]
    assert len(granted(pools.lease(MODEL, (), NOW) for _ in range(119))) == 119
    pools._pools = [second]
    # The second process knows nothing yet of any of the sixty, and one has room for one request.
    assert isinstance(pools.lease(MODEL, (), NOW), Lease)
    refused = pools.lease(MODEL, (), NOW + 1)
    assert isinstance(refused, Exhausted)
    assert 59 <= refused.wait <= 61


def test_a_redis_that_forgot_is_told_again_what_was_sent(shared_pools, redis_url):
    pools = shared_pools(keys(1), Quota(rpm=10), processes=2)
    assert len(granted(pools.lease(MODEL, (), NOW) for _ in range(6))) == 6
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
    # Each process tells what it has sent as soon as it sees that Redis is another.
    leases = [pools.lease(MODEL, (), NOW + 1 + i) for i in range(10)]
    assert len(granted(leases)) == 4


def test_a_redis_that_forgot_the_day_learns_it_from_the_database(shared_pools, redis_url):
    members = keys(1)
    pools = shared_pools(members, Quota(rpd=10), processes=2)
    assert len(granted(pools.lease(MODEL, (), NOW) for _ in range(7))) == 7
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
    for pool in pools._pools:
        pool.pool.places.learn_usage({(members[0].domain, MODEL): 7}, NOW)
    assert len(granted(pools.lease(MODEL, (), NOW + 1) for _ in range(10))) == 3


def test_the_day_counts_of_the_database_never_add_up_with_those_of_redis(shared_pools):
    members = keys(1)
    pools = shared_pools(members, Quota(rpd=10), processes=2)
    for i in range(6):
        assert isinstance(pools.lease(MODEL, (), NOW + i), Lease)
        for pool in pools._pools:
            pool.pool.places.learn_usage({(members[0].domain, MODEL): i}, NOW + i)
    assert len(granted(pools.lease(MODEL, (), NOW + 10) for _ in range(10))) == 4


def test_redis_holds_domains_and_models_and_nothing_of_a_key_or_a_person(shared_pools, redis_url):
    members = keys(3)
    pools = shared_pools(members, Quota(rpm=5, tpm=1_000, rpd=50), processes=2)
    for i in range(6):
        lease = pools.lease(MODEL, (), NOW + i, 10)
        pools.give_back(lease, NOW + i, 12, 3)
    pools.cool_down(lease, NOW + 100, "quota_day")
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        held = " ".join(f"{key} {_value(redis, key)}" for key in redis.scan_iter())
        assert all(redis.ttl(key) > 0 for key in redis.scan_iter() if not key.endswith(":news"))
    assert members[0].domain in held
    assert MODEL in held
    assert not any(member.secret.reveal() in held for member in members)


def _value(redis, key):
    return redis.hgetall(key) if redis.type(key) == "hash" else redis.zrange(key, 0, -1)


def _busy_hour(rng):
    """A trace: (seconds, tokens, what becomes of it), with more asked than there is room for in its middle."""
    at = NOW
    while at < NOW + 4_200:
        at += rng.expovariate(1.2 if NOW + 1_200 < at < NOW + 2_700 else 0.3)
        yield at, rng.randint(10, 4_000), rng.random()


def _served(pools):
    """How many requests of the trace are served, by quota domain."""
    rng, served, open_leases = random.Random(7), Counter(), []
    for at, tokens, fate in _busy_hour(rng):
        while open_leases and open_leases[0][0] <= at:
            _, lease, true = open_leases.pop(0)
            pools.give_back(lease, at, true, 10)
        lease = pools.lease(MODEL, (), at, tokens)
        if isinstance(lease, Exhausted):
            continue
        served[lease.key.domain] += 1
        if fate < 0.01:
            pools.cool_down(lease, at + 60, "quota_minute")
        open_leases.append((at + 2, lease, max(1, round(tokens * (0.5 + fate)))))
    return served


@pytest.mark.parametrize("processes", [1, 2])
def test_processes_on_redis_serve_what_one_in_memory_serves(shared_pools, processes):
    members = keys(6)
    quota = Quota(rpm=6, tpm=12_000, rpd=400)
    alone = _served(local_pool(members, quota))
    together = _served(shared_pools(members, quota, processes=processes))
    assert sum(alone.values()) > 1_000
    assert abs(sum(together.values()) - sum(alone.values())) <= 0.01 * sum(alone.values())


def test_a_clock_that_jumps_holds_nothing_for_longer_than_a_minute(shared_pools):
    pools = shared_pools(keys(1), Quota(rpm=2), processes=2)
    assert len(granted(pools.lease(MODEL, (), NOW + 3_600) for _ in range(2))) == 2
    for pool in pools._pools:
        pool.pool.places.ledgers.clear()
        pool.pool._boards.clear()
    assert isinstance(pools.lease(MODEL, (), NOW), Exhausted)
    for pool in pools._pools:
        pool.pool.places.ledgers.clear()
        pool.pool._boards.clear()
    assert isinstance(pools.lease(MODEL, (), NOW + 62), Lease)
