"""The dashboard: sums by model, bars with what is left, requests of late, CSV; of oneself alone, in few queries."""

import csv
import io
import json
import re
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.issuing import issue_token
from accounts.models import UsageRecord, UsageTotal, User

HOSTILE = "=cmd|'/C calc'!A0<img src=x onerror=alert(1)>"
COUNTS = ("prompt_tokens", "cached_tokens", "tool_prompt_tokens", "completion_tokens", "reasoning_tokens")


@pytest.fixture(autouse=True)
def _static(settings):
    settings.STATIC_ROOT = None


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada")


@pytest.fixture
def browser(ada):
    client = Client(headers={"host": "localhost", "accept": "text/html"})
    client.force_login(ada)
    return client


def total(user, model="gpt-4o", days_ago=0, **sums):
    day = timezone.now().date() - timedelta(days=days_ago)
    return UsageTotal.objects.create(day=day, user=user, owner=f"{user.pk}:{model}{days_ago}", model=model, **sums)


def record(user, model="gpt-4o", status=200, minutes_ago=0, **more):
    values = {
        "endpoint": "chat/completions",
        "stream": False,
        "attempts": 2,
        "counts_from": "upstream",
        "total_tokens": 7,
    }
    times = {"queue_ms": 1, "first_byte_ms": 250, "total_ms": 1250}
    return UsageRecord.objects.create(
        id=uuid.uuid4(),
        created=timezone.now() - timedelta(minutes=minutes_ago),
        user=user,
        owner="x",
        model=model,
        gemini_model="gemini-2.5-flash",
        status=status,
        **{**values, **times, **dict.fromkeys(COUNTS, 1), **more},
    )


def page_of(client, query=""):
    answer = client.get(f"/accounts/usage/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_whoever_has_used_nothing_is_told_what_to_do(browser, ada):
    assert "Make a token" in page_of(browser)
    issue_token(ada)
    assert "How to ask" in page_of(browser)


def test_today_and_this_month_are_told_by_model(browser, ada):
    total(ada, requests=3, total_tokens=1200, cost=Decimal("0.5"))
    total(ada, "gemini-3.8-flash", requests=1, total_tokens=99_000)
    total(User.objects.create_user("bob"), "bobs-model", requests=7, total_tokens=7)
    page = page_of(browser)
    assert "100,200" in page and "1,200" in page and "$0.50" in page
    assert page.index("gemini-3.8-flash") < page.index("gpt-4o"), "who used most comes first"
    assert "bobs-model" not in page


def test_the_charts_have_every_day_and_the_tables_say_the_same(browser, ada):
    total(ada, days_ago=2, requests=5, total_tokens=50, cost=Decimal("0.25"))
    drawn = json.loads(
        re.search(r'<script id="by-day" type="application/json">(.+?)</script>', page_of(browser, "?days=7"))[1]
    )
    assert drawn["requests"] == [0, 0, 0, 0, 5, 0, 0]
    assert drawn["cost"][4] == 0.25
    assert [later - earlier for earlier, later in zip(drawn["days"], drawn["days"][1:], strict=False)] == [86400] * 6


@pytest.mark.django_db(transaction=True)
def test_every_limit_has_a_bar_with_what_is_left(settings):
    settings.STATIC_ROOT = None
    ada = User.objects.create_user("ada", daily_tokens=1000, monthly_cost=2)
    issue_token(ada, name="laptop", rpd=9)
    total(ada, requests=1, total_tokens=900, cost=Decimal("0.5"))
    client = Client(headers={"host": "localhost"})
    client.force_login(ada)
    page = page_of(client)
    assert re.search(r"Tokens a day.+?>100 <.+?1,000", page, re.S)
    assert re.search(r"Cost a month.+?\$1.50.+?\$2.00", page, re.S)
    assert re.search(r"Requests a day.+?laptop.+?>9 <", page, re.S)
    assert '<progress class="warn" max="100" value="90"' in page
    assert "whole again" in page


def test_requests_of_late_are_filtered(browser, ada):
    token, _ = issue_token(ada, name="laptop")
    record(ada, "model-mine", token=token)
    record(ada, "model-refused", status=429)
    record(ada, "model-failed", status=503, error_code="upstream_unavailable")
    record(User.objects.create_user("bob"), "bobs-model")
    everything = {"model-mine", "model-refused", "model-failed"}
    wanted = {
        "": everything,
        "?status=nonsense": everything,
        "?status=refused": {"model-refused"},
        "?status=failed": {"model-failed"},
        f"?token={token.pk}": {"model-mine"},
        "?model=model-failed": {"model-failed"},
    }
    for query, models in wanted.items():
        assert set(re.findall(r"model-\w+(?=</code>)", page_of(browser, query))) == models, query
    assert "bobs-model" not in page_of(browser)


def test_anothers_token_is_no_filter(browser):
    bob = User.objects.create_user("bob")
    token, _ = issue_token(bob, name="bobs-own-token")
    assert "bobs-own-token" not in page_of(browser, f"?token={token.pk}")


def test_older_requests_are_a_page_away(browser, ada):
    for number in range(30):
        record(ada, f"asked-{number:02}", minutes_ago=number)
    first = page_of(browser)
    assert "asked-24" in first and "asked-25" not in first
    older = re.search(r'href="(\?days=30&amp;before=[^"]+)"', first)[1].replace("&amp;", "&")
    second = page_of(browser, older)
    assert "asked-25" in second and "asked-24" not in second


@pytest.mark.parametrize(
    "query", ["?days=9999", "?before=yesterday", "?before=9999-99-99T00:00", "?token=x", "?days=-1"]
)
def test_what_is_not_understood_changes_nothing(browser, ada, query):
    record(ada)
    assert "gpt-4o" in page_of(browser, query)


def test_the_number_of_queries_does_not_grow(browser, ada):
    def queries():
        with CaptureQueriesContext(connection) as caught:
            page_of(browser)
        return len(caught)

    for number in range(3):
        total(ada, f"m{number}", requests=1)
        record(ada, f"m{number}")
    page_of(browser)
    assert queries() == 7
    for number in range(20):
        total(ada, f"more{number}", requests=1)
        record(ada, f"more{number}")
        issue_token(ada)
    assert queries() == 7


@pytest.mark.django_db(transaction=True)
async def test_the_csv_holds_ones_own_records_and_no_formula():
    from asgiref.sync import sync_to_async

    ada = await User.objects.acreate(username="ada")
    await sync_to_async(record)(ada, HOSTILE, cost=Decimal("0.0000001"))
    await sync_to_async(record)(await User.objects.acreate(username="bob"), "bobs-model")
    client = AsyncClient(headers={"host": "localhost"})
    await client.aforce_login(ada)
    answer = await client.get("/accounts/usage.csv")
    text = "".join([part.decode() async for part in answer.streaming_content])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 1
    assert rows[0]["model"] == f"'{HOSTILE}"
    assert (rows[0]["user"], rows[0]["cost"]) == ("ada", "0.00000010")
    assert answer["Content-Disposition"].endswith('.csv"')
