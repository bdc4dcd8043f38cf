import pytest

from accounts.contributions import flood
from accounts.contributions.flood import DAY, FloodGate


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

    monkeypatch.setattr(flood.time, "monotonic", lambda: Clock.now)
    return Clock


@pytest.fixture
def gate(clock, settings):
    settings.CONTRIBUTIONS_PER_ADDRESS, settings.CONTRIBUTIONS_PER_HOUR = 2, 5
    return FloodGate("CONTRIBUTIONS_PER_ADDRESS", "CONTRIBUTIONS_PER_HOUR")


def test_each_address_has_its_own_count_and_all_have_one_together(gate):
    assert [gate.wait("a"), gate.wait("a"), gate.wait("b")] == [0, 0, 0]
    assert gate.wait("a") == DAY
    assert [gate.wait("c"), gate.wait("d"), gate.wait("e")] == [0, 0, 3600]


def test_what_was_refused_does_not_prolong_the_wait(gate, clock):
    gate.wait("a"), gate.wait("a")
    clock.now += 100
    for _ in range(50):
        assert gate.wait("a") == DAY - 100


def test_the_hour_slides(gate, clock):
    for name in "abcde":
        gate.wait(name)
    clock.now += 3599
    assert gate.wait("f") == 1
    clock.now += 1
    assert gate.wait("f") == 0


def test_the_salt_lives_a_day_and_no_address_is_in_memory(gate, clock):
    gate.wait("203.0.113.77")
    salt, names = gate._salt, set(gate._by_address)
    assert "203.0.113.77" not in repr(vars(gate))
    clock.now += DAY
    gate.wait("203.0.113.77")
    assert gate._salt != salt
    assert not names & set(gate._by_address)
