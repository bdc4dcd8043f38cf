"""Quotas per project and model: sliding minutes, Pacific days, and the 429 that tells of them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from compat.simulator.keys import read_key
from compat.simulator.models import CATALOGUE
from compat.simulator.quota_tables import flat, quotas_named
from compat.simulator.quotas import Limits, Quotas, seconds_to_midnight
from tests.simulator.asking import NOON, said

FLASH = "gemini-3.8-flash"
FACTS = CATALOGUE[FLASH]
KEY = read_key("sim-alpha-1")


def details(error, kind):
    return next(detail for detail in error["details"] if detail["@type"].endswith(kind))


async def use_up(limited, times, key="sim-alpha-1"):
    for _ in range(times):
        await limited.generate(FLASH, said("hi"), key=key)


async def test_requests_per_minute_are_refused_beyond_the_limit(limited, clock):
    await use_up(limited, 10)
    clock.now += 15.5

    error = await limited.error(FLASH, said("hi"))

    violation = details(error, "QuotaFailure")["violations"]
    assert violation == [
        {
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
            "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
            "quotaDimensions": {"location": "global", "model": FLASH},
            "quotaValue": "10",
        }
    ]
    assert details(error, "RetryInfo")["retryDelay"] == "44s"
    assert error["message"].endswith("Please retry in 44.500000000s.")


async def test_after_the_delay_the_request_passes(limited, clock):
    await use_up(limited, 10)
    clock.now += 59.9
    refused = await limited.post(FLASH, said("hi"))
    clock.now += 0.1
    served = await limited.post(FLASH, said("hi"))

    assert (refused.status_code, served.status_code) == (429, 200)


async def test_the_keys_of_a_project_share_its_quota(limited):
    await use_up(limited, 10, key="sim-alpha-1")

    assert (await limited.post(FLASH, said("hi"), key="sim-alpha-2")).status_code == 429
    assert (await limited.post(FLASH, said("hi"), key="sim-beta-1")).status_code == 200
    assert (await limited.post("gemini-3.6-flash", said("hi"), key="sim-alpha-2")).status_code == 200


async def test_an_alias_shares_the_quota_of_its_model(limited):
    await use_up(limited, 10)

    error = await limited.error("gemini-flash-latest", said("hi"))

    assert details(error, "QuotaFailure")["violations"][0]["quotaDimensions"]["model"] == FLASH


async def test_input_tokens_per_minute_count(limited, clock):
    long = said("word" * 240_000)
    await limited.generate(FLASH, long)

    error = await limited.error(FLASH, long)

    assert details(error, "QuotaFailure")["violations"][0]["quotaId"] == (
        "GenerateContentInputTokensPerModelPerMinute-FreeTier"
    )
    clock.now += 60
    assert (await limited.post(FLASH, long)).status_code == 200


async def test_a_prompt_above_the_whole_quota_never_passes(limited, clock):
    too_long = said("word" * 250_001)
    for _ in range(3):
        assert (await limited.post(FLASH, too_long)).status_code == 429
        clock.now += 60


async def test_the_day_ends_at_midnight_in_los_angeles(limited, clock):
    for _ in range(2):
        await use_up(limited, 10)
        clock.now += 60

    error = await limited.error(FLASH, said("hi"))
    clock.now += 3_600
    later = await limited.error(FLASH, said("hi"))

    assert details(error, "QuotaFailure")["violations"][0]["quotaId"] == (
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
    )
    assert int(details(error, "RetryInfo")["retryDelay"][:-1]) < 60
    assert later["code"] == 429
    clock.now = datetime(2026, 11, 23, 0, 0, 1, tzinfo=ZoneInfo("America/Los_Angeles")).timestamp()
    assert (await limited.post(FLASH, said("hi"))).status_code == 200


@pytest.mark.parametrize(
    ("moment", "hours"),
    [("2026-11-22T00:00:00", 24), ("2026-11-01T00:00:00", 25), ("2026-03-08T00:00:00", 23), ("2026-07-04T23:00:00", 1)],
)
def test_days_are_as_long_as_the_clocks_make_them(moment, hours):
    now = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("America/Los_Angeles")).timestamp()

    assert seconds_to_midnight(now) == hours * 3_600


async def test_a_closed_model_names_a_limit_of_zero(limited):
    error = await limited.error("gemini-2.5-pro", said("hi"))

    assert {violation["quotaValue"] for violation in details(error, "QuotaFailure")["violations"]} == {"0"}


async def test_paid_keys_have_other_limits_and_other_names_for_them(limited):
    key = "sim-paid-alpha-1"
    long = said("word" * 900_000)
    await limited.generate(FLASH, long, key=key)

    error = await limited.error(FLASH, long, key=key)

    assert details(error, "QuotaFailure")["violations"][0] == {
        "quotaMetric": "generativelanguage.googleapis.com/generate_content_paid_tier_input_token_count",
        "quotaId": "GenerateContentPaidTierInputTokensPerModelPerMinute",
        "quotaDimensions": {"location": "global", "model": FLASH},
        "quotaValue": "1000000",
    }


async def test_refused_and_invalid_requests_use_nothing(limited):
    for _ in range(30):
        await limited.post(FLASH, {"contents": []})
        await limited.post(f"{FLASH}--overloaded", said("hi"))

    await use_up(limited, 10)


async def test_counting_and_listing_have_quotas_of_their_own(limited):
    await use_up(limited, 10)

    assert (await limited.post(FLASH, said("hi"), method="countTokens")).status_code == 200


def test_a_minute_slides():
    quotas = flat(rpm=2)
    assert [len(quotas.take(KEY, FACTS, 1, NOON + second)) for second in (0, 30, 59, 60, 61, 90)] == [0, 0, 1, 0, 1, 0]


def test_tables_may_come_from_a_file(tmp_path):
    file = tmp_path / "quotas.json"
    file.write_text('{"free": {"gemini-3*": {"rpm": 3}}, "projects": {"beta": {"*": {"rpd": 7}}}}')

    quotas = quotas_named(str(file))

    assert quotas.limits_of(KEY, FACTS) == Limits(rpm=3)
    assert quotas.limits_of(read_key("sim-beta-1"), FACTS) == Limits(rpd=7)
    assert quotas.limits_of(KEY, CATALOGUE["gemini-2.5-flash"]) == Limits()
    assert quotas.limits_of(read_key("sim-paid-alpha-1"), FACTS).rpm == 1_000


def test_the_default_free_tier_is_the_one_seen_in_error_bodies():
    quotas = Quotas()
    seen = {name: quotas.limits_of(KEY, CATALOGUE[name]) for name in CATALOGUE}

    assert seen["gemini-2.5-flash"] == (10, 250_000, 20)
    assert seen["gemini-2.5-pro"].closed
    assert seen["gemini-embedding-2"] == (100, 30_000, 1_000)
    assert seen["gemini-4-argon"].closed
    assert not seen["gemini-4-hydrogen"].closed
