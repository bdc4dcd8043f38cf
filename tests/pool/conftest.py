"""The pool in memory and the pool on Redis behind one face, with a clock that the test moves."""

import asyncio
import random
import uuid
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from accounts.pool import clock
from accounts.pool.facts import PooledKey
from accounts.pool.quotas import Quota
from accounts.pool.shared import SharedLedgers
from accounts.pool.state import Pool
from accounts.pool.together import Together
from accounts.secret import Secret
from accounts.shared_store import close_wire, wire_to
from tests.redis_server import frail_redis, redis_url

__all__ = ["frail_redis", "redis_url"]

NOW = 1_795_000_000.0
MODEL = "gemini-3.8-flash"


def keys(count, project=None, *, paid=False, **facts):
    return [
        PooledKey(
            uuid.uuid4(), Secret(f"fake-{i}"), f"project:{project}" if project else f"key:{i}", paid=paid, **facts
        )
        for i in range(count)
    ]


def local_pool(members, quota=None, seed=1):
    """A pool of one process."""
    pool = Pool(random.Random(seed), lambda model, paid: quota or Quota())
    pool.replace_keys(members)
    return pool


class SharedPools:
    """So many processes' pools on one Redis, asked in turn; everything else is asked of the first."""

    def __init__(self, pools, run, url):
        self._run = run
        self._pools = [self._run(self._make(pool, url, len(pools))) for pool in pools]
        self._turn = 0
        self._of = {}
        self.local = pools[0]

    @staticmethod
    async def _make(pool, url, processes):
        return Together(pool, SharedLedgers(wire_to(url)), processes)

    def __getattr__(self, name):
        return getattr(self.local, name)

    def lease(self, model, tried, now, tokens=0, affinity=None, **how):
        mine = self._pools[self._turn % len(self._pools)]
        self._turn += 1
        lease = self._at(now, lambda: mine.lease(model, tried, tokens, affinity, **how))
        self._of[id(lease)] = mine, lease
        return lease

    def answered(self, lease, now):
        self._told(now, lambda: self._mine(lease).answered(lease, now))

    def give_back(self, lease, now, prompt_tokens, completion_tokens):
        self._told(now, lambda: self._mine(lease).give_back(lease, now, prompt_tokens, completion_tokens))

    def refund(self, lease, now=NOW):
        self._told(now, lambda: self._mine(lease).refund(lease))

    def cool_down(self, lease, until, reason, *, all_models=False):
        self._told(lease.at, lambda: self._mine(lease).cool_down(lease, until, reason, all_models=all_models))

    def wake(self, domain, at):
        self.local.learn_rests({}, [domain])
        self._told(at, lambda: self._pools[0].wake(domain, at))

    def _mine(self, lease):
        return self._of[id(lease)][0]

    def _told(self, now, act):
        async def tell():
            act()
            await self._pools[0].ledgers.wire.drained()

        self._at(now, tell)

    def _at(self, now, act):
        usual, clock.source = clock.source, lambda: now
        try:
            return self._run(act())
        finally:
            clock.source = usual


@pytest.fixture(scope="session")
def shared_pools(redis_url) -> Iterator[Callable[..., SharedPools]]:
    """shared_pools(members, quota, seed, processes=1): pools that count together on an empty Redis."""
    with asyncio.Runner() as runner, Redis.from_url(redis_url) as redis:

        def make(members, quota=None, seed=1, processes=1):
            redis.flushdb()
            pools = [local_pool(members, quota, seed + number) for number in range(processes)]
            return SharedPools(pools, runner.run, redis_url)

        yield make
        runner.run(close_wire())


@pytest.fixture(scope="session", params=["memory", "redis"])
def pool_of(request) -> Callable[..., Pool | SharedPools]:
    """pool_of(members, quota, seed): a pool on each store in turn."""
    return local_pool if request.param == "memory" else request.getfixturevalue("shared_pools")
