"""Two keys that share a project unknown to us are found out by what the upstream refuses, and share a ledger once joined."""

import contextlib
import itertools

from accounts import pool
from accounts.models import ContributedKey, ProjectPair, TierQuota
from accounts.pool import Exhausted, clock
from accounts.projects import FLAGGED_AT, join
from compat.errors import CompatError
from compat.relay import complete
from tests.relay.conftest import FIRST, KEYS
from tests.relay.test_attempts import out_of_quota
from tests.relay.test_pool_and_database import in_db

NOON = 1_795_028_400.0
MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"


class Project:
    """The first two keys draw on one quota of ten requests a minute; the third has ten of its own."""

    def __init__(self):
        self.used = {}

    def __call__(self, model, key, before):
        name = "apart" if key == KEYS[2] else "shared"
        minute = int(clock.now() // 60)
        count = self.used[name, minute] = self.used.get((name, minute), 0) + 1
        return out_of_quota(MINUTE, "10", "30s") if count > 10 else None


async def a_busy_minute(relay, settings, count=24):
    settings.KEY_DEADLINE_SECONDS = 0.05
    for _ in range(count):
        job = await relay.job()
        with contextlib.suppress(CompatError):
            await complete(job)
        job.settle()
    await pool.sync()


async def test_they_are_flagged_joined_and_then_lease_no_more_than_one_project_may(
    relay, gemini, settings, monkeypatch
):
    await in_db(TierQuota.objects.all().delete)()
    await in_db(TierQuota.objects.create)(pattern="*", rpm=10)
    gemini.failing = Project()
    minutes = itertools.count()
    moment = NOON
    monkeypatch.setattr(clock, "source", lambda: moment)
    for _ in range(FLAGGED_AT):
        moment = NOON + 120 * next(minutes)
        await a_busy_minute(relay, settings)
    rows = await in_db(lambda: list(ProjectPair.objects.filter(state="flagged")))()
    ids = await in_db(lambda: {key.last_four: key.quota_domain for key in ContributedKey.objects.all()})()
    assert [{row.first, row.second} for row in rows] == [{ids["aaa1"], ids["bbb2"]}]

    await in_db(join)(rows[0])
    await pool.sync()
    moment = NOON + 120 * next(minutes)
    asked = len(gemini.asked)
    await a_busy_minute(relay, settings)
    assert len(gemini.asked) - asked == 20, "ten of the project, ten of the other key, and no refusal"
    assert isinstance(await pool.lease(FIRST, ()), Exhausted)
