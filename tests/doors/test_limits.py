"""The limits of tokens at every door: the refusal in the dialect's shape, the headers, and what is taken and given back."""

import asyncio
from typing import Any

import pytest

from accounts.in_db import in_db
from accounts.models import User
from tests.doors.conftest import Client, records, until
from tests.gemini_replies import KEY_INVALID
from tests.limits.app import ask
from tests.scripted_gemini import ScriptedGemini

SIXTY = 60
# The limit, what its refusal names, the contract's code.
REQUESTS = [
    ({"rpm": 1}, "requests per min (RPM) of your API key: Limit 1, Used 1, Requested 1.", "rate_limit_exceeded"),
    ({"rpd": 1}, "requests per day (RPD) of your API key: Limit 1, Used 1, Requested 1.", "rate_limit_exceeded"),
]
TOKENS = [
    ({"tpm": SIXTY}, "tokens per min (TPM) of your API key: Limit 60, Used ", "rate_limit_exceeded"),
    ({"daily_tokens": SIXTY}, "daily budget of tokens of your API key", "insufficient_quota"),
    ({"monthly_tokens": SIXTY}, "monthly budget of tokens of your API key", "insufficient_quota"),
]
# Fifty tokens of prompt: together with those of the first answer there is no second time for sixty.
LONG = "x" * 200


async def used(client: Client) -> dict[str, int]:
    told = (await ask("/v1/usage", method="GET", token=client.token)).json
    return {one["name"]: one["used"] for one in told["limits"]}


def each(limits: list[tuple[dict[str, int], str, str]]) -> Any:
    return pytest.mark.parametrize(("limit", "words", "code"), limits, ids=[next(iter(row[0])) for row in limits])


@each(REQUESTS)
async def test_a_request_over_a_limit_of_requests_is_refused_in_the_dialects_shape(
    client: Client, gemini: ScriptedGemini, limit: dict[str, int], words: str, code: str
) -> None:
    await _is_refused(client, gemini, limit, words, code)


@each(TOKENS)
async def test_a_request_over_a_limit_of_tokens_is_refused_in_the_dialects_shape(
    spender: Client, gemini: ScriptedGemini, limit: dict[str, int], words: str, code: str
) -> None:
    await _is_refused(spender, gemini, limit, words, code)


async def _is_refused(client: Client, gemini: ScriptedGemini, limit: dict[str, int], words: str, code: str) -> None:
    added = client.door.added_tokens
    gemini.will_say(client.door.reply("Hi", usage={"promptTokenCount": 50 + added, "candidatesTokenCount": 0}))
    await client.issue(**{name: most + added * (most == SIXTY) for name, most in limit.items()})
    words = words.replace(f"Limit {SIXTY}", f"Limit {SIXTY + added}")
    ask = {"text": LONG, "longest": 5} if "tokens" in words.lower() else {}
    assert (await client.ask(**ask)).status == 200
    told = await client.ask(**ask)
    assert told.status == 429
    kind = "rate_limit_error" if code == "rate_limit_exceeded" else code
    assert told.error is not None
    assert told.error.type == client.door.error_type(429, kind, code)
    assert told.error.code == (code if client.door.has_codes else None)
    assert words in told.error.message
    waits = "retry-after" in told.headers
    assert waits == (code == "rate_limit_exceeded")
    # A day is no wait for an SDK.
    assert told.headers.get("x-should-retry") == (None if {"rpm", "tpm"} & limit.keys() else "false")
    if waits:
        assert f"Please try again in {told.headers['retry-after']}s." in told.error.message
    assert len(gemini.calls) == len(await records()) == 1


async def test_a_request_larger_than_the_limit_is_told_that_waiting_is_no_use(
    spender: Client, gemini: ScriptedGemini
) -> None:
    await spender.issue(tpm=40)
    told = await spender.ask(text=LONG)
    assert told.error is not None
    assert told.status == 429 and told.error.message.startswith(f"Request too large for `{spender.door.model}`")
    assert (told.headers["x-should-retry"], told.headers.get("retry-after")) == ("false", None)
    assert not gemini.calls


async def test_parallel_requests_over_the_limit_are_refused(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_hang()
    await client.issue(max_parallel=2)
    visits = [client.begin() for _ in range(2)]
    await until(lambda: len(gemini.calls) == 2)
    assert (await client.ask()).status == 429
    for visit in visits:
        await visit.leave()
    assert (await used(client))["max_parallel"] == 0


async def test_the_headers_say_what_is_left(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_say(client.door.reply("Hi"))
    await client.issue(rpm=3, tpm=100_000)
    headers = (await client.ask(longest=50)).headers
    assert headers["x-ratelimit-limit-requests"] == "3"
    assert headers["x-ratelimit-remaining-requests"] == "2"
    assert headers["x-ratelimit-limit-tokens"] == "100000"
    assert 99_900 <= int(headers["x-ratelimit-remaining-tokens"]) <= 100_000 - client.door.spends
    assert headers["x-ratelimit-reset-requests"].startswith(("1m0s", "59."))
    await client.ask()
    await client.ask()
    refused = await client.ask()
    assert (refused.status, refused.headers["x-ratelimit-remaining-requests"]) == (429, "0")


async def test_what_was_reserved_is_settled_to_what_was_used(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_say(client.door.reply("Hi"))
    await client.issue(rpm=10, tpm=100_000, daily_tokens=100_000)
    assert (await client.ask()).status == 200
    tokens = 7 + client.door.completion_tokens if client.door.spends else 0
    assert await used(client) == {"rpm": 1, "tpm": tokens, "daily_tokens": tokens}


async def test_a_request_that_failed_upstream_counts_as_one_of_no_tokens(
    client: Client, gemini: ScriptedGemini
) -> None:
    gemini.will_refuse(400, KEY_INVALID)
    await client.issue(rpm=10, tpm=100_000, daily_tokens=100_000)
    assert (await client.ask()).status == 503
    assert await used(client) == {"rpm": 1, "tpm": 0, "daily_tokens": 0}


async def test_a_bad_request_takes_nothing(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_say(client.door.reply("Hi"))
    await client.issue(rpm=1)
    asked = client.request()
    asked.body = b"{"
    assert (await client.send(asked)).status_code == 400
    assert (await client.ask()).status == 200


async def test_the_users_limit_holds_for_all_tokens(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_say(client.door.reply("Hi"))
    await in_db(User.objects.filter(pk=client.user.pk).update, rpm=1)
    statuses = []
    for _ in range(2):
        await client.issue()
        told = await client.ask()
        statuses.append(told.status)
    assert statuses == [200, 429]
    assert told.error is not None and "of your user" in told.error.message


async def test_requests_at_once_on_a_limit_for_some_admit_exactly_these(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_say(client.door.reply("Hi"))
    await client.issue(rpm=4)
    answers: list[Any] = await asyncio.gather(*(client.ask() for _ in range(12)))
    assert sorted(told.status for told in answers) == [200] * 4 + [429] * 8
    assert len(gemini.calls) == 4
