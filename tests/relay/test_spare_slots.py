"""Requests of batches: they wait for what others leave, hold nothing meanwhile, and give back what they did not need."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from msgspec.structs import replace

from accounts import callers, pool
from accounts.callers import caller_in_batch
from accounts.models import IssuedToken, TierQuota, User
from accounts.pool import clock
from compat.errors import RateLimited
from compat.gemini.failures import failure_of
from compat.relay import complete, spare
from compat.relay.line import turn
from compat.translation.refusals import Untranslatable
from tests.relay.conftest import FIRST, KEYS, SECOND

UNAVAILABLE = failure_of(503, b"{}")


@pytest.fixture(autouse=True)
async def four_a_minute(relay, monkeypatch):
    """Each of three keys has four requests a minute: two of them are to spare."""
    monkeypatch.setattr(spare, "_LOOK_AGAIN_SECONDS", 0.01)

    def limit():
        TierQuota.objects.all().delete()
        TierQuota.objects.create(pattern="*", rpm=4)

    await sync_to_async(limit)()
    await pool.sync()


@pytest.fixture
def half_a_minute_passes(monkeypatch):
    """The pool's clock stands still, but for these steps: what is to spare is spread over the minute."""
    time = [clock.now()]
    monkeypatch.setattr(clock, "source", lambda: time[0])

    def passes():
        time[0] += 30

    return passes


async def used():
    """The requests of the running minute."""
    return sum(len(ledger.minute(pool.now())) for ledger in pool._shared.pool.places.ledgers.values())


async def answered(relay):
    job = await relay.job(in_batch=True)
    await complete(job)
    job.settle()
    return job


async def take_all_that_is_to_spare(relay, half_a_minute_passes):
    for _ in KEYS:
        await answered(relay)
    half_a_minute_passes()
    for _ in KEYS:
        await answered(relay)


async def test_half_of_every_minute_is_taken_and_the_others_find_the_rest(relay, gemini, half_a_minute_passes):
    await take_all_that_is_to_spare(relay, half_a_minute_passes)
    waiting = asyncio.create_task(answered(relay))
    await asyncio.sleep(0.1)
    assert not waiting.done() and len(gemini.asked) == 6
    for _ in range(2 * len(KEYS)):
        await complete(await relay.job())
    assert not waiting.done() and len(gemini.asked) == 12
    waiting.cancel()
    assert len(await relay.records()) == 6, "what waits is not admitted yet"


async def test_it_takes_whatever_model_has_room(relay, gemini, half_a_minute_passes):
    await take_all_that_is_to_spare(relay, half_a_minute_passes)
    job = await relay.job(FIRST, SECOND, in_batch=True)
    await complete(job)
    assert gemini.models[-1] == SECOND


async def test_it_waits_while_anybody_stands_in_line(relay):
    async with turn([FIRST, SECOND], 1):
        waiting = asyncio.create_task(answered(relay))
        await asyncio.sleep(0.1)
        assert not waiting.done()
    assert (await waiting).attempts == 1


async def test_a_failing_key_is_replaced_by_another(relay, gemini):
    gemini.failing = lambda model, key, before: failure_of(403, b"{}") if before == 0 else None
    assert (await answered(relay)).attempts == 2


async def test_it_gives_up_as_the_others_do(relay, gemini):
    gemini.failing = lambda model, key, before: UNAVAILABLE
    job = await relay.job(in_batch=True)
    with pytest.raises(Exception, match="overloaded or out of reach"):
        await complete(job)


async def test_what_its_owners_limits_refuse_gives_its_slot_back(relay):
    await sync_to_async(User.objects.update)(rpm=2)
    callers.forget()
    await answered(relay)
    with pytest.raises(RateLimited):
        await relay.job(in_batch=True)
    assert await used() == 1
    await complete(await relay.job())


async def test_what_cannot_be_translated_gives_its_slot_back(relay):
    job = await relay.job(in_batch=True)
    assert await used() == 1

    def refuse(model, candidates):
        raise Untranslatable("It cannot be said.")

    job.calls = (replace(job.calls[0], to_body=refuse),)
    with pytest.raises(Untranslatable):
        await complete(job)
    assert await used() == 0


async def test_what_is_given_up_before_it_was_asked_gives_its_slot_back(relay):
    job = await relay.job(in_batch=True)
    assert await used() == 1
    job.settle(499)
    assert await used() == 0


async def test_every_call_of_a_request_waits_for_a_slot_of_its_own(relay, gemini, half_a_minute_passes):
    job = await relay.job(calls=4, in_batch=True)
    completing = asyncio.create_task(complete(job))
    await asyncio.sleep(0.1)
    assert not completing.done() and len(gemini.asked) == len(KEYS)
    half_a_minute_passes()
    assert len(await completing) == len(gemini.asked) == 4


async def test_a_batch_is_its_owners_as_long_as_its_token_is_good(relay, settings):
    token_id = (await sync_to_async(IssuedToken.objects.get)()).pk
    caller = await caller_in_batch(token_id)
    assert (caller.username, caller.in_batch, caller.token_id) == ("ada", True, token_id)
    await sync_to_async(User.objects.update)(is_active=False)
    callers.forget()
    assert await caller_in_batch(token_id) is None
    assert await caller_in_batch(token_id + 1) is None
