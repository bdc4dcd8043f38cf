"""Leasing from the pool: never a resting key, never above a quota, fair, and quick among many."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import pool as pool_module
from accounts.pool.facts import Caps, Exhausted, Lease
from accounts.pool.minute import WINDOW
from accounts.pool.pacific import next_pacific_midnight, quota_day
from accounts.pool.quotas import Quota
from tests.pool.conftest import MODEL, NOW, keys, local_pool

PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"


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
    leases = [pool.lease(MODEL, (), NOW) for _ in range(9)]
    pool.disable(next(lease for lease in leases if lease.key in members[:2]), "gone", whole_domain=True)
    assert pool.unwritten.disabled == {members[0].id: "gone", members[1].id: "gone"}
    assert {pool.lease(MODEL, (), NOW + i).key for i in range(20)} == {members[2]}


def test_an_empty_pool_never_promises_a_time(pool_of):
    assert pool_of([]).lease(MODEL, (), NOW) == Exhausted(None)


def test_three_bare_refusals_at_once_rest_the_whole_pool(pool_of):
    pool = pool_of(keys(10))
    leases = [pool.lease(MODEL, (), NOW) for _ in range(10)]
    by_domain = list({lease.key.domain: lease for lease in leases}.values())
    assert [pool.gates.bare_refusal(lease.key.domain, NOW + 1) for lease in by_domain[:3]] == [False, False, True]
    refused = pool.lease(MODEL, (), NOW + 2)
    assert isinstance(refused, Exhausted)
    assert 0 < refused.wait <= 10
    assert isinstance(pool.lease(MODEL, (), NOW + 12), Lease)


def test_bare_refusals_that_are_apart_or_of_the_same_domains_are_not_our_address(pool_of):
    pool = pool_of(keys(10))
    by_domain = {lease.key.domain: lease for lease in (pool.lease(MODEL, (), NOW) for _ in range(10))}
    leases = list(by_domain.values())
    assert not any(pool.gates.bare_refusal(leases[i].key.domain, NOW + 3 * i) for i in range(4))
    later = NOW + 100
    assert not any(pool.gates.bare_refusal(leases[i % 2].key.domain, later + i / 10) for i in range(6))


def test_a_model_that_fails_again_and_again_rests_and_its_keys_are_not_hurt(pool_of):
    pool = pool_of(keys(4))
    for i in range(5):
        pool.refuse(pool.lease(MODEL, (), NOW), NOW + i, "overloaded", model_at_fault=True)
    assert pool.gates.model_rests(MODEL, NOW + 5)
    assert pool.lease(MODEL, (), NOW + 5) == Exhausted(4)
    assert not pool.gates.model_rests("gemini-3.7-flash", NOW + 5)
    assert isinstance(pool.lease("gemini-3.7-flash", (), NOW + 5), Lease)
    assert len({pool.lease(MODEL, (), NOW + 60 + 4 * i).key for i in range(20)}) == 4


def test_a_conversation_goes_to_the_same_project_while_it_has_room(pool_of):
    pool = pool_of(keys(40), Quota(rpm=3))
    first = pool.lease(MODEL, (), NOW, 2_000, affinity=12345)
    assert pool.lease(MODEL, (), NOW + 1, 2_000, affinity=12345).key is first.key
    assert pool.lease(MODEL, (), NOW + 2, 2_000, affinity=12345).key is first.key
    assert pool.lease(MODEL, (), NOW + 3, 2_000, affinity=12345).key is not first.key


def test_a_project_that_holds_what_is_named_comes_first_while_it_has_room(pool_of):
    pool = pool_of(keys(40), Quota(rpm=2))
    order = ("key:7", "key:31", "key:of nobody")

    def domains(count, at, **how):
        return [pool.lease(MODEL, (), at, 100, 12345, holders=order, **how).key.domain for _ in range(count)]

    assert domains(4, NOW) == ["key:7", "key:7", "key:31", "key:31"]
    assert not {"key:7", "key:31"} & set(domains(3, NOW + 1))
    assert domains(1, NOW + 70) == ["key:7"]


def test_a_holder_that_fails_or_was_tried_is_no_better_than_others(pool_of):
    members = keys(40)
    pool = pool_of(members)
    for step in range(4):
        lease = pool.lease(MODEL, (), NOW, holders=("key:7",))
        assert lease.key.domain == "key:7"
        pool.refuse(lease, NOW + step, "internal", model_at_fault=False)
    seldom = Counter(pool.lease(MODEL, (), NOW + 4, holders=("key:7",)).key.domain for _ in range(30))
    assert seldom["key:7"] < 5
    assert pool.lease(MODEL, (members[31],), NOW + 4, holders=("key:31",)).key.domain != "key:31"


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


def test_a_limit_is_tried_only_after_a_day_and_many_answers_without_a_refusal(pool_of):
    pool = pool_of(keys(1), Quota(rpm=10))

    def ask(at, requests):
        """So many requests at once, answered a second later."""
        leases = [pool.lease(MODEL, (), at) for _ in range(requests)]
        for lease in leases:
            if isinstance(lease, Lease):
                pool.give_back(lease, at + 1, 1, 1)

    for minute in range(30):
        ask(NOW + 62 * minute, 12)
    assert pool.unwritten.quotas == {}
    ask(NOW + 86_500, 12)
    assert list(pool.unwritten.quotas.values()) == [Quota(rpm=11)]
    # It goes on while it is right; a refusal ends it for another day.
    ask(NOW + 86_600, 12)
    assert list(pool.unwritten.quotas.values()) == [Quota(rpm=12)]
    pool.learn_quota(pool.lease(MODEL, (), NOW + 86_700), [(PER_MINUTE, 11)], NOW + 86_700)
    for minute in range(30):
        ask(NOW + 86_800 + 62 * minute, 12)
    assert list(pool.unwritten.quotas.values()) == [Quota(rpm=11)]


async def test_a_lease_in_memory_waits_for_nothing(settings):
    settings.REDIS_URL = ""
    with pytest.raises(StopIteration):
        pool_module.lease(MODEL, ()).send(None)
    pool_module.reset()


def test_a_refusal_that_names_its_limit_is_not_repeated(pool_of):
    pool = pool_of(keys(1))
    for i in range(7):
        assert isinstance(pool.lease(MODEL, (), NOW + i), Lease)
    lease = pool.lease(MODEL, (), NOW + 8)
    pool.learn_quota(lease, [(PER_MINUTE, 5)], NOW + 8)
    later = NOW + 100
    assert sum(isinstance(pool.lease(MODEL, (), later + i / 10), Lease) for i in range(20)) == 5
    assert pool.unwritten.quotas[lease.key.domain, MODEL] == Quota(rpm=5)


def test_what_was_refused_is_asked_again_at_once(pool_of):
    """The last request of a minute and of a day, given back: it is not lost until the window turns."""
    pool = pool_of(keys(1), Quota(rpm=2, rpd=2))
    leases = [pool.lease(MODEL, (), NOW) for _ in range(2)]
    assert isinstance(pool.lease(MODEL, (), NOW + 1), Exhausted)
    pool.refund(leases[1])
    assert isinstance(pool.lease(MODEL, (), NOW + 2), Lease)


def test_a_limit_that_turns_out_higher_is_used_at_once(pool_of):
    pool = pool_of(keys(1), Quota(rpd=2))
    lease, _ = [pool.lease(MODEL, (), NOW) for _ in range(2)]
    assert isinstance(pool.lease(MODEL, (), NOW + 1), Exhausted)
    pool.learn_quota(lease, [(PER_DAY, 3)], NOW + 2)
    assert isinstance(pool.lease(MODEL, (), NOW + 3), Lease)
    pool.learn_quotas({(lease.key.domain, MODEL): Quota(rpd=4)})
    pool.unwritten.quotas.clear()
    pool.learn_quotas({(lease.key.domain, MODEL): Quota(rpd=4)})
    assert isinstance(pool.lease(MODEL, (), NOW + 4), Lease)


def test_a_refusal_that_the_ledger_explains_needs_no_rest(pool_of):
    pool = pool_of(keys(1))
    first, *_ = [pool.lease(MODEL, (), NOW + i) for i in range(6)]
    assert pool.learn_quota(first, [(PER_MINUTE, 5)], NOW + 6)
    # Six were sent where five are allowed: room is made when the second has left.
    assert pool.lease(MODEL, (), NOW + 7).wait == 1 + WINDOW - 7


def test_a_refusal_that_somebody_elses_requests_brought_about_is_not_explained(pool_of):
    pool = pool_of(keys(1))
    assert not pool.learn_quota(pool.lease(MODEL, (), NOW), [(PER_MINUTE, 5)], NOW + 1)


def test_who_is_refused_just_before_midnight_rests_until_that_midnight():
    pool = local_pool(keys(1))
    midnight = next_pacific_midnight(NOW)
    lease = pool.lease(MODEL, (), midnight - 10)
    assert pool.day_rest(lease, midnight - 9) == midnight + 1
    # The refusal came after midnight, but was about the day before.
    assert pool.day_rest(lease, midnight + 5) == midnight + 1


def test_a_clock_that_is_ahead_of_geminis_does_not_cost_a_day():
    pool = local_pool(keys(1))
    midnight = next_pacific_midnight(NOW)
    assert pool.day_rest(pool.lease(MODEL, (), midnight + 2), midnight + 3) == midnight + 63
    later = midnight + 3_600
    assert pool.day_rest(pool.lease(MODEL, (), later), later + 1) == next_pacific_midnight(later) + 1


def test_a_request_counts_for_the_day_in_which_it_was_sent():
    pool = local_pool(keys(1))
    midnight = next_pacific_midnight(NOW)
    pool.give_back(pool.lease(MODEL, (), midnight - 10), midnight + 30, 1, 1)
    [(_, _, day)] = pool.unwritten.days
    assert day == quota_day(NOW)


def test_an_outage_of_our_address_costs_no_key_a_rest_and_is_tried_by_one_at_a_time(pool_of):
    pool = pool_of(keys(10))
    leases = [pool.lease(MODEL, (), NOW) for _ in range(20)]
    for lease in leases:
        pool.gates.bare_refusal(lease.key.domain, NOW + 1)
    for tenth in range(6):
        at = NOW + 12 + 11 * tenth
        tries = [pool.lease(MODEL, (), at) for _ in range(5)]
        assert [isinstance(lease, Lease) for lease in tries] == [True, False, False, False, False]
        assert tries[1].wait < 1
        # One refusal is enough now, and nobody is told to wait for longer than a client does.
        assert pool.gates.bare_refusal(tries[0].key.domain, at + 0.2)
        assert 9 < pool.lease(MODEL, (), at + 0.3).wait <= 10
    tried = pool.lease(MODEL, (), NOW + 80)
    pool.answered(tried, NOW + 81)
    assert all(isinstance(pool.lease(MODEL, (), NOW + 82), Lease) for _ in range(10))


def test_the_model_that_recovers_is_open_to_all_with_the_first_answer(pool_of):
    pool = pool_of(keys(4))
    for i in range(5):
        pool.refuse(pool.lease(MODEL, (), NOW), NOW + i, "overloaded", model_at_fault=True)
    tried = pool.lease(MODEL, (), NOW + 10)
    assert isinstance(pool.lease(MODEL, (), NOW + 10), Exhausted)
    pool.answered(tried, NOW + 11)
    assert all(isinstance(pool.lease(MODEL, (), NOW + 11), Lease) for _ in range(10))


def test_models_that_were_only_asked_for_take_no_room_in_the_pools_memory_of_failures():
    pool = local_pool(keys(1))
    assert not any(pool.gates.model_rests(f"gemini-{i}", NOW) for i in range(100))
    assert pool.gates._models == {}


def test_retries_may_add_only_so_much_to_the_load():
    pool = local_pool(keys(4))
    assert sum(pool.retries.take(NOW) for _ in range(100)) == 20
    lease = pool.lease(MODEL, (), NOW)
    for _ in range(20):
        pool.answered(lease, NOW)
    assert sum(pool.retries.take(NOW) for _ in range(100)) == 5
    assert sum(pool.retries.take(NOW + 1) for _ in range(100)) == 10


def test_a_key_that_sleeps_out_of_its_hours_is_awake_within_them(pool_of):
    hour = int(NOW // 3600) % 24
    pool = pool_of(keys(1, caps=Caps(hours=frozenset({(hour + 1) % 24}))))
    refused = pool.lease(MODEL, (), NOW)
    assert 0 < refused.wait <= 3600
    assert isinstance(pool.lease(MODEL, (), NOW + refused.wait), Lease)


def overruns_of(pool):
    return [(overrun.limit, overrun.used, overrun.allowed) for overrun in pool.unwritten.overruns]


def test_a_refusal_below_the_limit_tells_of_another_key_of_the_project():
    pool = local_pool(keys(1), Quota(rpm=10, rpd=100))
    leases = [pool.lease(MODEL, (), NOW + i) for i in range(5)]
    assert not pool.learn_quota(leases[-1], [(PER_MINUTE, 10)], NOW + 5)
    assert overruns_of(pool) == [("rpm", 4, 10)]
    assert not pool.learn_quota(leases[-1], [(PER_DAY, None)], NOW + 5)
    assert overruns_of(pool)[1:] == [("rpd", 4, 100)]


@pytest.mark.parametrize("violation", [(PER_MINUTE, 5), (PER_MINUTE, 0), ("SomethingElse", 9)])
def test_a_refusal_that_is_explained_or_names_no_limit_tells_nothing(violation):
    pool = local_pool(keys(1), Quota(rpm=10))
    leases = [pool.lease(MODEL, (), NOW + i) for i in range(6)]
    pool.learn_quota(leases[-1], [violation], NOW + 6)
    assert overruns_of(pool) == []


def test_without_a_known_limit_nobody_can_be_below_it():
    pool = local_pool(keys(1))
    pool.learn_quota(pool.lease(MODEL, (), NOW), [(PER_DAY, None)], NOW)
    assert overruns_of(pool) == []


def test_a_day_that_has_hardly_begun_may_be_yesterday_for_google():
    midnight = next_pacific_midnight(NOW)
    pool = local_pool(keys(1), Quota(rpd=100))
    pool.learn_quota(pool.lease(MODEL, (), midnight + 60), [(PER_DAY, 100)], midnight + 61)
    assert overruns_of(pool) == []
    pool.learn_quota(pool.lease(MODEL, (), midnight + 400), [(PER_DAY, 100)], midnight + 401)
    assert overruns_of(pool) == [("rpd", 1, 100)]


def test_who_is_refused_without_a_reason_rests_twice_as_long_each_time_until_an_answer_comes():
    pool = local_pool(keys(1))
    rests = []
    for i in range(7):
        lease = pool.lease(MODEL, (), NOW + i)
        pool.refuse(lease, NOW + i, "quota_bare", model_at_fault=False)
        rests.append(pool.short_rest(lease))
    assert rests == [30, 60, 120, 240, 480, 960, 960]
    lease.ledger.failures_in_a_row = 5_000  # a fortnight of them
    assert pool.short_rest(lease) == 960
    pool.answered(pool.lease(MODEL, (), NOW + 10), NOW + 11)
    pool.refuse(lease, NOW + 12, "quota_bare", model_at_fault=False)
    assert pool.short_rest(lease) == 30
