"""What keys did is added up by key, model and day, in as many statements for fifty keys as for two."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.contributing import contribute
from accounts.models import ContributedKey, KeyDay
from accounts.pool.news import Unwritten
from accounts.pool.storage import write_down

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 30)
NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def lent(number):
    return [contribute(f"fake-key-with-days-{n:02}", source="admin").key for n in range(number)]


def did(keys, *, refusal="", **counts):
    """One process finds that each key did so much, and writes it down."""
    unwritten = Unwritten()
    for key in keys:
        day = unwritten.days[key.pk, "gemini-3.8-flash", DAY.toordinal()]
        day.last_used, day.last_refusal = NOON.timestamp(), refusal
        for name, count in counts.items():
            setattr(day, name, count)
    write_down(unwritten)


def test_days_are_added_up():
    keys = lent(2)
    did(keys, requests=3, prompt_tokens=10, completion_tokens=20)
    did(keys[:1], requests=2, refusals=1, prompt_tokens=5, refusal="quota_minute")
    did(keys[:1], requests=1)
    sums = ("requests", "refusals", "prompt_tokens", "completion_tokens", "last_refusal")
    by_key = {key: day for key, *day in KeyDay.objects.values_list("key_id", *sums)}
    assert by_key == {keys[0].pk: [6, 1, 15, 20, "quota_minute"], keys[1].pk: [3, 0, 10, 20, ""]}
    assert set(KeyDay.objects.values_list("model", "day", "last_used")) == {("gemini-3.8-flash", DAY, NOON)}


def test_what_a_deleted_key_did_is_passed_over():
    kept, gone = lent(2)
    ContributedKey.objects.filter(pk=gone.pk).delete()
    did([kept, gone], requests=1)
    assert [*KeyDay.objects.values_list("key_id", flat=True)] == [kept.pk]


def test_many_keys_take_no_more_statements_than_two(settings):
    settings.QUARANTINE_SUCCESSES = 0
    keys = lent(50)
    taken = []
    for used in (keys[:2], keys):
        with CaptureQueriesContext(connection) as queries:
            did(used, requests=1)
        taken.append(len(queries))
    assert taken[0] == taken[1]
