"""What holds for every choice, whatever the pool, the load and the accidents: properties, tried on pools drawn by chance."""

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from accounts.pool.facts import Caps, Exhausted, Lease
from accounts.pool.pacific import next_pacific_midnight, quota_day
from accounts.pool.quotas import Quota
from accounts.pool.state import Pool
from tests.pool.conftest import MODEL, NOW, keys, local_pool

QUOTAS = st.builds(
    Quota,
    rpm=st.none() | st.integers(1, 8),
    tpm=st.none() | st.integers(1_000, 9_000),
    rpd=st.none() | st.integers(1, 25),
)


def pool_with(members, quotas, seed) -> Pool:
    """A pool whose domains have a quota each."""
    pool = local_pool(members, seed=seed)
    pool.learn_quotas({(key.domain, MODEL): quota for key, quota in zip(members, quotas, strict=True)})
    return pool


@given(
    quotas=st.lists(QUOTAS, min_size=1, max_size=12),
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(0, 900), st.integers(0, 99)), min_size=1, max_size=120),
    seed=st.integers(0, 1_000),
    affine=st.booleans(),
)
def test_never_a_resting_key_and_never_above_a_limit(quotas, steps, seed, affine):
    """Accidents by the last number of a step: it rests, for this model or all; it is refused; the client never got out."""
    members = keys(len(quotas))
    pool, now = pool_with(members, quotas, seed), NOW
    limits = {key.domain: quota for key, quota in zip(members, quotas, strict=True)}
    rests: dict[str, float] = defaultdict(float)
    sent: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for gap, tokens, fate in steps:
        now += gap
        lease = pool.lease(MODEL, (), now, tokens, fate % 7 if affine else None)
        if isinstance(lease, Exhausted):
            assert lease.wait is None or lease.wait > 0
            continue
        domain = lease.key.domain
        assert rests[domain] <= now
        if fate < 10:
            pool.refund(lease)
            continue
        sent[domain].append((now, tokens))
        if fate < 20:
            rests[domain] = now + fate
            pool.cool_down(lease, now + fate, "quota_bare", all_models=fate < 15)
            pool.refuse(lease, now, "quota_bare", model_at_fault=False)
        else:
            pool.answered(lease, now)
    for domain, requests in sent.items():
        rpm, tpm, rpd = astuple(limits[domain])
        for start, first in requests:
            within = [tokens for at, tokens in requests if start <= at < start + 60]
            assert rpm is None or len(within) <= rpm
            assert tpm is None or sum(within) <= max(tpm, first)
        days = Counter(quota_day(at) for at, _ in requests)
        assert rpd is None or all(count <= rpd for count in days.values())


@given(st.integers(2, 30), st.integers(1, 1_000), st.integers(0, 1_000))
def test_keys_alike_are_asked_alike_over_time(count, rpd, seed):
    pool, rounds = pool_with(keys(count), [Quota(rpm=10, rpd=rpd)] * count, seed), min(rpd, 12)
    used = Counter(pool.lease(MODEL, (), NOW + 7 * i).key.id for i in range(count * rounds))
    # Of so few each has nearly its share; by chance somebody may be a few requests ahead.
    assert max(used.values()) <= rounds + max(3, rounds // 2)
    assert max(used.values()) <= rpd


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 30)), min_size=1, max_size=10), st.integers(0, 1_000))
def test_no_key_starves_and_nothing_of_the_quotas_is_left_when_enough_is_asked(sizes, seed):
    """Domains of any sizes: when all of a day is asked for, each has given all that it had."""
    quotas = [Quota(rpm=rpm, rpd=rpd) for rpm, rpd in sizes]
    members = keys(len(quotas))
    pool, now, used = pool_with(members, quotas, seed), NOW, Counter()
    while isinstance(lease := pool.lease(MODEL, (), now), Lease) or lease.wait < 100:
        if isinstance(lease, Lease):
            used[lease.key.id] += 1
        else:
            now += lease.wait
    assert [used[key.id] for key in members] == [quota.rpd for quota in quotas]
    assert quota_day(now) == quota_day(NOW)


@given(st.lists(st.tuples(st.integers(5, 15), st.sampled_from([20, 50, 100, 200])), min_size=4, max_size=12), st.data())
def test_what_a_quiet_time_uses_is_not_missed_in_a_busy_one(sizes, data):
    """A burst finds nearly as much room as if all the requests before it had been of the best places; four are compared."""
    quotas = [Quota(rpm=rpm, rpd=rpd) for rpm, rpd in sizes]
    spent = data.draw(st.integers(0, sum(quota.rpd for quota in quotas) // 2))
    pool = pool_with(keys(len(quotas)), quotas, 1)
    minutes = data.draw(st.integers(1, 15))
    for i in range(spent):
        assert isinstance(pool.lease(MODEL, (), NOW + 15 * i), Lease)
    left = [ledger.remaining_today(NOW + 15 * spent) for ledger in pool.places.ledgers.values()]
    used = dict(zip((domain for domain, _ in pool.places.ledgers), left, strict=True))
    burst = sum(min(used.get(f"key:{number}", quota.rpd), quota.rpm * minutes) for number, quota in enumerate(quotas))
    assert burst >= 0.8 * _best_burst(quotas, spent, minutes)


def _best_burst(quotas, spent, minutes):
    """The most that may be sent in so many minutes, had the requests before been taken from where they are missed least."""
    spare = sum(max(0, quota.rpd - quota.rpm * minutes) for quota in quotas)
    whole = sum(min(quota.rpd, quota.rpm * minutes) for quota in quotas)
    return whole - max(0, spent - spare)


def test_a_large_pool_finds_the_project_that_can_spare_most_and_keeps_it():
    """Among 200 one has ten times as many minutes left: chance alone would draw it two times in a hundred."""
    members = keys(200)
    pool = pool_with(members, [Quota(rpm=5, rpd=500 if number == 77 else 50) for number in range(200)], seed=1)
    asked = Counter(pool.lease(MODEL, (), NOW + 30 * n).key for n in range(300))
    assert asked[members[77]] > 150


@given(st.integers(0, 23), st.sets(st.integers(0, 23), min_size=1), st.booleans(), st.integers(0, 1_000))
def test_never_a_key_that_its_contributor_does_not_allow(hour, hours, paused, seed):
    members = keys(3)
    members[0].caps = Caps(hours=frozenset(hours))
    members[1].caps = Caps(paused=paused)
    members[2].caps = Caps(models=("gemini-4-*",))
    now = NOW - NOW % 86_400 + hour * 3_600
    pool = local_pool(members, seed=seed)
    leases = [pool.lease(MODEL, (), now + i) for i in range(30)]
    leased = {lease.key for lease in leases if isinstance(lease, Lease)}
    allowed = {key for key, may in ((members[0], hour in hours), (members[1], not paused)) if may}
    assert leased <= allowed
    assert bool(leased) == bool(allowed)


@given(st.lists(st.integers(0, 11), max_size=11, unique=True), st.integers(0, 1_000))
def test_never_a_key_that_was_tried_and_always_another_while_there_is_one(tried, seed):
    members = keys(12)
    lease = local_pool(members, Quota(rpm=1), seed).lease(MODEL, {members[number] for number in tried}, NOW)
    assert members.index(lease.key) not in tried


@pytest.mark.parametrize(
    ("noon", "hours"),
    [((2026, 3, 8, 19), 23), ((2026, 11, 1, 20), 25), ((2026, 6, 1, 19), 24)],
    ids=["the day of 23 hours", "the day of 25 hours", "a day of 24"],
)
def test_a_days_quota_is_whole_again_at_the_pacific_midnight_also_when_clocks_change(pool_of, noon, hours):
    at = datetime(*noon, tzinfo=UTC).timestamp()
    ends = next_pacific_midnight(at)
    begins = ends - hours * 3_600
    pool = pool_of(keys(2), Quota(rpd=3))

    def granted(when):
        return sum(isinstance(pool.lease(MODEL, (), when + i / 10), Lease) for i in range(8))

    assert granted(begins + 2) == 6
    assert granted(at) == 0
    refused = pool.lease(MODEL, (), ends - 10)
    assert 10 <= refused.wait <= 12
    assert granted(ends - 2) == 0
    assert granted(ends + 2) == 6


def test_the_time_of_a_choice_does_not_grow_with_the_number_of_keys():
    """Looked at, not timed: however many domains there are, a choice reads the ledgers of a few."""
    members = keys(2_000)
    pool = local_pool(members, Quota(rpm=1))
    for _ in range(500):
        pool.lease(MODEL, (), NOW)
    looked_at = []
    board = pool._boards[MODEL]
    best_of = board._best_of
    board._best_of = lambda drawn, asking: looked_at.extend(drawn) or best_of(drawn, asking)
    rng = random.Random(1)
    for _ in range(200):
        pool.lease(MODEL, (), NOW + 1, rng.randrange(900))
    assert len(looked_at) <= 200 * 16
