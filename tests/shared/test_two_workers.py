"""`serve --workers 2` on PostgreSQL and Redis: answers, accounts and refusals are those of one."""

import asyncio
import json
import random
import threading
import time
import uuid
from collections import Counter

import httpx
import openai
import pytest

from tests.gemini_replies import reply
from tests.live.gateway import eventually
from tests.scripted_wire import send_whole
from tests.shared.site import Site, ask_all, chat, served


async def test_both_workers_answer_and_every_request_is_accounted_once(two_workers, site, gemini, model):
    clients = two_workers.client_of_each()
    before = served(clients[0])
    assert len(clients) == 2
    for client in clients:
        answers = [client.post("/v1/chat/completions", json=chat(model)) for _ in range(20)]
        assert {answer.status_code for answer in answers} == {200}
    answers = await ask_all(
        two_workers.url, site.token, [chat(model, f"This is {number}.") for number in range(160)], at_once=16
    )
    assert Counter(answer.status_code for answer in answers) == {200: 160}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 160
    assert all(answer.json()["choices"][0]["finish_reason"] == "stop" for answer in answers)
    assert len(gemini.calls_of(model)) == 200
    assert eventually(lambda: served(clients[0])[""] - before[""] == 200)
    after = served(clients[0])
    assert all(after[worker] >= before[worker] + 20 for worker in ("1", "2"))
    rows = site.usage(model, 200)
    assert len(rows) == 200
    assert set(rows) == {(200, 7, 5, 1)}
    for client in clients:
        client.close()


async def test_the_official_client_streams_through_both_workers(two_workers, site, gemini, model):
    async with openai.AsyncOpenAI(base_url=f"{two_workers.url}/v1", api_key=site.token, max_retries=0) as client:

        async def ask():
            body = chat(model, stream_options={"include_usage": True})
            chunks = [chunk async for chunk in await client.chat.completions.create(**body, stream=True)]
            return chunks[-1].usage.total_tokens

        assert await asyncio.gather(*(ask() for _ in range(20))) == [12] * 20
    assert set(site.usage(model, 20)) == {(200, 7, 5, 1)}


def test_an_image_that_one_worker_keeps_is_opened_by_the_other(two_workers, site, gemini):
    one, other = two_workers.client_of_each()
    asked = {"model": "gpt-image-1", "prompt": "A cat", "response_format": "url", "n": 2}
    for url in [image["url"] for image in one.post("/v1/images/generations", json=asked).json()["data"]]:
        opened = [client.get(url) for client in (one, other)]
        assert [answer.status_code for answer in opened] == [200, 200]
        assert opened[0].content == opened[1].content and opened[0].content.startswith(b"\x89PNG")
    for client in (one, other):
        client.close()


def test_a_token_revoked_in_the_database_is_refused_by_both_within_five_seconds(two_workers, site, gemini, model):
    token = site.manage("issue_token", "bob").strip()
    clients = two_workers.client_of_each()
    headers = {"Authorization": f"Bearer {token}"}
    for client in clients:
        assert client.post("/v1/chat/completions", json=chat(model), headers=headers).status_code == 200
    site.manage(
        "shell", "-v0", "-c", "from accounts.models import *; from accounts.issuing import revoke_token;"
        "revoke_token(IssuedToken.objects.filter(user__username='bob').latest('created'))"
    )  # fmt: skip
    revoked, refused = time.monotonic(), {}
    while len(refused) < 2 and time.monotonic() < revoked + 6:
        for number, client in enumerate(clients):
            status = client.post("/v1/chat/completions", json=chat(model), headers=headers).status_code
            if status == 401:
                refused.setdefault(number, time.monotonic() - revoked)
        time.sleep(0.1)
    assert len(refused) == 2
    assert max(refused.values()) < 5
    for client in clients:
        client.close()


async def test_a_hundred_at_once_on_a_quota_of_ten_make_ten_calls(two_workers, site, gemini):
    await _hundred_make_ten_calls(site, gemini, two_workers.url, two_workers.url)


async def test_a_hundred_at_once_on_two_servers_of_one_redis_make_ten_calls(site, serve, gemini):
    first, second = serve(site, "uvicorn"), serve(site, "uvicorn")
    await _hundred_make_ten_calls(site, gemini, first.url, second.url)
    first.stop()
    second.stop()


async def test_a_hundred_at_once_on_one_process_in_memory_make_ten_calls(tmp_path, upstream, serve, gemini):
    site = Site(tmp_path, upstream.url, f"sqlite:///{tmp_path}/tumbler.sqlite3")
    served = serve(site, "uvicorn")
    await _hundred_make_ten_calls(site, gemini, served.url, served.url)
    served.stop()


async def _hundred_make_ten_calls(site, gemini, *urls):
    """Five projects with two requests a minute each; nobody who gets none waits for the next minute."""
    model = f"gemini-2.5-flash--two-a-minute-{uuid.uuid4().hex[:8]}"
    asked = [ask_all(url, site.token, [chat(model)] * 50, at_once=50) for url in urls]
    answers = [answer for group in await asyncio.gather(*asked) for answer in group]
    assert len(gemini.calls_of(model)) == 10
    assert Counter(call.key for call in gemini.calls_of(model)) == {
        f"shared-fake-upstream-key-{number}": 2 for number in range(5)
    }
    assert Counter(answer.status_code for answer in answers) == {200: 10, 429: 90}
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.json()["error"]["code"] for answer in refused} == {"pool_exhausted"}
    assert all(40 <= int(answer.headers["retry-after"]) <= 62 for answer in refused)


async def test_clients_that_leave_by_the_hundred_spoil_nobodys_answer(two_workers, site, gemini, model):
    async def echo(call, wire):
        await wire.pause(random.random() * 0.05)
        text = call.json["contents"][0]["parts"][0]["text"]
        body = json.dumps(reply(f"You said {text}")).encode()
        await send_whole(wire, 200, {"Content-Type": "application/json"}, body, "length")

    gemini.will(echo, model=model)
    rng, answered = random.Random(11), 0
    headers = {"Authorization": f"Bearer {site.token}"}
    limits = httpx.Limits(max_connections=40)
    async with httpx.AsyncClient(base_url=two_workers.url, headers=headers, limits=limits, trust_env=False) as client:

        async def ask(marker):
            nonlocal answered
            answer = await client.post("/v1/chat/completions", json=chat(model, marker), timeout=20)
            assert answer.json()["choices"][0]["message"]["content"] == f"You said {marker}"
            answered += 1

        for turn in range(25):
            tasks = [asyncio.create_task(ask(f"{turn}-{number}")) for number in range(16)]
            await asyncio.sleep(rng.random() * 0.1)
            for task in rng.sample(tasks, 8):
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ended)
    fresh = await ask_all(two_workers.url, site.token, [chat(model, f"again {n}") for n in range(20)], at_once=20)
    assert [answer.json()["choices"][0]["message"]["content"] for answer in fresh] == [
        f"You said again {n}" for n in range(20)
    ]
    # Of those who left some have a row as well, so there may be enough rows before all of the answered are stored.
    assert eventually(lambda: Counter(row[0] for row in site.usage(model, answered + 20))[200] >= answered + 20)
    assert {row[0] for row in site.usage(model, answered + 20)} <= {200, 499}


class Asking:
    """Clients in threads that ask without pause; it keeps every answer's status and the slowest answer's seconds."""

    def __init__(self, served, model, clients=6):
        self.statuses, self.slowest, self.running = Counter(), 0.0, True
        self._threads = [threading.Thread(target=self._ask, args=(served, model)) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, served, model):
        with served.client() as client:
            while self.running:
                start = time.monotonic()
                self.statuses[client.post("/v1/chat/completions", json=chat(model)).status_code] += 1
                self.slowest = max(self.slowest, time.monotonic() - start)
                time.sleep(0.02)

    def end(self):
        self.running = False
        for thread in self._threads:
            thread.join(30)


def test_a_killed_worker_is_replaced_while_the_other_answers_everybody(site, serve, gemini, model):
    served = serve(site, "uvicorn", 2)
    victim, _ = served.workers()
    bereft, lucky = served.client_of_each()
    victim.kill()
    ends = time.monotonic() + 10
    while len([worker for worker in served.workers() if worker != victim]) < 2:
        assert time.monotonic() < ends, "nobody took its place"
        with served.client() as newcomer:
            for client in (lucky, newcomer):
                assert client.post("/v1/chat/completions", json=chat(model)).status_code == 200
    assert bereft.post("/v1/chat/completions", json=chat(model)).status_code == 200
    for client in (bereft, lucky):
        client.close()
    served.stop()


@pytest.mark.parametrize("fault", ["frozen", "killed"])
def test_requests_go_on_within_two_seconds_while_redis_is_away(two_workers, site, site_redis, gemini, model, fault):
    asking = Asking(two_workers, model)
    time.sleep(0.5)
    site_redis.freeze() if fault == "frozen" else site_redis.kill()
    time.sleep(3)
    while_away = sum(asking.statuses.values())
    site_redis.thaw() if fault == "frozen" else site_redis.start()
    site_redis.wait()
    time.sleep(2)
    asking.end()
    assert set(asking.statuses) == {200}
    assert asking.slowest < 2
    assert while_away > 50
    total = asking.statuses[200]
    assert len(gemini.calls_of(model)) == total
    assert len(site.usage(model, total)) == total
    assert two_workers.log().count("the processes count together") >= 1
