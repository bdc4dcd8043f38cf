"""What several processes remember together in Redis: thought signatures and models that are gone."""

import asyncio

import msgspec
import pytest
from django.conf import settings as site
from redis import Redis

from accounts import shared_store
from accounts.shared_store import close_wire, wire_to
from compat.relay import gone, signatures
from compat.schemas.chat import ChatRequest
from compat.translation.decoding import decode
from compat.translation.signatures import unsigned_calls


@pytest.fixture
async def redis(redis_url, settings):
    """The shared memory, empty; what this process remembers by itself is forgotten before and after."""
    settings.REDIS_URL = redis_url
    signatures.forget()
    gone.forget_gone()
    with Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client
    signatures.forget()
    gone.forget_gone()
    await close_wire()


async def told():
    """Everything told to Redis has gone out."""
    await wire_to(site.REDIS_URL).drained()


def another_process():
    """From here on this is a process that remembers nothing."""
    signatures.forget()
    gone.forget_gone()


async def test_a_signature_that_one_process_saw_is_recalled_by_another(redis):
    signatures.keep(1, "call_a", "signature-a", "3")
    await told()
    another_process()
    assert signatures.recall(1, "call_a", "3") is None
    await signatures.fetch(1, ["call_a", "call_b"])
    assert signatures.recall(1, "call_a", "3") == "signature-a"
    assert signatures.recall(1, "call_a", "2.5") is None
    assert signatures.recall(1, "call_b", "3") is None


async def test_a_signature_is_of_one_user_only(redis):
    signatures.keep(1, "call_a", "signature-a", "3")
    await told()
    another_process()
    await signatures.fetch(2, ["call_a"])
    assert signatures.recall(2, "call_a", "3") is None


async def test_redis_alone_tells_nothing_of_a_signature(redis, settings):
    signatures.keep(1, "call_a", "signature-a", "3")
    await told()
    (name,) = redis.scan_iter()
    assert 0 < redis.ttl(name) <= signatures.REMEMBER_SECONDS
    assert not any(secret in name + redis.get(name) for secret in (b"call_a", b"signature-a"))
    another_process()
    settings.SECRET_KEY = "another one"
    await signatures.fetch(1, ["call_a"])
    assert signatures.recall(1, "call_a", "3") is None


async def test_a_value_that_was_moved_to_another_name_is_not_taken(redis):
    signatures.keep(1, "call_a", "signature-a", "3")
    signatures.keep(2, "call_a", "signature-b", "3")
    await told()
    first, second = redis.scan_iter()
    value = redis.get(first)
    redis.set(first, redis.get(second))
    redis.set(second, value)
    another_process()
    for user_id in (1, 2):
        await signatures.fetch(user_id, ["call_a"])
        assert signatures.recall(user_id, "call_a", "3") is None


async def test_what_is_at_hand_costs_no_round_trip(redis, monkeypatch):
    signatures.keep(1, "call_a", "signature-a", "3")
    await told()
    asked = []
    monkeypatch.setattr(shared_store.Wire, "ask", lambda self, script, keys, argument: asked.append(keys))
    await signatures.fetch(1, ["call_a"])
    await signatures.fetch(1, [])
    assert asked == []


async def test_without_redis_a_signature_is_a_miss_and_nobody_waits_for_long(redis, settings, frail_redis):
    settings.REDIS_URL = frail_redis.url
    await signatures.fetch(1, ["call_a"])
    frail_redis.freeze()
    start = asyncio.get_running_loop().time()
    await signatures.fetch(1, ["call_a"])
    assert asyncio.get_running_loop().time() - start < 0.5
    assert signatures.recall(1, "call_a", "3") is None


def test_only_calls_that_came_back_without_their_signature_are_asked_for():
    signed = {"google": {"thought_signature": "s"}}
    function = {"name": "look", "arguments": "{}"}
    calls = [
        {"id": "call_a", "type": "function", "function": function},
        {"id": "call_b", "type": "function", "function": function, "extra_content": signed},
    ]
    messages = [{"role": "user", "content": "Look."}, {"role": "assistant", "content": None, "tool_calls": calls}]
    request = decode(msgspec.json.encode({"model": "m", "messages": messages}), msgspec.json.Decoder(ChatRequest))
    assert unsigned_calls(request.messages) == ["call_a"]


async def test_a_model_that_one_process_found_gone_is_gone_for_another(redis):
    gone.remember_gone("gemini-1.5-pro")
    await told()
    another_process()
    gone.is_gone("gemini-1.5-pro")  # it looks, and nobody waits for it
    await told()
    assert gone.is_gone("gemini-1.5-pro")
    assert not gone.is_gone("gemini-2.5-pro")


async def test_many_made_up_models_leave_room_for_the_newest(redis, monkeypatch):
    for number in range(1_100):
        gone.remember_gone(f"gemini-made-up-{number}")
    await told()
    assert redis.zcard("tumbler:gone") == 1_000
    assert redis.ttl("tumbler:gone") > 0
