"""`tumbler/best` steps down its targets as the pool's quota of each is used up, and back up when the day turns."""

from collections import Counter
from importlib import import_module

from django.apps import apps

from accounts import pool
from accounts.models import TierQuota
from accounts.pool import clock
from accounts.pool.pacific import next_pacific_midnight
from compat.errors import PoolExhausted
from compat.mapping import forget_mappings, resolve
from tests.relay.conftest import KEYS
from tests.relay.test_attempts import answered, refused
from tests.relay.test_pool_and_database import in_db

NOON = 1_795_028_400.0


async def ask(relay, gemini, count, targets):
    gemini.asked.clear()
    for _ in range(count):
        await answered(relay, *targets)
    return list(Counter(gemini.models).items())


async def test_the_alias_steps_down_with_the_quota_and_up_again_after_midnight(relay, gemini, monkeypatch):
    moment = NOON
    monkeypatch.setattr(clock, "source", lambda: moment)
    # A transactional test before this one may have flushed what the migration put there.
    await in_db(import_module("compat.migrations.0003_seed_tumbler_best").seed)(apps, None)
    forget_mappings()
    targets = (await resolve("tumbler/best")).targets
    assert len(targets) >= 3 and (await resolve("models/tumbler/best")).targets == targets
    await in_db(TierQuota.objects.all().delete)()
    for model, rpd in zip(targets, (1, 2, 3, 0, 0), strict=True):
        if rpd:
            await in_db(TierQuota.objects.create)(pattern=model, rpd=rpd)
    await pool.sync()
    best, second, third = targets[:3]
    keys = len(KEYS)

    asked = await ask(relay, gemini, 6 * keys, (best, second, third))
    assert asked == [(best, keys), (second, 2 * keys), (third, 3 * keys)], "the best first, and nobody was refused"
    gemini.asked.clear()
    assert isinstance(await refused(relay, best, second, third), PoolExhausted)
    assert gemini.asked == []

    moment = next_pacific_midnight(NOON) + 2
    assert await ask(relay, gemini, keys + 1, (best, second, third)) == [(best, keys), (second, 1)]


async def test_a_minute_that_is_full_steps_down_for_that_minute_only(relay, gemini, monkeypatch):
    moment = NOON
    monkeypatch.setattr(clock, "source", lambda: moment)
    await in_db(TierQuota.objects.all().delete)()
    await in_db(TierQuota.objects.create)(pattern="gemini-4-hydrogen", rpm=1)
    await pool.sync()
    targets = ("gemini-4-hydrogen", "gemini-3.8-flash")
    assert await ask(relay, gemini, 4, targets) == [(targets[0], 3), (targets[1], 1)]
    moment = NOON + 62
    assert await ask(relay, gemini, 1, targets) == [(targets[0], 1)]
