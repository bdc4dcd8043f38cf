"""The forecast in words, and its pace from the requests of the last quarter of an hour."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import UsageRecord
from accounts.pool import forecast as module
from accounts.pool.forecast import forecast
from accounts.pool.outlook import ModelOutlook
from accounts.pool.pacific import PACIFIC

FLASH = "gemini-3.8-flash"
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=PACIFIC).timestamp()
MIDNIGHT = datetime(2026, 11, 21, 0, 0, tzinfo=PACIFIC).timestamp()


@pytest.mark.parametrize(
    ("left", "limit", "a_minute", "words"),
    [
        (1140, 3000, 5.18, "1,140 of 3,000 requests left today, enough until about 18:40 Pacific"),
        (1140, 3000, 0, "1,140 of 3,000 requests left today, enough until midnight Pacific"),
        (1140, 3000, 2, "1,140 of 3,000 requests left today, enough until midnight Pacific"),
        (1, 20, 60, "1 of 20 requests left today, enough until about 15:00 Pacific"),
        (0, 3000, 5, "all 3,000 requests of today are used, more from midnight Pacific"),
        (0, 0, 0, "no key may be used for it now"),
        (None, None, 5, "the daily limit of some keys is not known yet"),
    ],
)
def test_it_says_how_long_the_day_lasts(left, limit, a_minute, words):
    told = forecast(ModelOutlook(FLASH, left, 0.0, None, MIDNIGHT, limit), a_minute / 60, NOW)
    assert told.in_words == f"{FLASH}: {words}"


def test_what_is_known_is_told_where_not_all_is():
    told = forecast(ModelOutlook(FLASH, None, 0.0, None, MIDNIGHT, None, known_left=1250), 1.0, NOW)
    assert (
        told.in_words == f"{FLASH}: at least 1,250 requests left today; the daily limit of some keys is not known yet"
    )


def test_its_pace_is_that_of_the_last_quarter_of_an_hour(db, monkeypatch):
    counts = dict.fromkeys(
        ("prompt_tokens", "cached_tokens", "tool_prompt_tokens", "completion_tokens", "reasoning_tokens"), 0
    )
    for minutes, status in ((1, 200), (5, 200), (14, 200), (16, 200), (2, 429)):
        UsageRecord.objects.create(
            created=timezone.now() - timedelta(minutes=minutes),
            owner="1:1",
            endpoint="chat",
            stream=False,
            model="gpt-4o",
            gemini_model=FLASH,
            status=status,
            attempts=1,
            counts_from="upstream",
            queue_ms=0,
            first_byte_ms=1,
            total_ms=1,
            total_tokens=0,
            **counts,
        )
    now = timezone.now().timestamp()
    far = ModelOutlook(FLASH, 3, 0.0, None, now + 10 * 3600, 10)
    monkeypatch.setattr(module, "outlook", lambda: [far])
    module.forget()
    [told] = module.forecasts()
    # Three requests in fifteen minutes, three left: a quarter of an hour.
    assert abs(told.empty_at - (now + 900)) <= 300
    assert module.forecasts() is module.forecasts(), "it is remembered for some seconds"
    module.forget()
