"""/metrics counts every answer that was an error, also to requests that were never admitted, by endpoint, status and code."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from accounts.in_db import in_db
from accounts.issuing import issue_token
from accounts.live.traffic import traffic
from accounts.metering import StorageUnavailable, journal
from compat.metrics import exposition
from compat.urls import ROUTES
from tests.gemini_replies import reply
from tests.limits.app import CHAT, ask

pytestmark = pytest.mark.django_db(transaction=True)

SERIES = re.compile(r'^tumbler_errors_total\{code="(.*)",endpoint="(.*)",status="(\d+)"\} (\S+)$', re.MULTILINE)
DOCUMENTED = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()


@pytest.fixture(autouse=True)
def _nothing_yet(monkeypatch):
    monkeypatch.setattr(traffic, "errors", defaultdict(int))


def told():
    """{(endpoint, status, code): how many}, as a scraper reads it."""
    return {
        (endpoint, int(status), code): float(count)
        for code, endpoint, status, count in SERIES.findall(exposition()[0].decode())
    }


async def issued(user, **about):
    return (await in_db(issue_token, user, **about))[1]


async def test_refusals_before_admission_are_told_by_their_codes(ada, gemini):
    gemini.will_answer(reply("Hi"))
    one_a_minute, spent = await issued(ada, rpm=1), await issued(ada, daily_tokens=1)
    narrow = await issued(ada, scopes=["embeddings"])
    for token in (None, "tumbler-wrong", narrow, spent, one_a_minute, one_a_minute):
        await ask(token=token)
    await ask(body=b"{", token=await issued(ada))
    assert told() == {
        ("chat.completions", 401, ""): 1,
        ("chat.completions", 401, "invalid_api_key"): 1,
        ("chat.completions", 403, "insufficient_permissions"): 1,
        ("chat.completions", 429, "insufficient_quota"): 1,
        ("chat.completions", 429, "rate_limit_exceeded"): 1,
        ("chat.completions", 400, "invalid_json"): 1,
    }
    assert all(f"{code} |" in DOCUMENTED or f"| {code}" in DOCUMENTED for _, _, code in told())


async def test_other_dialects_and_routes_without_a_model_are_told_alike(ada):
    token = await issued(ada)
    await ask("/v1/messages")
    await ask("/v1beta/models/gemini-2.5-flash:generateContent")
    await ask("/v1/files/file-none", method="GET", token=token)
    await ask("/v1/what/is-this", token=token)
    assert told() == {
        ("messages", 401, ""): 1,
        ("gemini.generate", 401, ""): 1,
        ("files", 404, "not_found"): 1,
        ("unknown", 404, "unknown_url"): 1,
    }


async def test_what_a_client_made_up_is_no_label(ada):
    await ask(body={**CHAT, "model": "made-up", "n": "many"}, token=await issued(ada))
    await ask("/v1/models/made-up", method="GET", token=await issued(ada))
    assert "made-up" not in "".join(map(str, told()))


async def test_a_service_that_cannot_keep_usage_says_so(ada, monkeypatch):
    def refuse(self, admission):
        raise StorageUnavailable("The disk is full.")

    monkeypatch.setattr(journal.Journal, "admit", refuse)
    await ask(token=await issued(ada))
    assert told() == {("chat.completions", 503, "storage_unavailable"): 1}


async def test_a_good_answer_is_no_error(ada, gemini):
    gemini.will_answer(reply("Hi"))
    assert (await ask(token=await issued(ada))).status == 200
    assert told() == {}


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_has_a_name_to_be_told_by(route):
    assert ROUTES[route].cls.endpoint
