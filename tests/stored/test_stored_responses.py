"""Stored responses through the API: what is kept, how a request goes on from it, who finds it, and when it is gone."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.in_db import in_db
from accounts.models import StoredResponse, User
from accounts.purging import purge_some
from accounts.rotation import rotate_sealing
from accounts.stored import NotStored, behind, conversations, responses, room
from tests.stored.conftest import CALL, LOOK, Asking
from tests.storing import PROMPT, store_response
from tests.surface.conftest import MODEL

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_response_is_read_again_as_it_was_answered(api: Asking):
    made = await api.create(metadata={"a": "b"}, prompt_cache_key="k", safety_identifier="s")
    assert made["store"] is True
    assert await api.get(f"responses/{made['id']}", "Response") == made


async def test_a_streamed_response_is_stored_as_its_last_event_tells_it(api: Asking):
    answered = await api.ask("responses", "POST", model=MODEL, input="Hi", stream=True)
    assert b"response.completed" in answered.body
    (row,) = await api.rows()
    stored = await api.get(f"responses/{row.pk}", "Response")
    assert (stored["status"], stored["output"][0]["content"][0]["text"]) == ("completed", "Hello.")


async def test_what_waits_for_the_database_counts_with_its_answer(api: Asking, monkeypatch):
    """An answer may be pictures, behind a few words."""
    sizes = []

    def noted(user_id, size, act):
        sizes.append(size)
        return behind.write_behind(user_id, size, act)

    monkeypatch.setattr(responses, "write_behind", noted)
    monkeypatch.setattr(conversations, "write_behind", noted)
    api.will_say({"text": "x" * 5_000})
    conversation = await api.begin()
    made = await api.create("Hi", conversation=conversation)
    assert len(sizes) == 2 and all(5_000 < size < 6_000 for size in sizes)
    assert await api.get(f"responses/{made['id']}", "Response") == made


@pytest.mark.parametrize("off", ["request", "setting"])
async def test_nothing_is_stored_where_the_request_or_the_operator_says_so(api: Asking, settings, off):
    if off == "setting":
        settings.STORED_DAYS = 0
    made = await api.create(store=off == "setting")
    assert made["store"] is False
    assert (await api.ask(f"responses/{made['id']}")).status == 404
    assert await api.rows() == []


async def test_a_request_goes_on_from_a_chain(api: Asking):
    first = await api.create("One", instructions="Be brief.")
    second = await api.create([{"role": "user", "content": "Two"}], previous_response_id=first["id"])
    await api.create("Three", previous_response_id=second["id"])
    assert second["previous_response_id"] == first["id"]
    texts = [(content["role"], content["parts"][0]["text"]) for content in api.sent]
    said = ("model", "Hello.")
    assert texts == [("user", "One"), said, ("user", "Two"), said, ("user", "Three")]
    assert "systemInstruction" not in api.gemini.calls[-1][3]
    # A second way on from the first: chains are trees.
    await api.create("Another", previous_response_id=first["id"])
    assert [content["parts"][0]["text"] for content in api.sent] == ["One", "Hello.", "Another"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_loop_needs_only_the_outputs(api: Asking, stream):
    api.will_say(CALL)
    await api.ask("responses", "POST", model="gemini-3.8-flash", input="Look", tools=[LOOK], stream=stream)
    (first,) = await api.rows()
    stored = await api.get(f"responses/{first.pk}", "Response")
    (call,) = stored["output"]
    assert "encrypted_content" not in call and "c2ln" not in str(stored)
    api.will_say({"text": "Done."})
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "blue"}
    await api.create([output], model="gemini-3.8-flash", tools=[LOOK], previous_response_id=first.pk)
    _, called, result = api.sent
    assert called["parts"][0]["thoughtSignature"] == "c2ln"
    assert result["parts"][0]["functionResponse"]["response"] == {"output": "blue"}


def said(text):
    return {"role": "user", "content": text}


async def test_an_item_is_named_instead_of_sent(api: Asking):
    first = await api.create("One")
    (answer,) = first["output"]
    await api.create([said("One"), {"type": "item_reference", "id": answer["id"]}, said("Two")])
    assert [content["parts"][0]["text"] for content in api.sent] == ["One", "Hello.", "Two"]


@pytest.mark.parametrize("item_id", ["msg_1", f"msg_{'0' * 36}"])
async def test_an_item_that_is_not_stored_is_not_found(api: Asking, item_id):
    refused = await api.ask("responses", "POST", model=MODEL, input=[{"type": "item_reference", "id": item_id}])
    assert (refused.status, refused.error["param"]) == (404, "input[0]")


async def test_input_items_are_listed_page_by_page(api: Asking):
    first = await api.create("One")
    parts = [
        {"type": "input_text", "text": "Two"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
    ]
    given = [
        {"role": "user", "content": parts},
        {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "blue"},
        {"role": "assistant", "content": "Well."},
    ]
    second = await api.create(given, previous_response_id=first["id"], tools=[LOOK])
    path = f"responses/{second['id']}/input_items"
    whole = await api.get(path, "ResponseItemList", "order=asc&limit=100")
    assert [item["type"] for item in whole["data"]] == [
        *("message", "message", "message", "function_call", "function_call_output", "message"),
    ]
    assert len({item["id"] for item in whole["data"]}) == 6 and not whole["has_more"]
    found, after = [], ""
    while True:
        page = await api.get(path, "ResponseItemList", f"limit=4{after}")
        found += page["data"]
        after = f"&after={page['last_id']}"
        if not page["has_more"]:
            break
    assert found == whole["data"][::-1]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "order=up"])
async def test_a_page_that_cannot_be_is_refused(api: Asking, query):
    made = await api.create()
    refused = await api.ask(f"responses/{made['id']}/input_items", query=query)
    assert (refused.status, refused.error["param"]) == (400, query.split("=")[0])


@pytest.mark.parametrize("path", ["", "/input_items"])
async def test_what_to_include_is_one_of_what_there_is(api: Asking, path):
    made = await api.create()
    names = "include[]=reasoning.encrypted_content&include%5B%5D=code_interpreter_call.outputs&include=web_search_call.results"
    assert (await api.ask(f"responses/{made['id']}{path}", query=names)).status == 200
    refused = await api.ask(
        f"responses/{made['id']}{path}", query="include[]=reasoning.encrypted_content&include[]=all"
    )
    assert (refused.status, refused.error["param"], refused.error["code"]) == (400, "include", "invalid_value")


async def test_what_was_deleted_is_gone(api: Asking):
    made = await api.create()
    gone = await api.ask(f"responses/{made['id']}", "DELETE")
    assert gone.json == {"id": made["id"], "object": "response", "deleted": True}
    for method in ("GET", "DELETE"):
        assert (await api.ask(f"responses/{made['id']}", method)).status == 404
    assert await api.rows() == []


async def test_anothers_response_is_as_one_that_never_was(api: Asking):
    made, bob = await api.create(PROMPT), await api.another()
    for path, method in (("", "GET"), ("/input_items", "GET"), ("", "DELETE")):
        theirs = await api.ask(f"responses/{made['id']}{path}", method, token=bob)
        never = await api.ask(f"responses/resp_{'0' * 32}{path}", method, token=bob)
        assert theirs.status == never.status == 404
        assert str(theirs.json).replace(made["id"], "") == str(never.json).replace(f"resp_{'0' * 32}", "")
    for members in (
        {"previous_response_id": made["id"]},
        {"input": [{"type": "item_reference", "id": made["output"][0]["id"]}]},
    ):
        refused = await api.ask("responses", "POST", token=bob, **{"model": MODEL, "input": "Hi", **members})
        assert refused.status in {400, 404}
    assert len(await api.rows()) == 1


async def test_an_unknown_previous_response_is_named(api: Asking):
    refused = await api.ask("responses", "POST", model=MODEL, input="Hi", previous_response_id="resp_1")
    assert (refused.status, refused.error["code"]) == (400, "previous_response_not_found")
    assert refused.error["param"] == "previous_response_id"
    assert await api.site.untouched()


async def test_a_chain_is_as_large_as_a_request_at_most(api: Asking, settings):
    first = await api.create("x" * 3_000)
    settings.MAX_BODY_BYTES = 2_000
    refused = await api.ask("responses", "POST", model=MODEL, input="Hi", previous_response_id=first["id"])
    assert (refused.status, refused.error["param"]) == (413, "previous_response_id")


async def test_no_more_of_a_chain_is_opened_than_a_request_may_be(api: Asking, settings, monkeypatch):
    """Nor on the event loop, for all others wait there meanwhile."""
    turns = [await in_db(store_response, api.site.user, "resp_0", items=40)]
    for number in range(1, 9):
        turns.append(await in_db(store_response, api.site.user, f"resp_{number}", previous=turns[-1], items=40))
    opened, unseal = [], responses.unseal_bytes

    def unseal_and_note(place, sealed):
        opened.append(threading.current_thread().name)
        return unseal(place, sealed)

    monkeypatch.setattr(responses, "unseal_bytes", unseal_and_note)
    monkeypatch.setattr(responses, "_AT_ONCE_BYTES", turns[0].size * 2)
    settings.MAX_BODY_BYTES = turns[0].size * 3
    refused = await api.ask("responses", "POST", model=MODEL, input="Hi", previous_response_id="resp_8")
    assert (refused.status, refused.error["param"]) == (413, "previous_response_id")
    assert 3 <= len(opened) <= 4
    assert threading.current_thread().name not in opened


async def test_what_only_readers_of_a_stream_need_does_not_make_a_chain_large(api: Asking, settings):
    answered = await api.ask("responses", "POST", model=MODEL, input="Hi", background=True, stream=True)
    made = json.loads(answered.body.split(b"data: ")[1].split(b"\n")[0])["response"]["id"]
    (row,) = await api.rows()
    assert row.size > 2_000
    settings.MAX_BODY_BYTES = 2_000
    await api.create("And?", previous_response_id=made)


async def test_a_response_that_failed_midway_is_stored_as_failed(api: Asking):
    api.will_say({"text": "Hel"})
    del api.gemini.reply["candidates"][0]["finishReason"]
    await api.ask("responses", "POST", model=MODEL, input="Hi", stream=True)
    (row,) = await api.rows()
    stored = await api.get(f"responses/{row.pk}", "Response")
    assert (stored["status"], stored["error"]["code"]) == ("failed", "server_error")


async def test_the_answer_does_not_wait_for_the_database(api: Asking, monkeypatch, caplog):
    away = True
    make_room = responses.make_room

    def frozen(user_id, size):
        if away:
            raise OperationalError("away")
        make_room(user_id, size)

    monkeypatch.setattr(behind, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(responses, "make_room", frozen)
    monkeypatch.setattr("accounts.stored.behind.settings.DATABASE_SECONDS", 0.2)
    made = await api.create()
    # Who asks for it waits as long as for any look-up, and is told.
    assert (await api.ask(f"responses/{made['id']}")).error["code"] == "storage_unavailable"
    away = False
    assert (await api.ask(f"responses/{made['id']}")).status == 200
    assert [record.message for record in caplog.records if "wait to be stored" in record.message]


async def test_too_much_is_not_held_back_for_a_database_that_is_away(api: Asking, monkeypatch, caplog):
    monkeypatch.setattr(behind._Lines, "has_room", lambda lines, user_id, size: False)
    made = await api.create("more than ten bytes")
    assert (await api.ask(f"responses/{made['id']}")).status == 404
    assert [record.message for record in caplog.records if "was not stored" in record.message]


async def test_a_user_who_is_gone_leaves_nothing(api: Asking):
    await api.create(PROMPT)
    await in_db(lambda: User.objects.get(username="ada").delete())
    assert await api.rows() == []


# --- In the database --------------------------------------------------------------------------------------------


async def test_the_database_tells_nothing_of_what_was_said(api: Asking):
    api.will_say(CALL, {"text": "an answer for one alone"})
    await api.create(PROMPT, instructions="secret instructions", metadata={"note": "secret note"}, tools=[LOOK])
    assert len(await api.rows()) == 1
    held = await in_db(lambda: repr(list(StoredResponse.objects.values())))
    for said in (PROMPT, "one alone", "secret instructions", "secret note", "look", "c2ln"):
        assert said not in held


def test_a_row_opens_as_itself_alone(db):
    ada = User.objects.create_user("ada")
    one, other = store_response(ada, "resp_1"), store_response(ada, "resp_2")
    StoredResponse.objects.filter(pk=one.pk).update(sealed=other.sealed)
    with pytest.raises(NotStored):
        next(responses._find(ada.pk, ("resp_1",)))


def test_rows_are_sealed_anew_under_the_newest_key(db, settings):
    from cryptography.fernet import Fernet

    ada = User.objects.create_user("ada")
    store_response(ada, "resp_1")
    old, new = settings.ENCRYPTION_KEYS, Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, *old]
    assert rotate_sealing().rotated == 1
    assert rotate_sealing().newest_before == 1
    settings.ENCRYPTION_KEYS = [new]
    assert next(responses._find(ada.pk, ("resp_1",))).id == "resp_1"


def test_what_is_too_old_goes_by_itself(db, settings):
    settings.STORED_DAYS = 30
    ada, now = User.objects.create_user("ada"), timezone.now()
    for age in (0, 29, 31, 400):
        store_response(ada, f"resp_{age}", created=now - timedelta(days=age))
    assert not purge_some()
    assert set(StoredResponse.objects.values_list("pk", flat=True)) == {"resp_0", "resp_29"}
    settings.STORED_DAYS = 0
    assert not purge_some()
    assert not StoredResponse.objects.exists()


@pytest.mark.parametrize("bound", ["rows", "bytes"])
def test_the_oldest_of_one_user_go_when_there_is_no_room(db, settings, monkeypatch, bound):
    ada, bob, now = User.objects.create_user("ada"), User.objects.create_user("bob"), timezone.now()
    size = 0
    for age in range(4):
        size = store_response(ada, f"resp_{age}", created=now - timedelta(hours=age)).size
        store_response(bob, f"resp_bob_{age}")
    if bound == "rows":
        monkeypatch.setattr(room, "MOST_RESPONSES", 3)
    else:
        monkeypatch.setattr(room.settings, "STORED_MIB", 3.5 * size / 1024 / 1024)
    room.make_room(ada.pk, size)
    assert set(StoredResponse.objects.filter(user=ada).values_list("pk", flat=True)) == {"resp_0", "resp_1"}
    assert StoredResponse.objects.filter(user=bob).count() == 4


async def test_an_item_that_is_named_often_counts_as_often(api: Asking, settings):
    made = await api.create("Hi")
    settings.MAX_BODY_BYTES = 4_000
    named = [{"type": "item_reference", "id": made["output"][0]["id"]}] * 40
    refused = await api.ask("responses", "POST", model=MODEL, input=named)
    assert (refused.status, refused.error["param"]) == (413, "input")


async def test_a_response_is_as_large_as_it_is_read(api: Asking):
    """Not as it is sealed, for that is compressed: a chain of a few bytes could be all the memory there is."""
    await api.create("x" * 100_000)
    (row,) = await api.rows()
    assert len(row.sealed) < 10_000 < 100_000 < row.size


def test_a_chain_whose_beginning_is_gone_is_gone(db):
    ada = User.objects.create_user("ada")
    first = store_response(ada, "resp_1")
    second = store_response(ada, "resp_2", previous=first)
    assert [turn.id for turn in responses._find_chain(ada.pk, second.pk)] == ["resp_1", "resp_2"]
    first.delete()
    with pytest.raises(NotStored, match="resp_1"):
        next(responses._find_chain(ada.pk, "resp_2"))
