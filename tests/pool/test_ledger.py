"""The ledger of one quota domain and model: sliding minutes, Pacific days, rests."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.pool.ledger import Ledger
from accounts.pool.minute import WINDOW
from accounts.pool.news import State
from accounts.pool.pacific import next_pacific_midnight, quota_day
from accounts.pool.quotas import Quota, crept, learned
from tests.pool.conftest import NOW

NOON = datetime(2026, 11, 22, 20, 0, tzinfo=UTC).timestamp()


def take(ledger, now, tokens=0):
    """Reserve if there is room; True when there was."""
    if ledger.free_at(tokens, now) > now:
        return False
    ledger.reserve(tokens, now)
    return True


@given(
    gaps=st.lists(st.floats(0, 20), min_size=1, max_size=200),
    rpm=st.integers(1, 20),
    tpm=st.integers(1_000, 50_000),
    tokens=st.integers(0, 900),
)
def test_no_minute_ever_holds_more_than_its_quota(gaps, rpm, tpm, tokens):
    ledger, now, sent = Ledger(Quota(rpm=rpm, tpm=tpm)), NOON, []
    for gap in gaps:
        now += gap
        if take(ledger, now, tokens):
            sent.append(now)
    for start in sent:
        within = [at for at in sent if start <= at < start + 60]
        assert len(within) <= rpm
        assert len(within) * tokens <= tpm


@given(st.integers(1, 30), st.integers(1, 60))
def test_exactly_the_daily_quota_is_sent_each_pacific_day(rpd, asked):
    ledger = Ledger(Quota(rpd=rpd))
    assert sum(take(ledger, NOON + i) for i in range(asked)) == min(rpd, asked)
    tomorrow = next_pacific_midnight(NOON) + 1
    assert sum(take(ledger, tomorrow + i) for i in range(asked)) == min(rpd, asked)


def test_a_full_minute_says_when_its_first_request_leaves_it():
    ledger = Ledger(Quota(rpm=2))
    assert take(ledger, NOON)
    assert take(ledger, NOON + 10)
    assert 60 < ledger.free_at(0, NOON + 20) - NOON < 63
    assert take(ledger, ledger.free_at(0, NOON + 20))


def test_true_counts_replace_the_estimate():
    ledger = Ledger(Quota(tpm=1_000))
    sent = ledger.reserve(900, NOON)
    assert not take(ledger, NOON + 1, 500)
    ledger.settle(sent, 100)
    assert take(ledger, NOON + 1, 500)


def test_a_request_that_never_left_is_given_back():
    ledger = Ledger(Quota(rpm=1, rpd=1))
    ledger.refund(ledger.reserve(10, NOON))
    assert take(ledger, NOON + 1, 10)


def test_a_prompt_a_little_larger_than_the_quota_is_let_through_alone():
    ledger = Ledger(Quota(tpm=100))
    assert take(ledger, NOON, 120)
    assert not take(ledger, NOON + 1, 1)


def test_a_prompt_much_larger_than_the_quota_is_never_sent():
    ledger = Ledger(Quota(tpm=100))
    assert ledger.free_at(200, NOON) == math.inf
    assert take(ledger, NOON, 100)


def test_after_a_rest_one_request_alone_tries():
    ledger = Ledger()
    ledger.rest(NOON + 30, "quota_bare")
    assert not take(ledger, NOON + 29)
    assert take(ledger, NOON + 31)
    assert not take(ledger, NOON + 32)
    ledger.went_well(0.5)
    assert take(ledger, NOON + 33)


def test_one_that_tries_and_is_not_refused_holds_others_up_for_seconds_only():
    ledger = Ledger()
    ledger.rest(NOON + 30, "quota_bare")
    assert take(ledger, NOON + 31)
    assert take(ledger, NOON + 35)


@pytest.mark.parametrize("reason", ["quota_minute", "quota_day"])
def test_after_a_quota_came_back_nobody_has_to_try_it_alone(reason):
    ledger = Ledger(Quota(rpm=5))
    ledger.rest(NOON + 30, reason)
    assert sum(take(ledger, NOON + 31) for _ in range(9)) == 5


def test_hearing_of_a_rest_again_does_not_begin_it_again():
    ledger = Ledger()
    ledger.rest(NOON + 30, "quota_bare")
    assert take(ledger, NOON + 31)
    ledger.rest(NOON + 30, "quota_bare")
    assert not take(ledger, NOON + 32)
    ledger.went_well(0.5)
    ledger.rest(NOON + 30, "quota_bare")
    assert take(ledger, NOON + 33) and take(ledger, NOON + 33)


def test_what_was_sent_before_a_limit_was_learned_counts():
    ledger = Ledger()
    assert all(take(ledger, NOON + i) for i in range(7))
    ledger.keep_to(Quota(rpm=8))
    assert take(ledger, NOON + 8)
    assert not take(ledger, NOON + 9)


def test_the_day_of_the_quotas_begins_a_second_after_midnight():
    midnight = next_pacific_midnight(NOON)
    ledger = Ledger(Quota(rpd=1))
    assert take(ledger, midnight - 100)
    assert ledger.free_at(0, midnight - 50) == midnight + 1
    assert not take(ledger, midnight + 0.5)
    assert take(ledger, midnight + 1)


def test_what_yesterday_gives_back_is_not_given_to_today():
    midnight = next_pacific_midnight(NOON)
    ledger = Ledger(Quota(rpd=2))
    yesterdays = ledger.reserve(0, midnight - 1)
    assert take(ledger, midnight + 2) and take(ledger, midnight + 3)
    ledger.refund(yesterdays)
    assert not take(ledger, midnight + 4)


def test_a_longer_rest_stays():
    ledger = Ledger()
    ledger.rest(NOON + 300, "quota_day")
    ledger.rest(NOON + 30, "quota_minute")
    assert ledger.free_at(0, NOON) == NOON + 300
    assert ledger.reason == "quota_day"


def test_midnight_in_los_angeles_follows_the_clock_changes():
    def midnight_after(*when):
        start = datetime(*when, tzinfo=UTC).timestamp()
        return datetime.fromtimestamp(next_pacific_midnight(start), UTC)

    assert midnight_after(2026, 7, 1, 12) == datetime(2026, 7, 2, 7, tzinfo=UTC)
    assert midnight_after(2026, 12, 1, 12) == datetime(2026, 12, 2, 8, tzinfo=UTC)
    # 8 March 2026 has 23 hours there, 1 November 2026 has 25.
    assert midnight_after(2026, 3, 8, 8) == datetime(2026, 3, 9, 7, tzinfo=UTC)
    assert midnight_after(2026, 11, 1, 7) == datetime(2026, 11, 2, 8, tzinfo=UTC)


def rating(ledger, now):
    """What whoever looks for room finds: the room, and the rank while there is some."""
    if now >= ledger.rated_until:
        ledger.rate(now)
    return ledger.room, ledger.room >= 0 and ledger.rank


def rank(ledger, now):
    return rating(ledger, now)[1]


PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"


def test_a_refusal_teaches_each_limit_that_it_names():
    assert learned(Quota(), [(PER_DAY, 20)]) == Quota(rpd=20)
    assert learned(Quota(rpd=20), [(PER_MINUTE, 5)]) == Quota(rpm=5, rpd=20)
    assert learned(Quota(), [(PER_DAY, 1_000), (PER_MINUTE, 10)]) == Quota(rpm=10, rpd=1_000)
    assert learned(Quota(), [("GenerateContentInputTokensPerModelPerMinute-FreeTier", 250_000)]).tpm == 250_000
    assert learned(Quota(rpd=20), [(PER_DAY, 0), (PER_MINUTE, None)]) == Quota(rpd=20)


def test_a_limit_creeps_up_by_little():
    assert crept(Quota(rpm=10, rpd=100), "rpm") == Quota(rpm=11, rpd=100)
    assert crept(Quota(rpm=10, rpd=100), "rpd") == Quota(rpm=10, rpd=105)
    assert crept(Quota(), "rpd") == Quota()


def test_what_one_process_knew_the_next_one_knows():
    before = Ledger(Quota(rpm=5, tpm=1_000))
    for second in range(4):
        before.reserve(100, NOW + second)
    before.went_well(2.0)
    before.went_wrong()
    before.went_wrong()
    before.rest(NOW + 3, "quota_bare")
    state = before.state(NOW + 4)
    assert (state.requests, state.tokens, state.failures_in_a_row, state.half_open) == (4, 400, 2, True)
    after = Ledger(Quota(rpm=5, tpm=1_000))
    after.restore(state, NOW + 5)
    assert (after.errors, after.latency, after.half_open) == (before.errors, before.latency, True)
    after.reserve(100, NOW + 5)
    after.went_well(1.0)
    assert after.failures_in_a_row == 0
    assert after.free_at(100, NOW + 6) == NOW + 3 + WINDOW, "the restored ones leave when the last of them does"
    assert after.free_at(600, NOW + 3 + WINDOW) <= NOW + 3 + WINDOW


def test_a_minute_that_is_over_is_not_restored():
    before = Ledger(Quota(rpm=1))
    before.reserve(100, NOW)
    after = Ledger(Quota(rpm=1))
    after.restore(before.state(NOW + 1), NOW + 62)
    assert after.free_at(100, NOW + 62) <= NOW + 62


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["reserve", "settle", "refund", "learn", "start", "restore", "rest", "answer", "wake", "wait"]
            ),
            st.integers(0, 3_000),
        ),
        max_size=40,
    ),
    st.builds(
        Quota,
        rpm=st.none() | st.integers(1, 20),
        tpm=st.none() | st.integers(1, 9_000),
        rpd=st.none() | st.integers(1, 60),
    ),
)
def test_room_and_rank_that_are_remembered_are_those_that_would_be_found(acts, quota):
    ledger, now, held = Ledger(quota), NOON, []
    for act, number in acts:
        rating(ledger, now)
        match act:
            case "reserve":
                held.append(ledger.reserve(number, now))
            case "settle" if held:
                ledger.settle(held[number % len(held)], number)
            case "refund" if held:
                ledger.refund(held.pop(number % len(held)))
            case "learn":
                ledger.keep_to(Quota(rpm=1 + number % 20, rpd=1 + number % 60))
            case "start":
                ledger.start_day(quota_day(now), number % 60)
            case "restore" if not ledger.minute(now):
                ledger.restore(State(0.0, 0.0, 0, False, number % 9, number, now + number % 70), now)
            case "rest":
                ledger.rest(now + number / 20, "quota_bare")
            case "answer":
                ledger.went_well(1.0)
            case "wake":
                ledger.wake()
            case "wait":
                now += number / 20
        remembered = rating(ledger, now)
        ledger.rated_until = now
        assert remembered == rating(ledger, now)
        assert ledger.room < 0 or ledger.free_at(ledger.room, now) == now
        assert ledger.free_at(max(0, ledger.room + 1), now) > now or ledger.room == math.inf


def test_of_two_with_as_much_room_the_one_that_was_asked_less_of_late_ranks_higher():
    often, once = Ledger(), Ledger()
    for second in range(10):
        often.reserve(1, NOON + second)
    once.reserve(1, NOON + 20)
    assert rank(once, NOON + 20) > rank(often, NOON + 20)
    # Ten requests are worth as much as one after little more than three minutes.
    once.reserve(1, NOON + 300)
    assert rank(often, NOON + 300) > rank(once, NOON + 300)
    assert rank(Ledger(), NOON + 300) > rank(often, NOON + 300)


def test_a_clock_that_is_set_back_by_days_stops_nothing():
    ledger, now = Ledger(), NOON - 30 * 86_400
    ledger.reserve(1, NOON)
    ledger.reserve(1, now)
    assert rank(ledger, now) < rank(Ledger(), now)


def test_room_outweighs_how_much_was_asked_of_late():
    large, small = Ledger(Quota(rpm=10, rpd=500)), Ledger(Quota(rpm=10, rpd=490))
    large.reserve(1, NOON)
    large.keep_to(Quota(rpm=11, rpd=550))
    assert rank(large, NOON + 120) > rank(small, NOON + 120)
