import json
import math
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.contributing import contribute, disable_key
from accounts.contributions import status
from accounts.contributions.status import snapshot
from accounts.models import ContributedKey, KeyCooldown, KeyDay, LearnedQuota, TierQuota, UsageRecord
from accounts.pool.outlook import ModelOutlook, outlook
from accounts.pool.pacific import next_pacific_midnight, pacific_day

FLASH = "gemini-3.8-flash"
NOON = 1_795_000_000.0


def model(**facts):
    usual = {"model": FLASH, "remaining_today": 1140, "wait_seconds": 0.0, "p50_first_byte_ms": 812, "resets_at": NOON}
    return ModelOutlook(**{**usual, **facts})


def told(keys=40, **facts):
    return snapshot([model(**facts)], keys=keys, now=NOON)["models"][0]


@pytest.mark.parametrize(
    ("remaining", "shown"),
    [(None, None), (0, 0), (4, 0), (17, 15), (99, 95), (140, 140), (1149, 1100), (29_999, 29_000)],
)
def test_what_is_left_is_rounded_down(remaining, shown):
    assert told(remaining_today=remaining)["remaining_today"] == shown


@pytest.mark.parametrize(
    ("keys", "words"), [(0, "none"), (1, "fewer than 5"), (4, "fewer than 5"), (5, "about 5"), (43, "about 40")]
)
def test_a_small_pools_size_is_not_told_nor_what_it_could_be_guessed_from(keys, words):
    answer = snapshot([model(remaining_today=20)], keys=keys, now=NOON)
    assert answer["keys"] == words
    assert answer["models"][0]["remaining_today"] == (20 if keys >= 5 else None)


@pytest.mark.parametrize(
    ("wait", "available", "expected"), [(0.0, True, 0), (0.2, False, 1), (61.5, False, 62), (math.inf, False, None)]
)
def test_waiting_is_told_in_whole_seconds(wait, available, expected):
    answer = told(wait_seconds=wait)
    assert (answer["available"], answer["expected_wait_seconds"]) == (available, expected)


def test_times_are_told_so_that_a_program_can_read_them():
    answer = told()
    assert answer["next_reset"] == "2026-11-18T11:06:40Z"
    assert answer["p50_first_token_ms"] == 810


@pytest.fixture
def pool_of_six(db):
    """Six keys of projects of their own, each with 100 requests a day, one used up and one resting."""
    keys = [contribute(f"fake-status-key-0000{n}", source="admin").key for n in range(6)]
    today = pacific_day(time.time())
    for key in keys:
        LearnedQuota.objects.create(domain=key.quota_domain, model=FLASH, rpd=100)
        KeyDay.objects.create(key=key, model=FLASH, day=today, requests=10)
    KeyDay.objects.filter(key=keys[0]).update(requests=130)
    rest(keys[1], FLASH, 60)
    return keys


def rest(key, model, seconds):
    until = timezone.now() + timedelta(seconds=seconds)
    KeyCooldown.objects.create(domain=key.quota_domain, model=model, until=until, reason="quota_minute")


def test_the_outlook_sums_what_every_project_has_left(pool_of_six):
    [flash] = outlook()
    assert (flash.model, flash.remaining_today, flash.wait_seconds) == (FLASH, 5 * 90, 0)
    assert 0 < flash.resets_at - time.time() <= 25 * 3600


def test_disabled_paused_and_unchecked_keys_do_not_count_and_shares_are_kept(pool_of_six):
    disable_key(pool_of_six[2], "by hand")
    ContributedKey.objects.filter(pk=pool_of_six[3].pk).update(paused=True)
    ContributedKey.objects.filter(pk=pool_of_six[4].pk).update(state="received")
    ContributedKey.objects.filter(pk=pool_of_six[5].pk).update(keep_share=50)
    [flash] = outlook()
    assert flash.remaining_today == 90 + 40


def test_when_all_rest_the_wait_is_the_shortest_rest(pool_of_six):
    for key in pool_of_six[2:]:
        rest(key, "", 600)
    [flash] = outlook()
    assert 55 < flash.wait_seconds <= 60


def test_an_unknown_limit_leaves_the_sum_unknown(pool_of_six):
    LearnedQuota.objects.first().delete()
    TierQuota.objects.all().delete()
    [flash] = outlook()
    assert (flash.remaining_today, flash.limit_today) == (None, None)
    assert flash.known_left in (4 * 90, 5 * 90)


def test_where_no_refusal_named_a_limit_the_tier_table_counts(pool_of_six):
    LearnedQuota.objects.all().delete()
    TierQuota.objects.all().delete()
    TierQuota.objects.create(pattern="gemini-3*", rpd=50)
    assert (outlook()[0].remaining_today, outlook()[0].limit_today) == (5 * 40, 6 * 50)


def test_what_was_refused_for_today_is_not_left_and_refusals_used_nothing(pool_of_six):
    rest(pool_of_six[2], FLASH, next_pacific_midnight(time.time()) + 1 - time.time())
    KeyDay.objects.filter(key=pool_of_six[3]).update(refusals=4)
    assert outlook()[0].remaining_today == 3 * 90 + 94


def test_a_key_that_may_not_be_used_for_a_model_has_nothing_left_of_it(pool_of_six):
    ContributedKey.objects.filter(pk=pool_of_six[5].pk).update(allowed_models=["gemini-4-*"])
    assert (outlook()[0].remaining_today, outlook()[0].limit_today) == (4 * 90, 5 * 100)


def test_without_a_key_a_model_has_no_end_of_waiting(pool_of_six):
    ContributedKey.objects.update(state="disabled")
    assert outlook()[0].wait_seconds == math.inf


def answered(count, milliseconds):
    counts = dict.fromkeys(
        (
            "prompt_tokens",
            "cached_tokens",
            "tool_prompt_tokens",
            "completion_tokens",
            "reasoning_tokens",
            "total_tokens",
        ),
        1,
    )
    for number in range(count):
        UsageRecord.objects.create(
            created=timezone.now(),
            owner="1:1",
            endpoint="chat",
            stream=True,
            model="gpt-4o",
            gemini_model=FLASH,
            status=200,
            attempts=1,
            counts_from="upstream",
            queue_ms=0,
            first_byte_ms=milliseconds + number,
            total_ms=1,
            **counts,
        )


def test_the_time_of_few_answers_is_not_told(pool_of_six):
    answered(4, 500)
    assert outlook()[0].p50_first_byte_ms is None
    answered(1, 502)
    assert outlook()[0].p50_first_byte_ms == 502


def test_the_page_and_the_json_tell_the_same_and_name_no_key(pool_of_six, visitor):
    page = visitor.client.get("/status/").content.decode()
    answer = visitor.client.get("/status.json")
    told = answer.json()
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert told["models"][0]["remaining_today"] == 450
    assert "450" in page
    assert "available" in page
    for key in pool_of_six:
        for trace in (str(key.pk), key.fingerprint, key.last_four, key.quota_domain):
            assert trace not in page
            assert trace not in answer.content.decode()


def test_an_empty_pool_says_what_to_do(visitor):
    page = visitor.client.get("/status/").content.decode()
    assert "no key in the pool" in page
    assert "/contribute/" in page
    assert visitor.client.get("/status.json").json()["models"] == []


def test_the_database_is_asked_once_in_five_seconds(pool_of_six, visitor, django_assert_num_queries, monkeypatch):
    visitor.client.get("/status.json")
    with django_assert_num_queries(0):
        visitor.client.get("/status.json")
        visitor.client.get("/status/")
    later = time.monotonic() + 5
    monkeypatch.setattr(status.time, "monotonic", lambda: later)
    ContributedKey.objects.update(state="disabled")
    assert json.loads(visitor.client.get("/status.json").content)["keys"] == "none"


def test_html_in_a_models_name_is_inert(visitor, db):
    key = contribute("fake-status-key-00001", source="admin").key
    KeyDay.objects.create(key=key, model="<img src=x onerror=alert(1)>", day=pacific_day(time.time()), requests=1)
    assert "<img src=x" not in visitor.client.get("/status/").content.decode()
