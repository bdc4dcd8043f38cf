"""A real Redis from a wheel, both stores of the limits by a clock of the test's, and the whole app before a scripted Gemini."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.db.backends.utils import CursorWrapper
from redis import Redis

from accounts import callers, limits, metering, pool, pricing, shared_store
from accounts.contributing import contribute
from accounts.limits import shared as shared_module
from accounts.limits.asking import Unseeded
from accounts.limits.memory import MemoryStore
from accounts.limits.shared import SharedStore
from accounts.limits.wire import Script, Wire
from accounts.models import User
from compat.mapping import forget_mappings
from tests.limits.making import past
from tests.metering.conftest import (
    data_dir,
    database,
    postgresql_server,
    postgresql_url,
    sqlite_url,
)
from tests.redis_server import redis_url
from tests.scripted_gemini import ScriptedGemini

__all__ = ["data_dir", "database", "postgresql_server", "postgresql_url", "redis_url", "sqlite_url"]

# A noon in UTC, on no edge of any window.
NOON_MS = 1_795_608_000_000


@pytest.fixture
def redis(redis_url):
    """A client of it; nothing is in it before."""
    with Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client


class Memory:
    """The store in memory, by a clock of the test's."""

    def __init__(self):
        self.fresh()

    def fresh(self, lease_seconds=60.0):
        self.store = MemoryStore(lease_seconds=lease_seconds)
        self.ms = NOON_MS

    def close(self):
        pass

    @property
    def now(self):
        return self.ms / 1000

    def reserve(self, holders, ask):
        answer = self.store.reserve(holders, ask, self.now, self.now)
        if isinstance(answer, Unseeded):
            self.seed(holders)
            answer = self.store.reserve(holders, ask, self.now, self.now)
        return answer

    def seed(self, holders, tokens=0, cost=0, requests=()):
        for holder in holders:
            self.store.learn(holder, past(holder, self.now, tokens, cost, requests), self.now)

    def standings(self, holders):
        return self.store.standings(holders, self.now, self.now)

    def settle(self, reservation, tokens, cost=0):
        reservation.settle(tokens, cost)

    def release(self, reservation):
        reservation.release()


class Shared:
    """The store in Redis; its scripts ask a key for the time."""

    def __init__(self, url, redis, monkeypatch):
        self.redis = redis
        self.runner = asyncio.Runner()
        self.wire = self.runner.run(self._open(url))
        for name in ("reserve", "settle", "undo", "renew", "learn", "look"):
            monkeypatch.setattr(shared_module, f"_{name.upper()}", SteeredScript(name))
        self.fresh()

    @staticmethod
    async def _open(url):
        return Wire(url)

    def fresh(self, lease_seconds=60.0):
        self.redis.flushdb()
        self.store = SharedStore(self.wire, lease_seconds=lease_seconds)
        self.ms = NOON_MS

    def close(self):
        self.runner.run(self.wire.close())
        self.runner.close()

    @property
    def ms(self):
        return self._ms

    @ms.setter
    def ms(self, value):
        self._ms = value
        self.redis.set("test:now", value)

    @property
    def now(self):
        return self.ms / 1000

    def reserve(self, holders, ask):
        return self.runner.run(self._reserve(holders, ask))

    async def _reserve(self, holders, ask):
        answer = await self.store.reserve(holders, ask, self.now)
        if isinstance(answer, Unseeded):
            await self._seed(holders)
            answer = await self.store.reserve(holders, ask, self.now)
        self._stop_renewing()
        return answer

    def seed(self, holders, tokens=0, cost=0, requests=()):
        self.runner.run(self._seed(holders, tokens, cost, requests))

    async def _seed(self, holders, tokens=0, cost=0, requests=()):
        for holder in holders:
            await self.store.learn(holder, past(holder, self.now, tokens, cost, requests), self.now)

    def standings(self, holders):
        return self.runner.run(self.store.standings(holders, self.now))

    def settle(self, reservation, tokens, cost=0):
        self.runner.run(self._told(lambda: reservation.settle(tokens, cost)))

    def release(self, reservation):
        self.runner.run(self._told(reservation.release))

    async def _told(self, act):
        act()
        if self.wire._courier is not None:
            await self.wire._courier

    def _stop_renewing(self):
        """The clock of the test is not the loop's: leases are renewed only when the test says so."""
        if self.store._renewing is not None:
            self.store._renewing.cancel()
            self.store._renewing = None

    def drain(self):
        self.runner.run(self.wire.drained())

    def renew(self):
        self.runner.run(self._told(self.store._renew))


class SteeredScript(Script):
    """A script that takes the time from a key."""

    def __init__(self, name):
        super().__init__(name)
        steered = "local ms = tonumber(redis.call('GET', 'test:now'))\n  local time = {math.floor(ms / 1000), ms % 1000 * 1000}"
        self.text = self.text.replace("local time = redis.call('TIME')", steered)
        assert steered in self.text


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def shared(redis_url, redis, monkeypatch):
    # Other tests may keep the machine busy for longer than a request may wait.
    monkeypatch.setattr(shared_store, "ANSWER_SECONDS", 10.0)
    store = Shared(redis_url, redis, monkeypatch)
    yield store
    store.close()


@pytest.fixture(params=["memory", "shared"])
def store(request):
    """Each store in turn."""
    return request.getfixturevalue(request.param)


# --- the whole app --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def one_gemini():
    """A Gemini of this run."""
    server = ScriptedGemini()
    yield server
    server.close()


@pytest.fixture
def gemini(one_gemini):
    one_gemini.forget()
    return one_gemini


def forget_everything():
    metering.close()
    callers.forget()
    limits.forget()
    pool.reset()
    pricing.forget()
    forget_mappings()


@pytest.fixture
def site(transactional_db, no_connection_kept, gemini, tmp_path, settings):
    """The app with one contributed key, a data directory of its own and nothing remembered."""
    settings.DATA_DIR = tmp_path
    settings.GEMINI_BASE_URL = gemini.url
    settings.REDIS_URL = ""
    forget_everything()
    contribute("a-key-of-the-scripted-gemini", source="operator")
    yield
    forget_everything()
    connections.close_all()


@pytest.fixture
def ada(site):
    return User.objects.create_user("ada")


class Work:
    """The queries and threads that were needed since `begin`, but for the writer's, which follows at its own pace."""

    def __init__(self, monkeypatch):
        self.queries = self.threads = 0
        execute, submit, start = CursorWrapper.execute, ThreadPoolExecutor.submit, threading.Thread.start

        def counting_execute(cursor, *args):
            self.queries += threading.current_thread().name != "usage-writer"
            return execute(cursor, *args)

        def counting_submit(*args, **kwargs):
            self.threads += 1
            return submit(*args, **kwargs)

        def counting_start(thread):
            self.threads += 1
            return start(thread)

        monkeypatch.setattr(CursorWrapper, "execute", counting_execute)
        monkeypatch.setattr(ThreadPoolExecutor, "submit", counting_submit)
        monkeypatch.setattr(threading.Thread, "start", counting_start)

    def begin(self):
        self.queries = self.threads = 0

    def done(self):
        return self.queries, self.threads


@pytest.fixture
def work(monkeypatch):
    return Work(monkeypatch)


@pytest.fixture
async def on_redis(site, redis, redis_url, settings):
    """The site with its limits in Redis; the URL."""
    settings.REDIS_URL = redis_url
    limits.forget()
    yield redis_url
    await shared_store.close_wire()
