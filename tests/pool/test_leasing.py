"""Leasing from the pool: never a resting key, never above a quota, fair, and quick among many."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from accounts.pool.facts import Caps, Exhausted, Lease
from accounts.pool.quotas import Quota
from tests.pool.conftest import MODEL, NOW, keys


@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 90), st.integers(0, 10_000))
def test_parallel_leases_are_exactly_the_quota(pool_of, domains, rpm, asked, seed):
    pool = pool_of(keys(domains), Quota(rpm=rpm), seed)
    leases = [pool.lease(MODEL, (), NOW) for _ in range(asked)]
    granted = [lease for lease in leases if isinstance(lease, Lease)]
    assert len(granted) == min(asked, domains * rpm)
    assert max(Counter(lease.key.domain for lease in granted).values()) <= rpm
    assert all(60 <= lease.wait <= 62 for lease in leases if isinstance(lease, Exhausted))


def test_keys_of_one_project_share_its_quota_and_multiply_nothing(pool_of):
    pool = pool_of(keys(5, project="one"), Quota(rpm=3))
    granted = [isinstance(pool.lease(MODEL, (), NOW), Lease) for _ in range(10)]
    assert sum(granted) == 3


def test_leases_are_spread_evenly(pool_of):
    pool = pool_of(keys(50), Quota(rpd=1_000))
    used = Counter(pool.lease(MODEL, (), NOW + i).key.id for i in range(5_000))
    assert len(used) == 50
    assert max(used.values()) < 1.2 * min(used.values())


def test_a_resting_domain_is_never_leased_and_comes_back(pool_of):
    members = keys(3)
    pool = pool_of(members)
    lease = pool.lease(MODEL, (), NOW)
    pool.cool_down(lease, NOW + 100, "quota_minute")
    assert all(pool.lease(MODEL, (), NOW + 1 + i / 10).key is not lease.key for i in range(50))
    later = {pool.lease(MODEL, (), NOW + 101 + i / 10).key for i in range(50)}
    assert lease.key in later


def test_a_rest_for_one_model_leaves_the_others_alone(pool_of):
    pool = pool_of(keys(1))
    lease = pool.lease(MODEL, (), NOW)
    pool.cool_down(lease, NOW + 100, "quota_day")
    assert isinstance(pool.lease(MODEL, (), NOW + 1), Exhausted)
    assert isinstance(pool.lease("gemini-3.7-flash", (), NOW + 1), Lease)


def test_a_rest_for_all_models_holds_for_models_not_seen_yet(pool_of):
    pool = pool_of(keys(1))
    pool.cool_down(pool.lease(MODEL, (), NOW), NOW + 100, "location", all_models=True)
    assert isinstance(pool.lease("gemini-3.7-flash", (), NOW + 1), Exhausted)


def test_a_project_that_is_gone_takes_all_its_keys_along(pool_of):
    members = keys(2, project="one") + keys(1)
    pool = pool_of(members)
    gone = pool.drop(members[0], whole_domain=True)
    assert set(gone) == {members[0].id, members[1].id}
    assert {pool.lease(MODEL, (), NOW + i).key for i in range(20)} == {members[2]}


def test_an_empty_pool_never_promises_a_time(pool_of):
    assert pool_of([]).lease(MODEL, (), NOW) == Exhausted(None)


def test_three_bare_refusals_at_once_rest_the_whole_pool(pool_of):
    pool = pool_of(keys(10))
    leases = [pool.lease(MODEL, (), NOW) for _ in range(10)]
    by_domain = list({lease.key.domain: lease for lease in leases}.values())
    assert [pool.bare_refusal(lease, NOW + 1) for lease in by_domain[:3]] == [False, False, True]
    refused = pool.lease(MODEL, (), NOW + 2)
    assert isinstance(refused, Exhausted)
    assert 0 < refused.wait <= 10
    assert isinstance(pool.lease(MODEL, (), NOW + 12), Lease)


def test_a_model_that_fails_again_and_again_rests_and_its_keys_are_not_hurt(pool_of):
    pool = pool_of(keys(4))
    for i in range(3):
        pool.refuse(pool.lease(MODEL, (), NOW), NOW + i, "overloaded", model_at_fault=True)
    assert pool.model_rests(MODEL, NOW + 3)
    assert not pool.model_rests("gemini-3.7-flash", NOW + 3)
    assert not pool.model_rests(MODEL, NOW + 60)
    assert isinstance(pool.lease(MODEL, (), NOW + 3), Lease)


def test_a_conversation_goes_to_the_same_project_while_it_has_room(pool_of):
    pool = pool_of(keys(40), Quota(rpm=3))
    first = pool.lease(MODEL, (), NOW, 2_000, affinity=12345)
    assert pool.lease(MODEL, (), NOW + 1, 2_000, affinity=12345).key is first.key
    assert pool.lease(MODEL, (), NOW + 2, 2_000, affinity=12345).key is first.key
    assert pool.lease(MODEL, (), NOW + 3, 2_000, affinity=12345).key is not first.key


def test_what_a_contributor_does_not_allow_is_not_done(pool_of):
    hour = int(NOW // 3600) % 24
    other_hour = frozenset({(hour + 5) % 24})
    assert isinstance(pool_of(keys(1, caps=Caps(paused=True))).lease(MODEL, (), NOW), Exhausted)
    assert isinstance(pool_of(keys(1, caps=Caps(hours=other_hour))).lease(MODEL, (), NOW), Exhausted)
    assert isinstance(pool_of(keys(1, caps=Caps(models=("gemini-4-*",)))).lease(MODEL, (), NOW), Exhausted)
    kept = pool_of(keys(1, caps=Caps(keep_share=0.5)), Quota(rpd=10))
    assert sum(isinstance(kept.lease(MODEL, (), NOW + i), Lease) for i in range(10)) == 5


def test_a_key_in_quarantine_is_asked_seldom(pool_of):
    members = keys(2)
    members[0].quarantined = True
    pool = pool_of(members, Quota(rpd=100_000))
    used = Counter(pool.lease(MODEL, (), NOW + i).key.id for i in range(1_000))
    assert 0 < used[members[0].id] < 400


def test_an_assumed_limit_is_raised_only_after_an_hour_without_a_refusal(pool_of):
    pool = pool_of(keys(1), Quota(rpm=10))

    def fill(at):
        for i in range(12):
            if isinstance(lease := pool.lease(MODEL, (), at + i / 10), Lease):
                pool.give_back(lease, at + i / 10, 1, 1)

    for minute in range(59):
        fill(NOW + 62 * minute)
    assert pool.unwritten_quotas == {}
    fill(NOW + 3_660)
    assert list(pool.unwritten_quotas.values()) == [Quota(rpm=11)]


def test_a_refusal_that_names_its_limit_is_not_repeated(pool_of):
    pool = pool_of(keys(1))
    for i in range(7):
        assert isinstance(pool.lease(MODEL, (), NOW + i), Lease)
    lease = pool.lease(MODEL, (), NOW + 8)
    pool.learn_quota(lease, ("GenerateRequestsPerMinutePerProjectPerModel-FreeTier",), 5, NOW + 8)
    later = NOW + 100
    assert sum(isinstance(pool.lease(MODEL, (), later + i / 10), Lease) for i in range(20)) == 5
    assert pool.unwritten_quotas[lease.key.domain, MODEL] == Quota(rpm=5)
