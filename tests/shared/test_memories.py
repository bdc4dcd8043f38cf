"""What several processes remember together in Redis: thought signatures and models that are gone."""

import asyncio

import msgspec
import pytest
from django.conf import settings as site
from redis import Redis

from accounts import file_copies, shared_store
from accounts.file_copies import Copy
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
    file_copies.forget_all()
    await close_wire()


async def told():
    """Everything told to Redis has gone out."""
    await wire_to(site.REDIS_URL).drained()


def another_process():
    """From here on this is a process that remembers nothing."""
    signatures.forget()
    gone.forget_gone()
    file_copies.forget_all()


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


# --- Copies of files ------------------------------------------------------------------------------------------

NOW = 1_800_000_000.0
COPY = Copy("key:1", "files/abc", "https://gemini/files/abc", NOW + 1_000)
OTHER = Copy("project:x", "files/def", "https://gemini/files/def", NOW + 1_000)


async def test_a_copy_that_one_process_made_is_known_to_another(redis):
    file_copies.keep("file-a", COPY, NOW)
    file_copies.keep("file-a", OTHER, NOW)
    await told()
    another_process()
    assert file_copies.holders({"file-a": 1}, NOW) == []
    await file_copies.fetch(["file-b", "file-a"])
    assert set(file_copies.holders({"file-a": 1, "file-b": 1}, NOW)) == {"key:1", "project:x"}
    assert file_copies.use("file-a", "key:1", NOW) == COPY
    assert file_copies.use("file-a", "key:1", NOW + 1_000) is None
    assert file_copies.use("file-b", "key:1", NOW) is None


async def test_redis_alone_tells_neither_whose_file_nor_whose_project(redis, settings):
    file_copies.keep("file-a", COPY, NOW)
    await told()
    (name,) = redis.scan_iter()
    assert 0 < redis.ttl(name) <= settings.GEMINI_FILE_MINUTES * 60 + 600
    held = name + b"".join(part for pair in redis.hgetall(name).items() for part in pair)
    assert not any(secret in held for secret in (b"file-a", b"key:1", b"abc"))
    another_process()
    settings.SECRET_KEY = "another one"
    await file_copies.fetch(["file-a"])
    assert not file_copies.known()


async def test_a_copy_that_was_moved_to_another_file_is_not_taken(redis):
    file_copies.keep("file-a", COPY, NOW)
    file_copies.keep("file-b", OTHER, NOW)
    await told()
    first, second = redis.scan_iter()
    redis.rename(first, second)
    another_process()
    await file_copies.fetch(["file-a", "file-b"])
    assert not file_copies.known()


async def test_who_uses_a_copy_last_is_who_deletes_it(redis):
    """One process made it and would let it go; another has named it since."""
    file_copies.keep("file-a", COPY, NOW)
    await told()
    mine = dict(file_copies._held)
    another_process()
    await file_copies.fetch(["file-a"])
    assert file_copies.use("file-a", "key:1", NOW + 100) == COPY
    await told()
    theirs, file_copies._held = file_copies._held, mine
    assert not await file_copies.let_go("file-a", COPY)
    assert redis.dbsize() == 1
    file_copies._held = theirs
    assert await file_copies.let_go("file-a", COPY)
    assert redis.dbsize() == 0 and not file_copies.known()


async def test_the_copies_of_a_deleted_file_are_found_by_any_process(redis):
    file_copies.keep("file-a", COPY, NOW)
    await told()
    another_process()
    file_copies.keep("file-a", OTHER, NOW)
    await told()
    assert set(await file_copies.take("file-a")) == {COPY, OTHER}
    assert redis.dbsize() == 0 and await file_copies.take("file-a") == []


async def test_a_copy_that_is_gone_is_forgotten_by_all(redis):
    file_copies.keep("file-a", COPY, NOW)
    file_copies.forget("file-a", COPY._replace(name="files/another"))
    file_copies.forget("file-a", COPY)
    await told()
    another_process()
    await file_copies.fetch(["file-a"])
    assert not file_copies.known()


async def test_while_redis_is_away_each_process_knows_what_it_made(redis, monkeypatch):
    file_copies.keep("file-a", COPY, NOW)
    await told()
    monkeypatch.setattr(wire_to(site.REDIS_URL), "away", True)
    await file_copies.fetch(["file-a"])
    assert file_copies.use("file-a", "key:1", NOW) == COPY
    assert await file_copies.take("file-a") == [COPY]
