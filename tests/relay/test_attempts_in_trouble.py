"""The attempts of a call while keys die, models break down and quotas are full: who waits, who is asked, what is told."""

import asyncio
import time

import pytest

from accounts import pool
from compat import errors
from compat.gemini.failures import EMPTY, Facts, GeminiFailure
from compat.relay import complete
from tests.relay.conftest import FIRST, KEYS, SECOND
from tests.relay.test_attempts import (
    DEAD,
    NOT_OFFERED,
    OVERLOADED,
    always,
    answered,
    at_first,
    failed,
    out_of_quota,
    refused,
)

TOKENS = "GenerateContentInputTokensPerModelPerMinute-FreeTier"
REQUESTS = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
LONG = 4 * 3_000
"""Characters of a prompt with 3,000 tokens."""


async def test_the_last_key_dies_while_the_others_are_full_and_a_slot_is_waited_for(relay, gemini):
    def failing(model, key, before):
        if key == KEYS[0]:
            return DEAD
        return out_of_quota(REQUESTS, "5", "0.1s") if before < 3 else None

    gemini.failing = failing
    await answered(relay)
    assert len(gemini.asked) == 4


async def test_a_prompt_that_no_minute_has_room_for_is_asked_of_one_key_only_and_rests_none(relay, gemini):
    gemini.failing = always(out_of_quota(TOKENS, "1000", "50s"))
    job = await relay.job(FIRST, characters=LONG)
    with pytest.raises(errors.PoolExhausted, match="Limit 1000, Requested 3000") as found:
        await complete(job)
    assert found.value.headers() == {"x-should-retry": "false"}
    assert len(gemini.asked) == 1
    assert await relay.rests() == {}
    gemini.failing = always(None)
    await answered(relay)


async def test_a_prompt_that_no_minute_of_one_model_has_room_for_goes_to_the_next(relay, gemini):
    gemini.failing = lambda model, key, before: out_of_quota(TOKENS, "1000", "50s") if model == FIRST else None
    job = await relay.job(FIRST, SECOND, characters=LONG)
    await complete(job)
    assert gemini.models == [FIRST, SECOND]


async def test_while_a_model_is_down_few_ask_it_and_the_others_are_told_when_to_come_back(relay, gemini):
    gemini.failing = always(OVERLOADED)
    for _ in range(2):
        assert type(await refused(relay)) is errors.UpstreamUnavailable
    assert len(gemini.asked) == 5
    began = time.monotonic()
    error = await refused(relay)
    assert type(error) is errors.UpstreamUnavailable and 0 < error.wait <= 5
    assert len(gemini.asked) == 5 and time.monotonic() - began < 0.1


async def test_a_model_that_is_down_is_not_asked_where_the_next_one_answers(relay, gemini):
    gemini.failing = lambda model, key, before: OVERLOADED if model == FIRST else None
    for _ in range(8):
        await answered(relay, FIRST, SECOND)
    assert gemini.models.count(FIRST) == 5


async def test_a_client_that_leaves_does_not_make_a_model_well(relay, gemini):
    gemini.failing = always(OVERLOADED)
    await refused(relay)
    gemini.pause = asyncio.Event()
    leaving = asyncio.create_task(complete(await relay.job(FIRST)))
    await asyncio.sleep(0.05)
    leaving.cancel()
    await asyncio.wait([leaving])
    gemini.pause = None
    assert not pool.model_rests(FIRST)
    await refused(relay)
    assert pool.model_rests(FIRST)


async def test_prompts_that_bring_nothing_close_the_model_to_nobody_else(relay, gemini):
    gemini.failing = always(GeminiFailure(EMPTY, Facts(200)))
    for _ in range(3):
        await refused(relay)
    assert not pool.model_rests(FIRST)
    assert await relay.counts() == {FIRST: (9, 0)}


async def test_what_was_turned_away_used_no_quota(relay, gemini):
    gemini.failing = at_first(out_of_quota(REQUESTS, "5", "0.1s"))
    await answered(relay)
    used = {ledger.used_today for ledger in pool._shared.pool.places.ledgers.values()}
    assert used <= {0, 1} and await relay.counts() == {FIRST: (2, 1)}


async def test_each_limit_is_learned_with_its_own_value(relay, gemini):
    violations = [
        {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "250"},
        {"quotaId": REQUESTS, "quotaValue": "10"},
    ]
    gemini.failing = at_first(failed(429, "Quota.", {"@type": "x.QuotaFailure", "violations": violations}))
    await answered(relay)
    [quota] = pool._shared.pool.unwritten.quotas.values()
    assert (quota.rpm, quota.rpd) == (10, 250)


async def test_a_slot_that_comes_too_late_is_not_waited_for_and_told(relay, gemini):
    gemini.failing = always(out_of_quota(REQUESTS, "5", "30s"))
    began = time.monotonic()
    error = await refused(relay)
    assert error.wait == pytest.approx(31, abs=1) and time.monotonic() - began < 0.5


async def test_a_model_that_a_project_is_not_offered_is_asked_for_again_in_a_week(relay, gemini):
    gemini.failing = lambda model, key, before: NOT_OFFERED if (model, key) == (FIRST, KEYS[0]) else None
    while KEYS[0] not in gemini.keys:
        await answered(relay)
    rest = (await relay.rests())[FIRST]
    week = 7 * 24 * 3600
    assert abs(rest.until.timestamp() - time.time() - week) < 60 and rest.reason == "quota_none"
    gemini.asked.clear()
    for _ in range(9):
        await answered(relay, SECOND)
    assert KEYS[0] in gemini.keys, "for other models it is as good as any"
