"""A key that the upstream calls invalid is asked about by one free call: disabled if that says the same, else back."""

import pytest
from django.utils import timezone

from accounts import pool
from accounts.contributing import ask_about_suspects, enable_keys, suspect_key
from accounts.models import ContributedKey, KeyEvent
from compat.gemini.failures import UNREACHABLE, Facts, GeminiFailure
from tests.relay.conftest import KEYS
from tests.relay.test_attempts import DEAD, UNPAID, answered, failed
from tests.relay.test_pool_and_database import in_db, leased, row

BAD = KEYS[0]
LEAKED = failed(403, "Your API key was reported as leaked. Please use another API key.")


def dead_for(calls, lists):
    """What Gemini says of the bad key to a call, and to a question for its models."""
    return lambda model, key, before: (calls if model else lists) if key == BAD else None


async def ask_until_refused(relay, gemini):
    while BAD not in gemini.keys:
        await answered(relay)


async def events():
    rows = KeyEvent.objects.filter(key__last_four=BAD[-4:]).order_by("id").values_list("was", "became", "reason")
    return await in_db(lambda: list(rows))()


@pytest.mark.parametrize("failure", [DEAD, failed(401), failed(403)])
async def test_it_is_disabled_when_its_model_list_is_refused_too(relay, gemini, failure):
    gemini.failing = dead_for(calls=failure, lists=failure)
    await ask_until_refused(relay, gemini)
    assert BAD not in await leased()
    state, reason = (await relay.keys())[BAD[-4:]]
    assert (state, gemini.lists_asked) == ("disabled", [BAD])
    assert await events() == [("active", "suspected", reason), ("suspected", "disabled", reason)]


async def test_it_is_leased_again_when_its_model_list_comes(relay, gemini):
    gemini.failing = dead_for(calls=DEAD, lists=None)
    await ask_until_refused(relay, gemini)
    assert BAD not in await leased()
    assert (await relay.keys())[BAD[-4:]] == ("active", "")
    gemini.failing = lambda model, key, before: None
    await pool.sync()
    assert BAD in await leased()
    assert [event[:2] for event in await events()] == [("active", "suspected"), ("suspected", "active")]


async def test_it_is_not_leased_while_nobody_answers_and_asked_about_again_a_minute_later(relay, gemini):
    gemini.failing = dead_for(calls=DEAD, lists=GeminiFailure(UNREACHABLE, Facts(502)))
    await ask_until_refused(relay, gemini)
    for _ in range(3):
        assert (await relay.keys())[BAD[-4:]] == ("suspected", "key_invalid")
    assert gemini.lists_asked == [BAD] and BAD not in await leased()
    a_minute_ago = timezone.now() - timezone.timedelta(seconds=61)
    await in_db(ContributedKey.objects.update)(last_checked=a_minute_ago)
    gemini.failing = dead_for(calls=DEAD, lists=DEAD)
    assert (await relay.keys())[BAD[-4:]] == ("disabled", "key_invalid")


async def test_a_restarted_process_asks_about_what_another_left_behind(relay, gemini):
    gemini.failing = dead_for(calls=DEAD, lists=DEAD)
    await in_db(suspect_key)(await row(BAD), "key_invalid")
    pool.reset()
    await pool.ready()
    assert BAD not in await leased()
    assert (await relay.keys())[BAD[-4:]] == ("disabled", "key_invalid")


async def test_several_processes_ask_once(relay, gemini):
    await in_db(suspect_key)(await row(BAD), "key_invalid")
    asked = [await in_db(ask_about_suspects)("gemini") for _ in range(3)]
    assert (asked, gemini.lists_asked) == ([1, 0, 0], [BAD])


@pytest.mark.parametrize(("failure", "reason"), [(LEAKED, "key_leaked"), (UNPAID, "project_unpaid")])
async def test_what_is_told_plainly_disables_at_once_and_nobody_is_asked(relay, gemini, failure, reason):
    gemini.failing = dead_for(calls=failure, lists=None)
    await ask_until_refused(relay, gemini)
    assert (await relay.keys())[BAD[-4:]] == ("disabled", reason)
    assert gemini.lists_asked == []
    assert await events() == [("active", "disabled", reason)]


async def test_a_suspected_key_can_be_enabled_by_hand(relay, gemini):
    await in_db(suspect_key)(await row(BAD), "key_invalid")
    assert await in_db(enable_keys)([await row(BAD)])
    await pool.sync()
    assert BAD in await leased()
