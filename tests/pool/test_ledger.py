"""The ledger of one quota domain and model: sliding minutes, Pacific days, rests."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from accounts.pool.ledger import Ledger
from accounts.pool.pacific import next_pacific_midnight
from accounts.pool.quotas import Quota, crept, learned

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
    ledger.reserve(900, NOON)
    assert not take(ledger, NOON + 1, 500)
    ledger.settle(NOON, 900, 100)
    assert take(ledger, NOON + 1, 500)


def test_a_request_that_never_left_is_given_back():
    ledger = Ledger(Quota(rpm=1, rpd=1))
    ledger.reserve(10, NOON)
    ledger.refund(NOON, 10)
    assert take(ledger, NOON + 1, 10)


def test_a_prompt_larger_than_the_quota_is_let_through_alone():
    ledger = Ledger(Quota(tpm=100))
    assert take(ledger, NOON, 5_000)
    assert not take(ledger, NOON + 1, 1)


def test_after_a_rest_one_request_alone_tries():
    ledger = Ledger()
    ledger.rest(NOON + 30, "quota_minute")
    assert not take(ledger, NOON + 29)
    assert take(ledger, NOON + 31)
    assert not take(ledger, NOON + 32)
    ledger.went_well(0.5)
    assert take(ledger, NOON + 33)


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


def test_a_refusal_teaches_the_limit_it_names():
    quota = learned(Quota(), ("GenerateRequestsPerDayPerProjectPerModel-FreeTier",), 20)
    assert quota == Quota(rpd=20)
    quota = learned(quota, ("GenerateRequestsPerMinutePerProjectPerModel-FreeTier",), 5)
    assert quota == Quota(rpm=5, rpd=20)
    assert learned(quota, ("GenerateContentInputTokensPerModelPerMinute-FreeTier",), 250_000).tpm == 250_000
    assert learned(quota, ("GenerateRequestsPerDayPerProjectPerModel-FreeTier",), 0) == quota


def test_a_limit_creeps_up_by_little():
    assert crept(Quota(rpm=10, rpd=100), minute=True) == Quota(rpm=11, rpd=100)
    assert crept(Quota(rpm=10, rpd=100), minute=False) == Quota(rpm=10, rpd=105)
    assert crept(Quota(), minute=False) == Quota()
