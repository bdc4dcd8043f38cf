"""Requests of limited tokens and users through the whole app."""

import asyncio

import pytest

from accounts import metering
from accounts.in_db import in_db
from accounts.issuing import issue_token
from accounts.models import UsageRecord
from tests.limits.app import ask

pytestmark = pytest.mark.django_db(transaction=True)


async def issued(user, **limits):
    """The text of a new token."""
    return (await in_db(issue_token, user, **limits))[1]


async def test_a_request_over_the_limit_gets_openais_refusal(ada, gemini):
    token = await issued(ada, rpm=2)
    assert [(await ask(token=token)).status for _ in range(2)] == [200, 200]
    refused = await ask(token=token)
    assert refused.status == 429
    assert refused.error["type"] == "rate_limit_error"
    assert refused.code == "rate_limit_exceeded"
    assert refused.error["message"].startswith(
        "Rate limit reached for `gemini-2.5-flash` on requests per min (RPM) of your API key: "
        "Limit 2, Used 2, Requested 1. Please try again in "
    )
    assert 55 <= int(refused.headers["retry-after"]) <= 61
    assert len(gemini.calls_of("gemini-2.5-flash")) == 2


@pytest.mark.parametrize(
    "limit", [{"rpm": 10}, {"rpd": 10}, {"monthly_tokens": 520}, {"daily_tokens": 520}, {"tpm": 520}]
)
async def test_hundred_at_once_on_a_limit_for_ten_admit_exactly_ten(ada, gemini, limit):
    # Two tokens of prompt are estimated and fifty of an answer reserved; Gemini tells 12, after all are let in.
    gemini.will_answer(gemini_reply(), delay=1)
    token = await issued(ada, **limit)
    answers = await asyncio.gather(*(ask(token=token) for _ in range(100)))
    assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 90
    code = "insufficient_quota" if "_" in next(iter(limit)) else "rate_limit_exceeded"
    assert {answer.code for answer in answers} == {None, code}
    assert len(gemini.calls) == 10
    await metering.flush()
    assert await in_db(UsageRecord.objects.count) == 10


def gemini_reply():
    from tests.gemini_replies import reply

    return reply("Hi")
