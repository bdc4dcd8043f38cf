"""The stream of a response in the background, told from one process to another through Redis."""

import asyncio

import pytest
from django.conf import settings as site
from redis import Redis

from accounts.shared_store import close_wire, wire_to
from accounts.stored import streams
from accounts.stored.streams import Reader, Teller
from compat.relay.following import Following
from compat.translation.sse import KEEP_ALIVE
from tests.redis_server import redis_url

__all__ = ["redis_url"]

EVENTS = [b"event: %d\ndata: {}\n\n" % number for number in range(6)]


@pytest.fixture
async def redis(redis_url, settings, monkeypatch):
    """What the processes share, empty; readers are in a hurry."""
    settings.REDIS_URL = redis_url
    monkeypatch.setattr("compat.relay.following.READ_SECONDS", 0.01)
    monkeypatch.setattr("compat.relay.following._LOOK_BESIDE_REDIS_SECONDS", 0.2)
    monkeypatch.setattr("compat.relay.following._LOOK_SECONDS", 0.1)
    with Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client
    await close_wire()


@pytest.fixture
def teller(monkeypatch):
    monkeypatch.setattr(streams, "_GATHER_SECONDS", 0)
    return Teller("resp_1")


async def sent(teller, *events, is_last=False):
    """They are in Redis."""
    teller.tell(list(events), is_last=is_last)
    await asyncio.sleep(0.01)
    await wire_to(site.REDIS_URL).drained()


async def heard(following):
    """All that is told until the database is to be asked."""
    return b"".join([data async for data in following.events() if data is not KEEP_ALIVE])


async def test_events_are_told_while_they_come(redis, teller):
    following = Following("resp_1", -1)
    await sent(teller, *EVENTS[:2])
    assert await heard(following) == b"".join(EVENTS[:2])
    assert not following.is_over
    await sent(teller, EVENTS[2])
    await sent(teller, *EVENTS[3:], is_last=True)
    assert await heard(following) == b"".join(EVENTS[2:])
    assert following.is_over


@pytest.mark.parametrize("after", range(-1, 6))
async def test_who_has_heard_some_is_told_the_rest(redis, teller, after):
    await sent(teller, *EVENTS[:3])
    await sent(teller, *EVENTS[3:], is_last=True)
    following = Following("resp_1", after)
    assert await heard(following) == b"".join(EVENTS[after + 1 :])
    assert following.is_over


async def test_behind_what_was_lost_nothing_is_told(redis, teller):
    await sent(teller, *EVENTS[:2])
    following = Following("resp_1", -1)
    await heard(following)
    redis.flushdb()
    await sent(teller, EVENTS[2])
    redis.flushdb()
    for event in EVENTS[3:]:
        await sent(teller, event)
    assert await heard(following) == b""
    assert (following.after, following.is_over) == (1, False)


async def test_redis_alone_tells_nothing_of_a_stream(redis, teller):
    await sent(teller, b"event: x\ndata: a secret answer\n\n")
    (key,) = redis.scan_iter()
    (piece,) = redis.lrange(key, 0, -1)
    assert b"secret" not in piece
    assert 0 < redis.ttl(key) <= streams.KEPT_SECONDS
    # Nor is one response's told as another's.
    redis.rename(key, "tumbler:stream:resp_2")
    assert await Reader("resp_2").news() == []


async def test_what_has_ended_is_gone_soon(redis, teller):
    await sent(teller, *EVENTS, is_last=True)
    (key,) = redis.scan_iter()
    assert 0 < redis.ttl(key) <= streams.KEPT_AFTER_THE_END_SECONDS


async def test_a_stream_that_is_too_large_is_not_told_to_its_end(redis, teller, monkeypatch):
    teller._room = 30
    await sent(teller, EVENTS[0])
    await sent(teller, EVENTS[1] * 10)
    await sent(teller, EVENTS[2], is_last=True)
    following = Following("resp_1", -1)
    assert await heard(following) == EVENTS[0]
    assert not following.is_over


async def test_without_redis_the_database_is_asked(settings, monkeypatch):
    monkeypatch.setattr("compat.relay.following._LOOK_SECONDS", 0.01)
    settings.REDIS_URL = ""
    Teller("resp_1").tell(EVENTS, is_last=True)
    assert await heard(Following("resp_1", -1)) == b""


async def test_while_redis_is_away_the_database_is_asked(settings, monkeypatch):
    monkeypatch.setattr("compat.relay.following._LOOK_BESIDE_REDIS_SECONDS", 0.05)
    monkeypatch.setattr("compat.relay.following.READ_SECONDS", 0.01)
    settings.REDIS_URL = "redis://127.0.0.1:1"
    Teller("resp_1").tell(EVENTS, is_last=True)
    assert await heard(Following("resp_1", -1)) == b""
    await close_wire()
