"""Requests of limited tokens and users through the whole app."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import limits, metering, pool, pricing
from accounts.in_db import in_db
from accounts.issuing import issue_token
from accounts.models import IssuedToken, ModelPrice, Plan, UsageRecord, UsageTotal, User
from tests.gemini_replies import reply
from tests.limits.app import CHAT, ask

pytestmark = pytest.mark.django_db(transaction=True)

# What Gemini counts for CHAT: seven tokens of prompt and five of an answer.
TRUE = 12


async def issued(user, **about):
    """The text of a new token."""
    return (await in_db(issue_token, user, **about))[1]


async def records():
    await metering.flush()
    return await in_db(lambda: list(UsageRecord.objects.order_by("created")))


async def usage(token):
    return (await ask("/v1/usage", method="GET", token=token)).json


async def used(token):
    return {(one["of"], one["name"]): one["used"] for one in (await usage(token))["limits"]}


async def restart():
    """As if the process had been started anew, with its journal stored."""
    await in_db(metering.close)
    limits.forget()


# --- refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "about", [{"rpm": 10}, {"rpd": 10}, {"monthly_tokens": 520}, {"daily_tokens": 520}, {"tpm": 520}]
)
async def test_hundred_at_once_on_a_limit_for_ten_admit_exactly_ten(ada, gemini, about):
    gemini.will_answer(reply("Hi"), delay=1)
    token = await issued(ada, **about)
    answers = await asyncio.gather(*(ask(token=token) for _ in range(100)))
    assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 90
    code = "insufficient_quota" if "_" in next(iter(about)) else "rate_limit_exceeded"
    assert {answer.code for answer in answers} == {None, code}
    assert len(gemini.calls) == 10
    assert len(await records()) == 10


# --- headers --------------------------------------------------------------------------------------------


async def test_of_two_limits_the_headers_tell_the_tighter_one(ada, gemini):
    ada.rpm = 2
    await in_db(ada.save)
    headers = (await ask(token=await issued(ada, rpm=50))).headers
    assert headers["x-ratelimit-limit-requests"] == "2"
    assert headers["x-ratelimit-remaining-requests"] == "1"


async def test_a_token_without_limits_gets_no_such_headers(ada, gemini):
    headers = (await ask(token=await issued(ada, monthly_tokens=10_000))).headers
    assert not [name for name in headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        *((0, "0ms"), (0.012, "12ms"), (0.9991, "1s"), (1, "1s"), (8.64, "8.64s"), (59.995, "1m0s"), (60, "1m0s")),
        *((61.2, "1m2s"), (360, "6m0s"), (3599.5, "1h0m0s"), (3723, "1h2m3s"), (86_400, "24h0m0s")),
    ],
)
def test_durations_are_written_as_go_does(seconds, written):
    from compat.relay.reserving import to_duration

    assert to_duration(seconds) == written


# --- what is reserved and settled -----------------------------------------------------------------------


async def test_an_answer_of_open_length_is_let_in_while_anything_is_left(ada, gemini):
    token = await issued(ada, daily_tokens=30)
    body = {key: value for key, value in CHAT.items() if key != "max_tokens"}
    assert [(await ask(body=body, token=token)).status for _ in range(4)] == [200, 200, 200, 429]
    assert await used(token) == {("token", "daily_tokens"): 3 * TRUE}


async def test_a_choice_more_reserves_as_much_again(ada, gemini):
    gemini.will_answer(reply("Hi"), delay=0.5)
    token = await issued(ada, tpm=10_000)
    running = asyncio.create_task(ask(body=CHAT | {"n": 4}, token=token))
    await asyncio.sleep(0.2)
    # Four choices are four candidates of one call, or as many calls; each prompt of a call counts.
    taken = (await used(token))[("token", "tpm")]
    calls = len(gemini.calls)
    assert taken == calls * 2 + 4 * 50
    await running


async def test_embeddings_reserve_their_prompt_alone(ada, gemini):
    token = await issued(ada, daily_tokens=10)
    body = {"model": "gemini-embedding-2", "input": "x" * 80}
    assert (await ask("/v1/embeddings", body, token=token)).code == "insufficient_quota"


async def test_max_tokens_beyond_the_model_reserves_what_the_model_can_give(ada, gemini):
    token = await issued(ada, tpm=65_536 + 2)
    assert (await ask(body=CHAT | {"max_tokens": 1_000_000}, token=token)).status == 200


async def test_a_request_that_never_went_upstream_takes_nothing(ada, gemini):
    token = await issued(ada, rpm=10, daily_tokens=1000)
    await in_db(lambda: [key.delete() for key in all_keys()])
    pool.reset()
    assert (await ask(token=token)).code == "no_upstream_key"
    assert set((await used(token)).values()) == {0}


def all_keys():
    from accounts.models import ContributedKey

    return ContributedKey.objects.all()


# --- whose limits ---------------------------------------------------------------------------------------


async def test_the_tokens_of_a_user_share_the_users_limit(ada, gemini):
    ada.rpm = 3
    await in_db(ada.save)
    first, second = await issued(ada), await issued(ada, rpm=2)
    statuses = [(await ask(token=token)).status for token in (first, second, second, first)]
    assert statuses == [200, 200, 200, 429]
    assert "of your user" in (await ask(token=first)).error["message"]


async def test_a_plan_limits_whoever_has_no_limit_of_their_own(ada, gemini):
    def on_a_plan():
        plan = Plan.objects.create(name="small", rpm=1)
        User.objects.filter(pk=ada.pk).update(plan=plan)
        return User.objects.create_user("bob", plan=plan, rpm=2)

    bob = await in_db(on_a_plan)
    hers, his = await issued(ada), await issued(bob)
    assert [(await ask(token=hers)).status for _ in range(2)] == [200, 429]
    assert [(await ask(token=his)).status for _ in range(3)] == [200, 200, 429]


async def test_a_limit_that_is_changed_holds_from_the_next_request_on(ada, gemini):
    token, text = await in_db(issue_token, ada, daily_tokens=60)
    assert [(await ask(token=text)).status for _ in range(2)] == [200, 429]
    token.daily_tokens = 100
    await in_db(token.save)
    assert (await ask(token=text)).status == 200
    token.daily_tokens, token.rpm = None, 1
    await in_db(token.save)
    assert [(await ask(token=text)).status for _ in range(2)] == [200, 429]


# --- budgets, the database and time ---------------------------------------------------------------------


async def test_a_restart_forgets_nothing_of_budgets_and_of_the_day(ada, gemini):
    token = await issued(ada, rpd=3, monthly_tokens=1000)
    for _ in range(2):
        await ask(token=token)
    await restart()
    assert await used(token) == {("token", "rpd"): 2, ("token", "monthly_tokens"): 2 * TRUE}
    assert [(await ask(token=token)).status for _ in range(2)] == [200, 429]


async def test_requests_of_an_unlimited_token_count_once_a_budget_is_set(ada, gemini):
    token, text = await in_db(issue_token, ada)
    await ask(token=text)
    token.daily_tokens = 1000
    await in_db(token.save)
    assert await used(text) == {("token", "daily_tokens"): TRUE}


async def test_a_limit_that_is_taken_away_and_set_again_counts_what_was_used_meanwhile(ada, gemini):
    token, text = await in_db(issue_token, ada, rpd=5, daily_tokens=1000, daily_cost=1)
    await ask(token=text)
    for rpd, daily_tokens in ((None, None), (2, 1000)):
        token.rpd, token.daily_tokens = rpd, daily_tokens
        await in_db(token.save)
        if rpd is None:
            await ask(token=text)
    told = await used(text)
    assert (told["token", "rpd"], told["token", "daily_tokens"]) == (2, 2 * TRUE)
    assert (await ask(token=text)).status == 429


async def test_budgets_in_use_learn_what_was_used_elsewhere(ada, gemini, monkeypatch):
    monkeypatch.setattr("accounts.limits.account.COMPARE_SECONDS", 0.0)
    token = await issued(ada, daily_tokens=10_000)
    await ask(token=token)
    await metering.flush()
    await in_db(lambda: UsageTotal.objects.update(total_tokens=5000))
    await ask(token=token)
    async with asyncio.timeout(5):
        while (await used(token))["token", "daily_tokens"] < 5000:
            await asyncio.sleep(0.02)


async def test_a_day_begins_at_midnight_where_the_user_lives(ada, gemini, monkeypatch):
    # 22:30 in UTC of the 9th is half past noon of the 10th on Kiritimati (+14), and still half past eleven on Niue (-11).
    now = datetime(2026, 3, 9, 22, 30, tzinfo=UTC).timestamp()
    monkeypatch.setattr(limits.time, "time", lambda: now)

    def spent_before():
        token = IssuedToken.objects.get()
        for hours_ago, tokens in ((1, 1), (13, 10), (20, 100), (30, 1000)):
            record(token, datetime.fromtimestamp(now, UTC) - timedelta(hours=hours_ago), tokens)

    text = await issued(ada, daily_tokens=100_000, monthly_tokens=100_000)
    await in_db(spent_before)
    found = {}
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Niue"):
        ada.time_zone = zone
        await in_db(ada.save)
        limits.forget()
        found[zone] = (await used(text))[("token", "daily_tokens")]
    assert found == {"UTC": 111, "Pacific/Kiritimati": 1, "Pacific/Niue": 1}
    assert (await usage(text))["limits"][0]["resets_in"] == 12.5 * 3600


def record(token, created, tokens, cost=0):
    """A usage record and its part of the totals."""
    zeros = dict.fromkeys(
        (
            *("prompt_tokens", "cached_tokens", "tool_prompt_tokens", "reasoning_tokens"),
            *("queue_ms", "first_byte_ms", "total_ms"),
        ),
        0,
    )
    UsageRecord.objects.create(
        created=created,
        user_id=token.user_id,
        token=token,
        owner=f"{token.user_id}:{token.pk}",
        stream=False,
        status=200,
        attempts=1,
        completion_tokens=tokens,
        total_tokens=tokens,
        cost=cost,
        **zeros,
    )
    total, _ = UsageTotal.objects.get_or_create(
        day=created.date(), owner=f"{token.user_id}:{token.pk}", user_id=token.user_id, token=token
    )
    total.total_tokens += tokens
    total.requests += 1
    total.save()


async def test_a_month_in_another_zone_has_the_hours_before_the_first_utc_midnight(ada, gemini, monkeypatch):
    # In Berlin April begins at 22:00 UTC of 31 March.
    now = datetime(2026, 4, 20, 12, 0, tzinfo=UTC).timestamp()
    monkeypatch.setattr(limits.time, "time", lambda: now)

    def spent_before():
        token = IssuedToken.objects.get()
        for created, tokens in (
            (datetime(2026, 3, 31, 21, 59, tzinfo=UTC), 1),
            (datetime(2026, 3, 31, 22, 1, tzinfo=UTC), 10),
            (datetime(2026, 4, 1, 5, 0, tzinfo=UTC), 100),
        ):
            record(token, created, tokens)

    text = await issued(ada, monthly_tokens=100_000)
    ada.time_zone = "Europe/Berlin"
    await in_db(ada.save)
    await in_db(spent_before)
    assert await used(text) == {("token", "monthly_tokens"): 110}


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
async def test_a_clock_that_jumps_neither_frees_nor_blocks_anyone(ada, gemini, monkeypatch, jump):
    # Not at midnight, where a jump is another day.
    now = [datetime(2026, 3, 9, 12, 0, tzinfo=UTC).timestamp()]
    monkeypatch.setattr(limits.time, "time", lambda: now[0])
    token = await issued(ada, rpm=2, rpd=3, max_parallel=1, daily_tokens=1000)
    assert [(await ask(token=token)).status for _ in range(2)] == [200, 200]
    now[0] += jump
    assert "RPM" in (await ask(token=token)).error["message"]
    counts = await used(token)
    assert counts == {
        ("token", "rpm"): 2,
        ("token", "rpd"): 2,
        ("token", "max_parallel"): 0,
        ("token", "daily_tokens"): 2 * TRUE,
    }


async def test_a_clock_that_jumps_over_midnight_and_back_finds_both_days_as_spent_as_they_were(
    ada, gemini, monkeypatch
):
    now = [datetime(2026, 3, 9, 23, 30, tzinfo=UTC).timestamp()]
    monkeypatch.setattr(limits.time, "time", lambda: now[0])
    monkeypatch.setattr(limits.time, "time_ns", lambda: int(now[0] * 1e9))
    token = await issued(ada, daily_tokens=60)
    for jump, statuses in ((3600, [200, 429]), (-3600, [200, 429]), (3600, [429]), (0, [429])):
        assert [(await ask(token=token)).status for _ in statuses] == statuses
        await metering.flush()
        now[0] += jump


async def test_the_next_day_has_a_budget_of_its_own(ada, gemini, monkeypatch):
    now = [datetime(2026, 3, 9, 23, 59, 50, tzinfo=UTC).timestamp()]
    monkeypatch.setattr(limits.time, "time", lambda: now[0])
    token = await issued(ada, daily_tokens=60)
    assert [(await ask(token=token)).status for _ in range(2)] == [200, 429]
    now[0] += 20
    assert (await ask(token=token)).status == 200


async def test_an_absent_database_admits_nobody_whose_budget_is_not_known(ada, gemini, monkeypatch):
    from django.db import OperationalError

    token = await issued(ada, daily_tokens=1000)
    assert (await ask("/v1/models", method="GET", token=token)).status == 200

    def gone(*args, **kwargs):
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(limits, "look_up", gone)
        refused = await ask(token=token)
    assert (refused.status, refused.code) == (503, "storage_unavailable")
    assert gemini.calls_of("gemini-2.5-flash") == []
    assert (await ask(token=token)).status == 200


# --- money ----------------------------------------------------------------------------------------------


@pytest.fixture(params=[True, False], ids=["paid", "free"])
def any_key(site, request):
    """A key of either kind: no answer and no record tells which."""
    all_keys().update(paid=request.param)
    pool.reset()


async def test_a_budget_of_money_holds_whichever_key_answers(any_key, ada, gemini):
    token = await issued(ada, monthly_cost=Decimal("0.00013"))
    assert [(await ask(token=token)).status for _ in range(2)] == [200, 429]
    assert [record.cost for record in await records()] == [Decimal("0.0000146")]


async def test_a_call_costs_what_the_price_says(any_key, ada, gemini):
    counts = {
        "promptTokenCount": 1000,
        "cachedContentTokenCount": 400,
        "candidatesTokenCount": 80,
        "thoughtsTokenCount": 20,
    }
    gemini.will_answer(reply("Hi", usage=counts))
    assert (await ask(token=await issued(ada))).status == 200
    # gemini-2.5-flash: $0.30, $0.03 cached, $2.50 a million tokens.
    [record] = await records()
    assert record.cost == Decimal("0.000442")


async def test_the_operators_price_goes_before_the_bundled_one(any_key, ada, gemini):
    await in_db(lambda: ModelPrice.objects.create(model="gemini-2.5-*", prompt=1000, completion=10_000))
    token = await issued(ada, daily_cost=Decimal("1"))
    assert (await ask(token=token)).status == 200
    [record] = await records()
    assert record.cost == Decimal("0.057")  # 7 × $0.001 and 5 × $0.01
    # Reserved are 2 × $0.001 and 50 × $0.01.
    assert (await ask(token=token)).status == 200
    refused = await ask(body=CHAT | {"max_tokens": 90}, token=token)
    assert refused.code == "insufficient_quota"
    assert "daily budget of money of your API key" in refused.error["message"]
    assert "limit $1.0000, used or reserved $0.1140" in refused.error["message"]
    found = {one["name"]: one for one in (await usage(token))["limits"]}
    assert (found["daily_cost"]["limit"], found["daily_cost"]["used"]) == (1, 0.114)


async def test_a_stream_costs_as_much(any_key, ada, gemini):
    assert (await ask(body=CHAT | {"stream": True}, token=await issued(ada))).status == 200
    [record] = await records()
    assert record.cost == Decimal("0.0000146")


def test_prices_of_long_prompts_and_of_unknown_models():
    pricing.forget()
    pro = pricing.price_of("gemini-2.5-pro")
    assert pro.cost(200_000, 1000) == 200_000 * 1250 + 1000 * 10_000
    assert pro.cost(200_001, 1000) == 200_001 * 2500 + 1000 * 15_000
    assert pricing.price_of("gemini-99-unheard-of").cost(1000, 1000) >= pro.cost(1000, 1000)
    assert pricing.price_of("gemma-3-27b-it").cost(1000, 1000) == 0


SPEECH = "gemini-3.8-flash-tts"


@pytest.mark.parametrize(
    ("model", "tier", "times"),
    [
        (SPEECH, "", 1),
        (SPEECH, "flex", 0.5),
        (SPEECH, "priority", 1.8),
        ("gemini-2.5-pro", "flex", 1),
        ("gemini-2.5-pro", "priority", 1.8),
        ("gemini-99-unheard-of", "priority", 1.8),
        ("gemma-3-27b-it", "priority", 1.8),
    ],
)
@pytest.mark.parametrize("prompt", [1_000, 300_000])
def test_tiers_cost_what_the_list_says_and_priority_never_less_than_that(model, tier, times, prompt):
    pricing.forget()
    usual = pricing.price_of(model).cost(prompt, 1_000, cached=100)
    assert pricing.price_of(model, tier).cost(prompt, 1_000, cached=100) == pytest.approx(times * usual, rel=1e-6)


@pytest.mark.parametrize(("told", "cost"), [("standard", "0.0000146"), ("PRIORITY", "0.00002628"), (None, "0.0000146")])
@pytest.mark.parametrize("stream", [False, True])
async def test_what_counts_is_the_tier_that_gemini_answered_in(ada, gemini, told, cost, stream):
    counts = {"promptTokenCount": 7, "candidatesTokenCount": 5, "serviceTier": told}
    gemini.will_say(reply("Hi", usage=counts))
    asked = CHAT | {"service_tier": "priority", "stream": stream}
    assert (await ask(body=asked, token=await issued(ada))).status == 200
    [record] = await records()
    assert record.cost == Decimal(cost)


async def test_prices_are_looked_up_once_for_each_model(any_key, ada, gemini, monkeypatch):
    token = await issued(ada, daily_cost=Decimal(1))
    await ask(token=token)
    monkeypatch.setattr(pricing, "_bundled_price", None)
    assert (await ask(token=token)).status == 200


# --- sub-users ------------------------------------------------------------------------------------------


# --- reading usage --------------------------------------------------------------------------------------


async def test_a_token_reads_its_own_usage_and_nobody_elses(ada, gemini):
    hers, other = await issued(ada, rpm=10), await issued(ada)
    await ask(token=hers)
    await ask(token=other)
    await ask(token=other)
    told = await usage(hers)
    assert (told["object"], told["user"], told["time_zone"]) == ("usage", "ada", "UTC")
    assert told["totals"]["requests"] == 1
    [row] = told["data"]
    assert (row["model"], row["gemini_model"], row["requests"]) == ("gemini-2.5-flash", "gemini-2.5-flash", 1)
    assert (row["prompt_tokens"], row["completion_tokens"], row["total_tokens"], row["cost"]) == (7, 5, 12, 0.0000146)
    assert [(one["of"], one["name"], one["limit"], one["remaining"]) for one in told["limits"]] == [
        ("token", "rpm", 10, 9)
    ]
    assert (await usage(other))["totals"]["requests"] == 2


@pytest.mark.parametrize("days", ["0", "-1", "x", "367", "9999", "%C2%B2"])
async def test_days_that_make_no_sense_are_refused(ada, days):
    answer = await ask("/v1/usage", method="GET", token=await issued(ada), query=f"days={days}")
    assert (answer.status, answer.error["param"]) == (400, "days")


# --- what it takes --------------------------------------------------------------------------------------


async def test_a_request_with_a_remembered_token_takes_no_query_and_no_thread(ada, gemini, work):
    everything = {"rpm": 1000, "tpm": 10**6, "rpd": 1000, "max_parallel": 10, "daily_tokens": 10**6}
    ada.rpm = ada.monthly_tokens = 10**6
    await in_db(ada.save)
    token = await issued(ada, monthly_tokens=10**6, daily_cost=1, monthly_cost=5, **everything)
    for _ in range(2):
        assert (await ask(token=token)).status == 200
    work.begin()
    for stream in (False, True):
        assert (await ask(body=CHAT | {"stream": stream}, token=token)).status == 200
    assert work.done() == (0, 0)


async def test_hundred_first_requests_look_a_budget_up_once(ada, gemini, monkeypatch):
    token = await issued(ada, monthly_tokens=10**6)
    looked = []
    look_up = limits.look_up
    monkeypatch.setattr(limits, "look_up", lambda *args, **kwargs: looked.append(args) or look_up(*args, **kwargs))
    answers = await asyncio.gather(*(ask(token=token) for _ in range(100)))
    assert {answer.status for answer in answers} == {200}
    assert len(looked) == 1
