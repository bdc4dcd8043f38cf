"""The pool and its database: what people and other processes do comes in, what this process finds goes out, nothing is lost."""

from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.utils import timezone

from accounts import pool
from accounts.contributing import contribute, disable_key, enable_keys, reset_cooldowns
from accounts.models import ContributedKey, KeyCooldown, KeyDay, KeyEvent, LedgerState, TierQuota
from accounts.pool import Exhausted, clock, exchanging
from tests.relay.conftest import FIRST, KEYS, SECOND

in_db = sync_to_async


async def row(key):
    return await in_db(ContributedKey.objects.get)(last_four=key[-4:])


async def leased(model=FIRST, count=12):
    """The keys that so many leases bring; each is given back."""
    keys = set()
    for _ in range(count):
        lease = await pool.lease(model, ())
        if isinstance(lease, Exhausted):
            break
        keys.add(lease.secret)
        pool.give_back(lease)
    return keys


async def lease_of(key, model=FIRST):
    """A lease of this very key."""
    tried = set()
    while True:
        lease = await pool.lease(model, tried)
        if lease.secret == key:
            return lease
        tried.add(lease.key)
        pool.give_back(lease)


@pytest.fixture
async def ready(relay):
    await pool.sync()
    return relay


# --- What comes in ---------------------------------------------------------------------------------------


async def test_every_active_key_is_leased(ready):
    assert await leased() == set(KEYS)


async def test_a_key_that_a_person_disables_is_leased_no_more_and_again_when_enabled(ready):
    key = await row(KEYS[0])
    await in_db(disable_key)(key, "by hand")
    await pool.sync()
    assert await leased() == {KEYS[1], KEYS[2]}
    await in_db(enable_keys)([key])
    await pool.sync()
    assert await leased() == set(KEYS)


async def test_a_key_that_comes_is_leased_and_one_that_is_deleted_is_not(ready):
    await in_db(contribute)("fake-key-of-the-relay-ddd4", source="operator")
    await in_db((await row(KEYS[0])).delete)()
    await pool.sync()
    assert await leased(count=20) == {KEYS[1], KEYS[2], "fake-key-of-the-relay-ddd4"}


async def test_keys_of_the_simulator_are_never_sent_to_gemini(ready, settings):
    await in_db(contribute)("sim-key-of-the-simulator", source="operator", upstream="simulator")
    await pool.sync()
    assert await leased() == set(KEYS)
    settings.SIMULATOR = True
    pool.reset()
    await pool.sync()
    assert await leased() == {"sim-key-of-the-simulator"}


async def test_a_key_that_cannot_be_unsealed_is_passed_by(ready):
    first, second = await row(KEYS[0]), await row(KEYS[1])
    await in_db(ContributedKey.objects.filter(pk=first.pk).update)(ciphertext=second.ciphertext, updated=timezone.now())
    pool.reset()
    await pool.sync()
    assert await leased() == {KEYS[1], KEYS[2]}


async def rest_of_another_process(key, model, minutes):
    domain = (await row(key)).quota_domain
    until = timezone.now() + timedelta(minutes=minutes)
    await in_db(KeyCooldown.objects.create)(domain=domain, model=model, until=until, reason="quota_minute")
    await pool.sync()


@pytest.mark.parametrize(("model", "resting"), [(FIRST, {FIRST}), ("", {FIRST, SECOND})])
async def test_a_rest_that_another_process_found_is_kept_here_too(ready, model, resting):
    await rest_of_another_process(KEYS[0], model, 5)
    for asked in (FIRST, SECOND):
        assert (KEYS[0] in await leased(asked)) == (asked not in resting)


async def test_a_rest_that_is_over_is_no_rest(ready):
    await rest_of_another_process(KEYS[0], FIRST, -1)
    assert await leased() == set(KEYS)


async def test_a_reset_by_a_person_ends_rests_at_once_also_those_found_here(ready):
    lease = await lease_of(KEYS[0])
    pool.cool_down(lease, pool.now() + 3_600, "quota_day")
    await pool.sync()
    assert KEYS[0] not in await leased()
    await in_db(reset_cooldowns)([await row(KEYS[0])])
    await pool.sync()
    assert KEYS[0] in await leased()


async def test_a_rest_found_after_a_reset_stays(ready):
    await in_db(reset_cooldowns)([await row(KEYS[0])])
    await pool.sync()
    pool.cool_down(await lease_of(KEYS[0]), pool.now() + 3_600, "quota_day")
    for _ in range(3):
        await pool.sync()
    assert KEYS[0] not in await leased()


# --- What goes out ---------------------------------------------------------------------------------------


async def test_counts_are_written_by_key_model_and_pacific_day(ready):
    lease = await lease_of(KEYS[0])
    pool.give_back(lease, prompt_tokens=10, completion_tokens=4)
    pool.refuse(await lease_of(KEYS[0]), "quota_day")
    await pool.sync()
    key = await row(KEYS[0])
    [day] = await in_db(lambda: list(KeyDay.objects.filter(key=key)))()
    assert (day.model, day.requests, day.refusals, day.prompt_tokens, day.completion_tokens) == (FIRST, 2, 1, 10, 4)
    assert (day.day, day.last_refusal) == (pool_day(), "quota_day")


def pool_day():
    from accounts.pool.pacific import pacific_day

    return pacific_day(pool.now())


async def test_counts_are_added_to_those_of_other_processes(ready):
    key = await row(KEYS[0])
    await in_db(KeyDay.objects.create)(key=key, model=FIRST, day=pool_day(), requests=100, prompt_tokens=1_000)
    for _ in range(3):
        pool.give_back(await lease_of(KEYS[0]), prompt_tokens=10)
        await pool.sync()
    day = await in_db(KeyDay.objects.get)(key=key)
    assert (day.requests, day.prompt_tokens) == (103, 1_030)


async def test_a_key_is_disabled_though_its_row_changed_while_it_was_out(ready):
    lease = await lease_of(KEYS[0])
    key = await row(KEYS[0])
    key.label = "renamed"
    await in_db(key.save)()
    await pool.sync()
    pool.disable(lease, "key_leaked")
    assert KEYS[0] not in await leased()
    await pool.sync()
    assert (await row(KEYS[0])).state == "disabled" and (await row(KEYS[0])).reason == "key_leaked"
    assert KEYS[0] not in await leased()


async def test_a_key_that_was_tried_is_not_tried_again_though_its_row_changed(ready):
    lease = await lease_of(KEYS[0])
    for key in KEYS:
        changed = await row(key)
        changed.label = "renamed"
        await in_db(changed.save)()
    await pool.sync()
    for _ in range(12):
        other = await pool.lease(FIRST, {lease.key})
        assert other.secret != KEYS[0]
        pool.give_back(other)


async def test_what_cannot_be_written_is_kept_for_the_next_time(ready, monkeypatch):
    lease = await lease_of(KEYS[0])
    pool.give_back(lease, prompt_tokens=10)
    pool.cool_down(lease, pool.now() + 3_600, "quota_day")
    pool.disable(await lease_of(KEYS[1]), "key_invalid")

    def away(*args):
        raise OperationalError("away")

    with monkeypatch.context() as broken:
        broken.setattr(exchanging, "exchange", away)
        for _ in range(2):
            with pytest.raises(OperationalError):
                await pool.sync()
    # Without the database it goes on with what it knows.
    assert await leased() == {KEYS[2]}
    await pool.sync()
    assert (await row(KEYS[1])).state == "disabled"
    day = await in_db(KeyDay.objects.get)(key__last_four=KEYS[0][-4:])
    assert day.prompt_tokens == 10
    assert await in_db(KeyCooldown.objects.filter(model=FIRST).count)() == 1


async def test_what_was_found_survives_a_restart(ready):
    pool.cool_down(await lease_of(KEYS[0]), pool.now() + 3_600, "quota_day")
    pool.disable(await lease_of(KEYS[1]), "key_invalid")
    await pool.sync()
    pool.reset()
    await pool.ready()
    assert await leased() == {KEYS[2]}


async def test_what_ends_after_the_last_lease_is_written_down_all_the_same(ready):
    lease = await lease_of(KEYS[0])
    await pool.sync()
    pool._shared.timer.cancel()
    pool._shared.timer = None
    pool.give_back(lease, prompt_tokens=10)
    assert pool._shared.timer is not None


async def test_a_rest_that_is_found_again_by_the_first_answer_is_an_event(ready):
    lease = await lease_of(KEYS[0])
    pool.cool_down(lease, pool.now() - 1, "quota_bare")
    pool._shared.pool.places.ledgers[lease.key.domain, FIRST].half_open = True
    pool.answered(await lease_of(KEYS[0]))
    await pool.sync()
    changes = await in_db(lambda: list(KeyEvent.objects.order_by("id").values_list("was", "became", "model")))()
    assert changes[-1] == ("half-open", "ready", FIRST)


async def test_a_restart_without_redis_forgets_neither_the_minute_nor_how_a_key_fares(relay):
    await in_db(TierQuota.objects.all().delete)()
    await in_db(TierQuota.objects.create)(pattern="*", rpm=2)
    await pool.ready()
    first = [await pool.lease(FIRST, ()) for _ in range(5)]
    pool.answered(first[0])
    pool.give_back(first[0])
    pool.refuse(first[1], "quota_bare", used_quota=True)
    await pool.sync()
    failed = (first[1].key.domain, FIRST)
    known = pool._shared.pool.places.ledgers[failed]
    pool.reset()
    await pool.ready()
    restored = pool._shared.pool.places.ledgers[failed]
    assert (restored.errors, restored.failures_in_a_row) == (known.errors, 1)
    assert isinstance(await pool.lease(FIRST, ()), pool.Lease)
    assert isinstance(await pool.lease(FIRST, ()), Exhausted), "six requests of three keys are the minute's quota"


async def test_the_database_forgets_the_minute_when_it_is_over_and_keeps_the_averages(ready, monkeypatch):
    moment = pool.now()
    monkeypatch.setattr(clock, "source", lambda: moment)
    lease = await lease_of(KEYS[0])
    pool.refuse(lease, "quota_bare", used_quota=True)
    await pool.sync()
    domain = lease.key.domain
    state = await in_db(LedgerState.objects.get)(domain=domain)
    assert state.requests == 1 and state.minute_ends.second % 10 == 0
    assert pool._shared.erasing is not None, "somebody will look again, though no request comes"
    now = timezone.now() + timedelta(seconds=75)
    monkeypatch.setattr(timezone, "now", lambda: now)
    await pool.sync()
    state = await in_db(LedgerState.objects.get)(domain=domain)
    assert (state.requests, state.minute_ends, state.failures_in_a_row) == (0, None, 1)


async def test_a_state_that_could_not_be_written_is_written_next_time(ready, monkeypatch):
    pool.give_back(await lease_of(KEYS[0]))

    def away(*args):
        raise OperationalError("away")

    with monkeypatch.context() as broken:
        broken.setattr(exchanging, "exchange", away)
        with pytest.raises(OperationalError):
            await pool.sync()
    await pool.sync()
    assert await in_db(LedgerState.objects.count)() >= 1


async def test_rests_that_are_long_over_are_cleared_away(ready):
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    await in_db(KeyCooldown.objects.create)(domain="key:x", model=FIRST, until=long_ago, reason="quota_day")
    pool.give_back(await lease_of(KEYS[0]))
    await pool.sync()
    assert not await in_db(KeyCooldown.objects.filter(until=long_ago).exists)()


async def test_the_pool_shows_no_key(ready):
    lease = await lease_of(KEYS[0])
    for shown in (lease, lease.key, lease.key.secret):
        assert KEYS[0] not in repr(shown) and KEYS[0] not in str(shown)
