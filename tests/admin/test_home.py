"""The admin's first page: is it healthy, who spends, what rests, what failed last, and what to do first."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import metering, shared_store
from accounts.contributing import contribute
from accounts.issuing import issue_token
from accounts.models import UsageHour, UsageRecord, UsageTotal, User
from accounts.pool.forecast import Forecast
from tests.admin.filling import HOSTILE, KEY, SITE, fill
from tests.admin.query_counts import recorded_queries

pytestmark = pytest.mark.django_db
COUNTS = dict.fromkeys(
    ("prompt_tokens", "cached_tokens", "tool_prompt_tokens", "completion_tokens", "reasoning_tokens"), 0
)


def home(client):
    return client.get(SITE).content.decode()


def section(html, heading):
    """The text of the section under a heading."""
    found = re.search(rf'<section[^>]*aria-labelledby="{heading}".*?</section>', html, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""


def record(status=200, *, ago=timedelta(), user=None, model="gpt-4o", error=""):
    times = {"queue_ms": 0, "first_byte_ms": 1, "total_ms": 2}
    return UsageRecord(
        **{"id": uuid4(), "created": timezone.now() - ago, "user": user, "endpoint": "chat.completions"},
        **{"stream": False, "model": model, "gemini_model": "gemini-3.8-flash", "status": status, "error_code": error},
        **{"attempts": 1, "total_tokens": 0, "counts_from": "upstream", **COUNTS, **times},
    )


def test_a_new_site_says_what_to_do_until_it_is_done(root):
    steps = section(home(root), "steps")
    assert "Add a Gemini API key Until then no request can be answered." in steps
    assert "http://localhost/v1" in steps
    assert "done" not in steps
    contribute(KEY, source="operator")
    ada = User.objects.create_user("ada")
    issue_token(ada)
    assert section(home(root), "steps").count("done") == 3
    UsageHour.objects.create(hour=timezone.now(), requests=1)
    assert section(home(root), "steps") == ""


def test_while_the_simulator_answers_it_says_so_and_how_to_go_over_to_gemini(root, settings):
    assert "The upstream is Gemini." in section(home(root), "health")
    settings.SIMULATOR = True
    assert "built-in simulator: its answers are made up" in section(home(root), "health")
    contribute(KEY, source="operator")
    assert "Gemini keys waiting: 1." in section(home(root), "health")


def test_it_is_healthy_until_something_is_wrong_and_then_says_what(root, monkeypatch):
    assert "no usable contributed key" in section(home(root), "health")
    contribute(KEY, source="operator")
    assert section(home(root), "health").startswith("Everything works")
    UsageRecord.objects.bulk_create([record(200 if number else 503) for number in range(20)])
    assert section(home(root), "health").startswith("Everything works"), "one in twenty fails"
    UsageRecord.objects.bulk_create([record(502) for number in range(10)])
    assert "11 of the last 30 requests failed" in section(home(root), "health")
    monkeypatch.setattr(shared_store, "is_away", lambda: True)
    monkeypatch.setattr(metering, "is_behind", lambda: True)
    monkeypatch.setattr("accounts.pool.shut", lambda: {"": 3.0})
    troubles = section(home(root), "health")
    for sentence in ("Redis does not answer", "They wait in the journal", "Nothing is sent upstream"):
        assert sentence in troubles


def test_it_says_who_spends_what_failed_last_and_what_rests(root):
    [_, key_text] = fill(1)
    ada = User.objects.get(plan__isnull=False)
    UsageTotal.objects.create(
        **{"day": timezone.now().date(), "user": None, "owner": "9:9", "model": "m", "requests": 3, **COUNTS},
        total_tokens=99_000,
        cost=Decimal("1.25"),
    )
    UsageRecord.objects.bulk_create(
        [record(503, user=ada, model=HOSTILE, error="upstream_unavailable"), record(200), record(499, error="x")]
    )
    html = home(root)
    assert re.search(r"deleted users 3 99,000 99,000 \$1\.25", section(html, "spenders"))
    assert f"{ada.username} 1 12,345 12,345" in section(html, "spenders")
    failed = section(html, "failed")
    assert "503 upstream_unavailable" in failed and ada.username in failed and "200" not in failed
    assert f"…{key_text[-4:]}" not in html or "gemini-3.8-flash: quota_minute" in section(html, "cooldowns")
    assert "gemini-3.8-flash: quota_minute, 59" in section(html, "cooldowns")
    assert "<img src=x" not in html


def test_the_charts_are_drawn_from_sums_by_hour(root):
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    for hours, requests, errors in (
        (0, 5, 1),
        (3, 7, 0),
        (23, 2, 2),
        (24, 100, 0),
        (24 * 29, 11, 0),
        (24 * 40, 999, 0),
    ):
        UsageHour.objects.create(hour=now - timedelta(hours=hours), requests=requests, errors=errors, total_tokens=10)
    UsageHour.objects.filter(hour=now).update(cost=Decimal("1.50"), paid=Decimal("0.25"))
    html = home(root)
    assert "by the price list $1.50 Of it by paid keys $0.25" in section(html, "usage")
    drawn = json.loads(re.search(r'<script id="chart-data"[^>]*>(.*?)</script>', html)[1])
    assert (len(drawn["hours"]["began"]), len(drawn["days"]["began"])) == (24, 31)
    assert (drawn["hours"]["requests"][-1], drawn["hours"]["requests"][-4], drawn["hours"]["requests"][0]) == (5, 7, 2)
    assert sum(drawn["hours"]["errors"]) == 3
    assert sum(drawn["days"]["requests"]) == 5 + 7 + 2 + 100 + 11
    assert drawn["hours"]["began"][-1] == now.timestamp()


def test_checks_of_the_site_are_shown_with_their_mend(root, staff, settings):
    assert section(home(root), "checks") == "" or "tumbler.W202" in section(home(root), "checks")
    settings.DEBUG = True
    assert "TUMBLER_DEBUG is on" in section(home(root), "checks")
    assert "For development only." in section(home(root), "checks")
    assert section(home(staff("view_usagerecord")), "checks") == ""


def test_staff_see_the_parts_that_they_may_see(staff):
    fill(1)
    html = home(staff())
    assert not [heading for heading in ("steps", "usage", "spenders", "failed", "cooldowns") if section(html, heading)]
    assert section(html, "health")
    html = home(staff("view_usagerecord"))
    assert section(html, "failed") and not section(html, "cooldowns")
    assert section(home(staff("view_contributedkey")), "cooldowns")


def test_it_asks_the_database_a_recorded_number_of_times(root):
    fill(3)
    root.get(SITE)
    with recorded_queries("home"):
        root.get(SITE)


def test_it_reads_no_more_than_the_newest_records_however_many_there_are(root):
    fill(1)
    root.get(SITE)
    with CaptureQueriesContext(connection) as queries:
        root.get(SITE)
    of_records = [query["sql"] for query in queries if 'FROM "accounts_usagerecord"' in query["sql"]]
    bounded = [sql for sql in of_records if " LIMIT " in sql or '"created" > ' in sql]
    assert of_records
    assert bounded == of_records


def test_models_of_which_nothing_is_known_share_a_line(root, monkeypatch):
    told = [
        Forecast("gemini-a", None, None, None),
        Forecast("gemini-b", 5, 10, None),
        Forecast("gemini-c", None, None, None),
    ]
    monkeypatch.setattr("accounts.admin.pool_panel.forecasts", lambda: told)
    html = root.get(SITE).content.decode()
    assert "The daily limit of some keys is not known yet for gemini-a, gemini-c." in html
    assert "gemini-b: 5 of 10 requests left today" in html and "gemini-a:" not in html


def test_the_admin_leads_back_to_the_pages_of_the_site(root):
    html = home(root)
    for page in ("/accounts/", "/accounts/usage/", "/connect/", "/playground/", "/status/"):
        assert f'href="{page}"' in html
