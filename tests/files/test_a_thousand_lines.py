"""A thousand lines on a pool of ten requests a minute, beside people who chat: in virtual time, over the whole app."""

import asyncio
import json
import logging
import random
from concurrent.futures import Executor, Future
from statistics import mean

import pytest

import accounts.in_db
from accounts import batches as stored
from accounts import pool
from accounts.files import keep
from accounts.models import Batch, IssuedToken
from accounts.pool import clock, exchanging
from benchmarks.day import virtual_time
from compat.batches import running
from compat.gemini.failures import failure_of
from compat.relay import upstream
from tests.files.conftest import as_lines
from tests.files.test_batches import request
from tests.surface.conftest import StubGemini

LINES, RPM = 1_000, 10
SECONDS_AN_ANSWER = 3.0
NOON = 1_795_028_400.0
REFUSAL = json.dumps(
    {
        "error": {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "Quota exceeded.",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                    "violations": [
                        {"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": str(RPM)}
                    ],
                }
            ],
        }
    }
).encode()


class Here(Executor):
    """Does what a thread would at once: virtual time passes for nobody else meanwhile."""

    def submit(self, act, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(act(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 (as a thread does)
            future.set_exception(error)
        return future


class TenAMinute(StubGemini):
    """A Gemini whose one project has ten requests a minute, and that takes its time."""

    def __init__(self):
        super().__init__()
        self.times, self.refused = [], 0

    async def generate(self, model, key, body):
        now = asyncio.get_running_loop().time()
        if sum(now - at < 60 for at in self.times[-RPM:]) >= RPM:
            self.refused += 1
            raise failure_of(429, REFUSAL)
        self.times.append(now)
        self.calls.clear()
        await asyncio.sleep(SECONDS_AN_ANSWER)
        return await super().generate(model, key, body)


@pytest.fixture
def played(site, monkeypatch):
    """played(seconds, *, lines): how the chats of so long a time fared, and Gemini, beside a batch of so many lines."""
    logging.disable(logging.CRITICAL)
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    monkeypatch.setattr(accounts.in_db, "_threads", Here())
    # What is as it would be: only the database is asked less often, for the hours pass in seconds.
    monkeypatch.setattr(stored, "LEASE_SECONDS", 1_000.0)
    monkeypatch.setattr(exchanging, "SYNC_SECONDS", 60.0)
    monkeypatch.setattr(running, "_LOOK_SECONDS", 120.0)

    def play(*, lines=0, until=None):
        gemini = TenAMinute()
        monkeypatch.setattr(upstream, "new_client", lambda: gemini)
        pool.reset()
        if lines:
            rows = as_lines(*(request(str(number)) for number in range(lines)))
            file = keep(site.user.pk, "in.jsonl", "batch", [rows])
            stored.create(
                site.user.pk, IssuedToken.objects.get().pk, endpoint="/v1/chat/completions", input_file=file.pk
            )
        return virtual_time.run(_play(site, monkeypatch, until)), gemini

    yield play
    logging.disable(logging.NOTSET)


async def _play(site, monkeypatch, until):
    """(status, seconds) of every chat, and when the batch was done; `until` ends it where there is no batch."""
    loop, rng = asyncio.get_running_loop(), random.Random(1)
    monkeypatch.setattr(clock, "source", lambda: NOON + loop.time())
    fared, chats = [], []

    async def chat():
        began = loop.time()
        answered = await site.chat()
        fared.append((answered.status, loop.time() - began))

    worker = None if until else loop.create_task(running.run_for_good(4))
    while not (loop.time() >= until if until else Batch.objects.get().status in stored.ENDED):
        # Three a minute, by chance.
        await asyncio.sleep(rng.expovariate(3 / 60))
        chats.append(loop.create_task(chat()))
    ended = loop.time()
    await asyncio.gather(*chats)
    if worker:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    return fared, ended


def test_a_thousand_lines_finish_and_nobody_who_waits_notices(played):
    (beside, seconds), gemini = played(lines=LINES)
    batch = Batch.objects.get()
    assert (batch.status, batch.completed, batch.failed) == ("completed", LINES, 0)
    assert seconds < stored.WINDOW.total_seconds()
    assert gemini.refused <= 1, "the limit is learned, once, where it was not known"
    (alone, _), _ = played(until=seconds)
    assert len(beside) > 300 and len(beside) == len(alone)
    assert {status for status, _ in beside} == {200}
    waited = [mean(took for _, took in fared) for fared in (beside, alone)]
    print(f"{seconds / 3600:.1f} h; a chat took {waited[0]:.3f} s beside the batch, {waited[1]:.3f} s alone")
    print(f"longest {max(took for _, took in beside):.1f} s, alone {max(took for _, took in alone):.1f} s")
    assert waited[0] <= 1.1 * waited[1]
