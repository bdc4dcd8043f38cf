"""What was tried too often is counted by all processes together, in Redis; while that is away each counts alone."""

import re
import time

import pytest
from django.core.cache import cache
from redis import Redis

from accounts import shared_cache
from tests.redis_server import frail_redis
from tests.sign_in.conftest import PASSWORD, Visitor

__all__ = ["frail_redis"]

pytestmark = pytest.mark.django_db
SHARED = "accounts.shared_cache.SharedCache"
ADDRESS = "198.51.100.7"


@pytest.fixture
def process(settings, monkeypatch):
    """process(url): from here on this is another process, that knows nothing but the Redis at that address."""

    def start(url):
        monkeypatch.setattr(shared_cache, "_silent_until", 0.0)
        settings.CACHES = {"default": {**settings.CACHES["default"], "BACKEND": SHARED, "LOCATION": url}}
        cache.clear()

    return start


def fail(times):
    for number in range(times):
        Visitor(ADDRESS).log_in(password=f"wrong {number}")


def lets_in(address):
    visitor = Visitor(address)
    visitor.log_in(password=PASSWORD)
    return visitor.user_id is not None


def test_failures_are_counted_by_all_processes_together(process, frail_redis, ada):
    process(frail_redis.url)
    fail(10)
    process(frail_redis.url)
    assert not lets_in(ADDRESS)
    assert lets_in("203.0.113.9")


def test_nobodys_address_or_name_lies_in_redis(process, frail_redis, ada):
    process(frail_redis.url)
    fail(3)
    with Redis.from_url(frail_redis.url) as redis:
        keys = list(redis.scan_iter("tumbler:cache:*"))
        kept = b" ".join(filter(None, redis.mget(keys)))
    # The digits of a digest may well spell a name.
    assert keys and all(re.fullmatch(rb"tumbler:cache:[0-9a-f]{64}", key) for key in keys)
    assert kept and ADDRESS.encode() not in kept and b"ada" not in kept


def test_what_another_wrote_there_is_never_run(process, frail_redis):
    process(frail_redis.url)
    cache.set("one", [1.5, True])
    assert cache.get("one") == [1.5, True]
    with Redis.from_url(frail_redis.url) as redis:
        redis.set(cache.make_key("one"), b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ValueError):
        cache.get("one")


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_while_redis_is_away_a_process_counts_alone_and_keeps_nobody_waiting(process, frail_redis, ada, fault):
    process(frail_redis.url)
    fail(1)
    getattr(frail_redis, fault)()
    started = time.monotonic()
    fail(10)
    assert not lets_in(ADDRESS)
    assert lets_in("203.0.113.9")
    assert time.monotonic() - started < 3
