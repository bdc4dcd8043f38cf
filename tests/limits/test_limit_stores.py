"""Both stores, by the same promises: reserve all or nothing, slide, settle, and agree with each other."""

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.limits.asking import Refusal
from tests.limits.making import asking, token, user

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def admitted(answer):
    return not isinstance(answer, Refusal)


def standing(store, holders, name):
    return next(found for found in store.standings(holders) if found.name == name)


def test_a_minute_admits_the_limit_and_the_next_one_only_when_the_first_is_out_of_it(store):
    holders = token(rpm=3)
    for _ in range(3):
        assert admitted(store.reserve(holders, asking()))
        store.ms += 1000
    refusal = store.reserve(holders, asking())
    assert (refusal.holder, refusal.name, refusal.limit, refusal.used, refusal.asked) == ("token", "rpm", 3, 3, 1)
    assert refusal.wait == 57
    store.ms += 57_000 - 1
    assert not admitted(store.reserve(holders, asking()))
    store.ms += 1
    assert admitted(store.reserve(holders, asking()))
    assert not admitted(store.reserve(holders, asking()))


def test_tokens_of_a_minute_are_reserved_and_settled_with_the_true_count(store):
    holders = token(tpm=1000)
    first = store.reserve(holders, asking(800))
    refusal = store.reserve(holders, asking(300))
    assert (refusal.name, refusal.used, refusal.asked) == ("tpm", 800, 300)
    store.settle(first, 100)
    assert standing(store, holders, "tpm").used == 100
    second = store.reserve(holders, asking(900))
    assert admitted(second)
    # What was not foreseen counts as well.
    store.settle(second, 2000)
    assert standing(store, holders, "tpm").used == 2100
    store.ms += MINUTE_MS + 500
    assert standing(store, holders, "tpm").used == 0


def test_a_request_larger_than_the_limit_is_told_that_no_wait_helps(store):
    refusal = store.reserve(token(tpm=1000), asking(1001))
    assert (refusal.name, refusal.wait) == ("tpm", None)


def test_requests_of_a_day_slide_as_well(store):
    holders = token(rpd=2)
    assert admitted(store.reserve(holders, asking()))
    store.ms += HOUR_MS
    assert admitted(store.reserve(holders, asking()))
    refusal = store.reserve(holders, asking())
    assert (refusal.name, refusal.limit) == ("rpd", 2)
    assert refusal.wait == 23 * 3600
    store.ms += round(refusal.wait * 1000)
    assert admitted(store.reserve(holders, asking()))
    assert not admitted(store.reserve(holders, asking()))


def test_requests_of_the_last_day_that_the_database_knows_count(store):
    holders = token(rpd=10)
    store.seed(holders, requests=[(23 * 3600.0, 4), (3600.0, 5)])
    assert standing(store, holders, "rpd").used == 9
    assert admitted(store.reserve(holders, asking()))
    assert store.reserve(holders, asking()).name == "rpd"
    store.ms += HOUR_MS + 600_000
    assert standing(store, holders, "rpd").used == 6


def test_parallel_requests_are_held_until_they_end(store):
    holders = token(max_parallel=2)
    first = store.reserve(holders, asking())
    assert admitted(store.reserve(holders, asking()))
    refusal = store.reserve(holders, asking())
    assert (refusal.name, refusal.limit, refusal.used, refusal.wait) == ("max_parallel", 2, 2, 1.0)
    store.settle(first, 5)
    store.settle(first, 5)
    assert admitted(store.reserve(holders, asking()))
    assert not admitted(store.reserve(holders, asking()))


def test_a_budget_holds_open_what_is_reserved_and_spends_what_is_true(store):
    holders = token(daily_tokens=100, monthly_tokens=150)
    first = store.reserve(holders, asking(60))
    refusal = store.reserve(holders, asking(50))
    assert (refusal.name, refusal.limit, refusal.used, refusal.asked) == ("daily_tokens", 100, 60, 50)
    store.settle(first, 20)
    assert standing(store, holders, "daily_tokens").used == 20
    second = store.reserve(holders, asking(80))
    store.settle(second, 80)
    assert store.reserve(holders, asking(1)).name == "daily_tokens"
    # The next day has a budget of its own, the month goes on.
    store.ms += 24 * HOUR_MS
    store.seed(holders, 0)
    refusal = store.reserve(holders, asking(51))
    assert (refusal.name, refusal.used) == ("monthly_tokens", 100)
    assert admitted(store.reserve(holders, asking(50)))


def test_a_day_that_a_clock_comes_back_to_is_as_spent_as_the_database_says(store):
    holders = token(daily_tokens=100)
    store.settle(store.reserve(holders, asking(80)), 80)
    store.ms += 24 * HOUR_MS
    store.seed(holders)
    assert admitted(store.reserve(holders, asking(100)))
    store.ms -= 24 * HOUR_MS
    store.seed(holders, 80)
    refusal = store.reserve(holders, asking(30))
    assert (refusal.name, refusal.used) == ("daily_tokens", 80)
    assert admitted(store.reserve(holders, asking(20)))


def test_a_budget_of_money_counts_nanodollars(store):
    holders = user(monthly_cost=Decimal("0.001"))
    first = store.reserve(holders, asking(10, cost=900_000))
    refusal = store.reserve(holders, asking(10, cost=200_000))
    assert (refusal.holder, refusal.name, refusal.limit, refusal.used) == ("user", "monthly_cost", 1_000_000, 900_000)
    store.settle(first, 10, 1_000_000)
    # Spent is spent, also for what would be free.
    assert store.reserve(holders, asking(10, cost=0)).name == "monthly_cost"


def test_large_sums_of_money_stay_exact(store):
    holders = user(monthly_cost=Decimal("999999.999999"))
    store.seed(holders, cost=999_999_999_998_000)
    assert store.reserve(holders, asking(1, cost=1_001)).name == "monthly_cost"
    assert admitted(store.reserve(holders, asking(1, cost=1_000)))


def test_what_a_client_leaves_open_is_cut_to_what_is_left(store):
    holders = token(tpm=1000, daily_tokens=300)
    first = store.reserve(holders, asking(4096, least=20))
    assert first.tokens == 300
    assert store.reserve(holders, asking(4096, least=20)).name == "daily_tokens"
    store.settle(first, 30)
    assert store.reserve(holders, asking(4096, least=20)).tokens == 270


def test_nothing_is_taken_from_the_token_when_its_user_has_no_room(store):
    both = (*token(rpm=10, tpm=1000, rpd=10, max_parallel=5, daily_tokens=1000), *user(monthly_tokens=100))
    assert admitted(store.reserve(both, asking(100)))
    before = [(found.name, found.used) for found in store.standings(both)]
    refusal = store.reserve(both, asking(100))
    assert (refusal.holder, refusal.name) == ("user", "monthly_tokens")
    assert [(found.name, found.used) for found in store.standings(both)] == before


def test_a_released_request_gives_everything_back(store):
    holders = token(rpm=1, rpd=1, tpm=100, max_parallel=1, daily_tokens=100, daily_cost=1)
    store.release(store.reserve(holders, asking(100, cost=10**9)))
    assert {found.used for found in store.standings(holders)} == {0}
    assert admitted(store.reserve(holders, asking(100, cost=10**9)))


def test_tokens_settled_after_their_minute_is_over_change_no_other_minute(store):
    holders = token(tpm=100)
    slow = store.reserve(holders, asking(50))
    store.ms += 2 * MINUTE_MS
    assert admitted(store.reserve(holders, asking(80)))
    store.settle(slow, 5)
    assert standing(store, holders, "tpm").used == 80


def test_the_database_may_raise_what_is_spent_but_never_lower_it(store):
    holders = token(daily_tokens=1000)
    store.settle(store.reserve(holders, asking(100)), 100)
    store.seed(holders, 40)
    assert standing(store, holders, "daily_tokens").used == 100
    store.seed(holders, 700)
    assert standing(store, holders, "daily_tokens").used == 700


def test_the_standings_say_when_each_limit_is_whole_again(store):
    holders = token(rpm=10, daily_tokens=1000, zone="Europe/Paris")
    store.reserve(holders, asking(10))
    found = {one.name: one for one in store.standings(holders)}
    assert found["rpm"].reset == 60
    # Noon in UTC is one in the afternoon in Paris.
    assert found["daily_tokens"].reset == 11 * 3600
    assert found["daily_tokens"].remaining == 990


def test_a_refusal_tells_what_the_tightest_limits_of_requests_and_of_tokens_leave(store):
    both = (*token(rpm=5), *user(rpm=1, tpm=500))
    store.reserve(both, asking(100))
    store.ms += 1000
    assert store.reserve(both, asking(100)).headroom == ((0, 1, 59), (400, 500, 59))


def test_hundred_at_once_on_a_budget_for_ten_admit_ten(store):
    holders = token(monthly_tokens=1000)
    answers = [store.reserve(holders, asking(100)) for _ in range(100)]
    assert sum(map(admitted, answers)) == 10
    assert {answer.name for answer in answers if not admitted(answer)} == {"monthly_tokens"}


# --- by chance ------------------------------------------------------------------------------------------

limits = st.none() | st.integers(1, 6)
token_limits = st.none() | st.integers(1, 300)
holding = st.fixed_dictionaries(
    {
        "rpm": limits,
        "rpd": limits,
        "tpm": token_limits,
        "max_parallel": limits,
        "daily_tokens": token_limits,
        "monthly_tokens": token_limits,
        "daily_cost": st.none() | st.integers(0, 3),
        "monthly_cost": st.none(),
    }
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(1, 80), st.integers(0, 60), st.integers(0, 10**9)),
        st.tuples(st.just("settle"), st.integers(0, 20), st.integers(0, 100), st.integers(0, 10**9)),
        st.tuples(st.just("release"), st.integers(0, 20), st.just(0), st.just(0)),
        st.tuples(
            st.just("wait"),
            st.sampled_from([1, 300, 499, 500, 7000, 59_999, 60_000, 60_500, 600_000, HOUR_MS, 20 * HOUR_MS]),
            st.just(0),
            st.just(0),
        ),
    ),
    max_size=40,
)


def play(store, holders, acts):
    """What a store answers, step by step."""
    store.fresh(lease_seconds=10**7)
    held, told = [], []
    for act, first, second, cost in acts:
        match act:
            case "reserve":
                answer = store.reserve(holders, asking(first + second, least=first, cost=cost, least_cost=cost // 2))
                if admitted(answer):
                    held.append(answer)
                    told.append(("taken", answer.tokens, answer.cost))
                else:
                    told.append((*answer[:5], answer.wait and round(answer.wait, 3), rounded_headroom(answer.headroom)))
            case "settle" if held:
                store.settle(held.pop(first % len(held)), second, cost)
            case "release" if held:
                store.release(held.pop(first % len(held)))
            case "wait":
                store.ms += first
        if act != "reserve":
            # A new day has to be looked up first; nobody used anything elsewhere.
            store.seed(holders)
            told.append(rounded(store.standings(holders)))
    return told


def rounded(standings):
    return [one._replace(reset=round(one.reset, 3)) for one in standings]


def rounded_headroom(headroom):
    return [tightest and (*tightest[:2], round(max(0, tightest[2]), 3)) for tightest in headroom]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mine=holding, theirs=holding, acts=steps)
def test_redis_answers_as_memory_does(memory, shared, mine, theirs, acts):
    holders = (*token(**mine), *user(**theirs))
    if holders:
        assert play(shared, holders, acts) == play(memory, holders, acts)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mine=holding, acts=steps)
def test_no_stretch_of_a_minute_or_a_day_has_more_than_the_limit_wherever_it_begins(memory, mine, acts):
    holders = token(**mine)
    memory.fresh(lease_seconds=10**7)
    requests = []  # [when, tokens]
    held = []
    for act, first, second, cost in acts if holders else ():
        if act == "reserve":
            answer = memory.reserve(holders, asking(first + second, least=first, cost=cost))
            if admitted(answer):
                requests.append([memory.ms, answer.tokens])
                held.append((answer, requests[-1]))
            elif answer.name in {"rpm", "rpd"}:
                # Refused rightly: a part more than the window has as many.
                length = MINUTE_MS + 500 if answer.name == "rpm" else 24 * HOUR_MS + 600_000
                assert sum(memory.ms - at <= length for at, _ in requests) >= mine[answer.name]
        elif act == "settle" and held:
            answer, request = held.pop(first % len(held))
            request[1] = min(second, answer.tokens)
            memory.settle(answer, request[1])
        elif act == "wait":
            memory.ms += first
        for start, _ in requests:
            minute = [tokens for at, tokens in requests if start <= at < start + MINUTE_MS]
            day = [tokens for at, tokens in requests if start <= at < start + 24 * HOUR_MS]
            assert mine["rpm"] is None or len(minute) <= mine["rpm"]
            assert mine["rpd"] is None or len(day) <= mine["rpd"]
            assert mine["tpm"] is None or sum(minute) <= mine["tpm"]
        assert mine["max_parallel"] is None or len(held) <= mine["max_parallel"]
        if holders:
            memory.seed(holders)
            assert all(one.used <= one.limit for one in memory.standings(holders))
