"""Conversations through the API: their items, requests that join them, whom they are there for, and their bounds."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.in_db import in_db
from accounts.models import Conversation, ConversationItem, User
from accounts.purging import purge_some
from accounts.rotation import rotate_sealing
from accounts.stored import NoRoom, conversations, room
from tests.live.openapi import check
from tests.stored.conftest import CALL, LOOK, Asking
from tests.storing import PROMPT, store_conversation, store_response
from tests.surface.conftest import MODEL

pytestmark = pytest.mark.django_db(transaction=True)


def user(text):
    return {"role": "user", "content": text}


def texts(listed):
    return [item["content"][0]["text"] for item in listed["data"]]


async def test_a_conversation_is_made_changed_and_deleted(api: Asking):
    conversation = await api.begin(user("One"), metadata={"a": "b"})
    path = f"conversations/{conversation}"
    assert (await api.get(path, "ConversationResource"))["metadata"] == {"a": "b"}
    changed = await api.ask(path, "POST", metadata={"c": "d"})
    check(changed.json, "ConversationResource")
    assert changed.json == await api.get(path, "ConversationResource")
    gone = await api.ask(path, "DELETE")
    check(gone.json, "DeletedConversationResource")
    assert gone.json == {"id": conversation, "object": "conversation.deleted", "deleted": True}
    for method in ("GET", "DELETE"):
        assert (await api.ask(path, method)).status == 404
    assert not await in_db(ConversationItem.objects.exists)


async def test_items_are_added_listed_and_taken_out(api: Asking):
    conversation = await api.begin(user("One"))
    path = f"conversations/{conversation}/items"
    output = {"type": "function_call_output", "call_id": "c", "output": "blue"}
    call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
    added = await api.ask(path, "POST", items=[user("Two"), call, output, {"role": "assistant", "content": "Well."}])
    check(added.json, "ConversationItemList")
    whole = await api.get(path, "ConversationItemList", "order=asc")
    assert [item["type"] for item in whole["data"]] == [
        "message",
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert whole["data"][1:] == added.json["data"]
    first = await api.get(path, "ConversationItemList", "limit=2")
    assert first["has_more"] and first["data"] == whole["data"][:-3:-1]
    second = await api.get(path, "ConversationItemList", f"limit=3&after={first['last_id']}")
    assert not second["has_more"] and second["data"] == whole["data"][-3::-1]
    one = whole["data"][1]
    assert await api.get(f"{path}/{one['id']}", "ConversationItem") == one
    left = await api.ask(f"{path}/{one['id']}", "DELETE")
    check(left.json, "ConversationResource")
    assert (await api.ask(f"{path}/{one['id']}")).error["param"] == "item_id"
    assert len((await api.get(path, "ConversationItemList"))["data"]) == 4
    # An item that is there already is not there twice.
    await api.ask(path, "POST", items=[whole["data"][0]])
    assert len((await api.get(path, "ConversationItemList"))["data"]) == 4


@pytest.mark.parametrize("named", [lambda name: name, lambda name: {"id": name}], ids=["text", "object"])
async def test_a_request_joins_a_conversation(api: Asking, named):
    conversation = await api.begin(user("One"))
    made = await api.create("Two", conversation=named(conversation))
    assert made["conversation"] == {"id": conversation}
    await api.ask(
        "responses", "POST", model=MODEL, input="Three", conversation=named(conversation), stream=True, store=False
    )
    sent = [(content["role"], content["parts"][-1]["text"]) for content in api.sent]
    assert sent[-2:] == [("model", "Hello."), ("user", "Three")]
    listed = await api.get(f"conversations/{conversation}/items", "ConversationItemList", "order=asc")
    assert texts(listed) == ["One", "Two", "Hello.", "Three", "Hello."]
    assert made["output"][0] in listed["data"]
    assert len(await api.rows()) == 1


async def test_a_tool_loop_in_a_conversation_keeps_its_signature(api: Asking):
    conversation = await api.begin(user("Look"))
    api.will_say(CALL)
    made = await api.create([user("Now")], model="gemini-3.8-flash", tools=[LOOK], conversation=conversation)
    (call,) = made["output"]
    listed = await api.ask(f"conversations/{conversation}/items")
    assert b"c2ln" not in listed.body
    api.will_say({"text": "Done."})
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "blue"}
    await api.create([output], model="gemini-3.8-flash", tools=[LOOK], conversation=conversation)
    assert api.sent[-2]["parts"][0]["thoughtSignature"] == "c2ln"


async def test_anothers_conversation_is_as_one_that_never_was(api: Asking):
    conversation, bob = await api.begin(user(PROMPT)), await api.another()
    (item,) = (await api.get(f"conversations/{conversation}/items", "ConversationItemList"))["data"]
    never = f"conv_{'0' * 32}"
    for path, method in (
        *(("", "GET"), ("", "POST"), ("", "DELETE"), ("/items", "GET"), ("/items", "POST")),
        *((f"/items/{item['id']}", "GET"), (f"/items/{item['id']}", "DELETE")),
    ):
        told = [
            await api.ask(f"conversations/{name}{path}", method, token=bob, metadata={}, items=[user("x")])
            for name in (conversation, never)
        ]
        assert [answered.status for answered in told] == [404, 404], (path, method)
        assert str(told[0].json).replace(conversation, never) == str(told[1].json)
    refused = await api.ask("responses", "POST", token=bob, model=MODEL, input="Hi", conversation=conversation)
    assert (refused.status, refused.error["param"]) == (404, "conversation")
    assert len((await api.get(f"conversations/{conversation}/items", "ConversationItemList"))["data"]) == 1


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"items": [{"role": "root", "content": "x"}]}, "items[0].role"),
        ({"items": [{"type": "item_reference", "id": "msg_1"}]}, "items[0]"),
        ({"items": [user("x")] * 21}, "items"),
        ({"metadata": {"k": "x" * 513}}, "metadata.k"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
    ],
)
async def test_what_is_wrong_is_named(api: Asking, members, param):
    refused = await api.ask("conversations", "POST", **members)
    assert refused.status == 400
    assert (refused.error["param"] or "").startswith(param.split(".")[0]), refused.error


async def test_there_are_none_where_nothing_is_stored(api: Asking, settings):
    settings.STORED_DAYS = 0
    assert (await api.ask("conversations", "POST")).error["code"] == "storing_is_off"


@pytest.mark.parametrize("bound", ["items", "bytes", "conversations"])
async def test_a_conversation_that_is_full_says_so(api: Asking, monkeypatch, bound):
    conversation = await api.begin(user("One"))
    path = f"conversations/{conversation}/items"
    if bound == "items":
        monkeypatch.setattr(conversations, "MOST_ITEMS", 1)
        joined = await api.ask("responses", "POST", model=MODEL, input="Hi", conversation=conversation)
        assert (joined.status, joined.error["code"]) == (400, "conversations_full")
    elif bound == "bytes":
        monkeypatch.setattr(room.settings, "STORED_MIB", 0.0005)
    else:
        monkeypatch.setattr(room, "MOST_CONVERSATIONS", 1)
        path = "conversations"
    refused = await api.ask(path, "POST", items=[user("x" * 300)])
    assert (refused.status, refused.error["code"]) == (400, "conversations_full")


async def test_a_conversation_that_is_larger_than_a_request_is_not_opened(api: Asking, settings, monkeypatch):
    conversation = await api.begin(user("x" * 3_000))
    settings.MAX_BODY_BYTES = 2_000
    monkeypatch.setattr(conversations, "unseal_bytes", None)
    refused = await api.ask("responses", "POST", model=MODEL, input="Hi", conversation=conversation)
    assert (refused.status, refused.error["param"]) == (413, "conversation")


async def test_an_id_that_no_database_takes_becomes_another(api: Asking):
    conversation = await api.begin({**user("One"), "id": "msg_1"}, {**user("Two"), "id": "msg\0"})
    listed = await api.get(f"conversations/{conversation}/items", "ConversationItemList", "order=asc")
    kept, made = (item["id"] for item in listed["data"])
    assert kept == "msg_1" and made.startswith("msg_") and made.isprintable()


async def test_a_conversation_is_as_large_as_it_is_read(api: Asking):
    """Not as it is sealed, for that is compressed: a few bytes of it could be all the memory there is."""
    conversation = await api.begin()
    path = f"conversations/{conversation}/items"

    async def size():
        return (await in_db(Conversation.objects.get)).size

    added = (await api.ask(path, "POST", items=[user("x" * 100_000)])).json["data"][0]
    assert 100_000 < await size() < 101_000
    # What is there already takes no room again.
    await api.ask(path, "POST", items=[added])
    assert await size() < 101_000
    await api.ask(f"{path}/{added['id']}", "DELETE")
    assert await size() == 0


async def test_the_database_tells_nothing_of_a_conversation(api: Asking):
    conversation = await api.begin(user(PROMPT), metadata={"note": "secret note"})
    await api.create(PROMPT, conversation=conversation, store=False)
    assert len((await api.get(f"conversations/{conversation}/items", "ConversationItemList"))["data"]) == 3
    held = await in_db(lambda: repr([*Conversation.objects.values(), *ConversationItem.objects.values()]))
    for said in (PROMPT, "secret note", "Hello."):
        assert said not in held


def test_what_was_not_used_for_long_goes_by_itself(db, settings):
    settings.STORED_DAYS = 30
    ada = User.objects.create_user("ada")
    for age in (0, 31):
        store_conversation(ada, f"conv_{age}")
        Conversation.objects.filter(pk=f"conv_{age}").update(used=timezone.now() - timedelta(days=age))
    assert not purge_some()
    assert [conversation.pk for conversation in Conversation.objects.all()] == ["conv_0"]


def test_items_are_sealed_anew_under_the_newest_key(db, settings):
    from cryptography.fernet import Fernet

    ada = User.objects.create_user("ada")
    store_conversation(ada, "conv_1")
    new = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, *settings.ENCRYPTION_KEYS]
    assert rotate_sealing().rotated == 2
    settings.ENCRYPTION_KEYS = [new]
    assert conversations._find(ada.pk, "conv_1").metadata == b"{}"
    assert list(conversations._items_of(ada.pk, "conv_1", 10_000))


def test_conversations_stay_where_responses_make_room(db, monkeypatch):
    ada = User.objects.create_user("ada")
    store_conversation(ada, "conv_1")
    size = store_response(ada, "resp_1").size
    held = Conversation.objects.get().size
    monkeypatch.setattr(room.settings, "STORED_MIB", (held + size) / 1024 / 1024)
    room.make_room(ada.pk, size)
    assert Conversation.objects.exists()
    monkeypatch.setattr(room.settings, "STORED_MIB", held / 1024 / 1024)
    with pytest.raises(NoRoom):
        room.make_room(ada.pk, size)
