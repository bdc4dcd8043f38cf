"""Responses in the background: they go on without their client, are looked at, cancelled, and found failed when forsaken."""

import asyncio
import json
from datetime import timedelta

import msgspec
import pytest
from django.utils import timezone

from accounts.in_db import DatabaseAway, in_db
from accounts.models import StoredResponse, User
from accounts.stored import behind, responses
from compat.gemini.failures import failure_of
from compat.relay import background
from compat.schemas.gemini import Reply
from tests.stored.conftest import CALL, LOOK, Asking
from tests.storing import store_response
from tests.surface.conftest import MODEL
from tests.translation.responding import obeyed

pytestmark = pytest.mark.django_db(transaction=True)


class SlowStream:
    """A stream whose replies come one by one, each when it is let."""

    def __init__(self, gate, replies):
        self.gate, self.replies, self.closed = gate, replies, False

    async def read(self):
        if not self.replies:
            return None
        await self.gate.acquire()
        return [self.replies.pop(0)]

    def close(self):
        self.closed = True


class Gate(asyncio.Semaphore):
    """Each release lets one of the two replies of a stream through."""

    streams: list[SlowStream]


@pytest.fixture
def gate(api: Asking, monkeypatch):
    gate = Gate(0)
    gate.streams = []
    stream = api.gemini.stream

    async def slow(model, key, body):
        (whole,) = await (await stream(model, key, body)).read()
        first = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Well. "}]}}]}
        gate.streams.append(SlowStream(gate, [msgspec.convert(first, Reply), whole]))
        return gate.streams[-1]

    api.gemini.stream = slow
    return gate


async def until(look):
    """What `look` gives as soon as it is true."""
    async with asyncio.timeout(5):
        while not (found := look()):
            await asyncio.sleep(0.01)
    return found


async def settled(api, response_id):
    """The response when it has ended."""
    await until(lambda: response_id not in background.running)
    return await api.get(f"responses/{response_id}", "Response")


async def test_it_goes_on_without_its_client(api: Asking, gate):
    made = await api.create(background=True)
    assert (made["status"], made["background"], made["output"]) == ("queued", True, [])
    assert (await api.get(f"responses/{made['id']}", "Response"))["status"] == "queued"
    (item,) = (await api.get(f"responses/{made['id']}/input_items", "ResponseItemList"))["data"]
    assert item["content"][0]["text"] == "Hi"
    gate.release()
    await until(lambda: background.running[made["id"]].has_begun)
    looked = await api.get(f"responses/{made['id']}", "Response")
    assert (looked["status"], looked["output"][0]["content"][0]["text"]) == ("in_progress", "Well. ")
    gate.release()
    done = await settled(api, made["id"])
    assert (done["status"], done["output"][0]["content"][0]["text"]) == ("completed", "Well. Hello.")
    assert done["usage"]["total_tokens"] == 7
    (record,) = await api.site.records()
    assert (record.status, record.total_tokens) == (200, 7)
    assert (await api.get(f"responses/{made['id']}/input_items", "ResponseItemList"))["data"] == [item]


async def test_what_waits_for_the_database_counts_with_its_events(api: Asking, monkeypatch):
    sizes = []

    def noted(user_id, size, act):
        sizes.append(size)
        return behind.write_behind(user_id, size, act)

    monkeypatch.setattr(responses, "write_behind", noted)
    api.will_say({"text": "x" * 5_000})
    answered = await api.ask("responses", "POST", model=MODEL, input="Hi", background=True, stream=True)
    assert b"response.completed" in answered.body
    begun, ended = await until(lambda: sizes[1:] and sizes)
    assert begun < 5_000 and ended > 10_000


async def test_a_listener_who_leaves_is_listened_for(api: Asking, gate):
    """Else each would be told events, and the database asked for them, until the response has ended."""
    begun = json.dumps({"model": MODEL, "input": "Hi", "background": True, "stream": True}).encode()
    await api.site.ask("/v1/responses", begun, leaves=0.1)
    (response_id,) = background.running
    async with asyncio.timeout(3):
        await api.site.ask(f"/v1/responses/{response_id}", method="GET", query=b"stream=true", leaves=0.1)
    assert response_id in background.running
    gate.release(), gate.release()
    await settled(api, response_id)


async def test_one_that_cannot_be_stored_is_not_begun(api: Asking, gate, monkeypatch):
    monkeypatch.setattr(behind._Lines, "has_room", lambda lines, user_id, size: False)
    refused = await api.ask("responses", "POST", model=MODEL, input="Hi", background=True)
    assert (refused.status, refused.error["code"]) == (503, "storage_unavailable")
    await until(lambda: not background.running)


async def test_a_request_goes_on_from_it_when_it_has_ended(api: Asking, gate):
    made = await api.create(background=True, model="gemini-3.8-flash", tools=[LOOK])
    api.will_say(CALL)
    early = await api.ask("responses", "POST", model=MODEL, input="And?", previous_response_id=made["id"])
    assert early.error["code"] == "previous_response_in_progress"
    gate.release(), gate.release()
    await settled(api, made["id"])
    again = await api.create("And?", previous_response_id=made["id"], tools=[LOOK])
    assert again["previous_response_id"] == made["id"]


async def test_it_is_cancelled(api: Asking, gate):
    made = await api.create(background=True)
    gate.release()
    await until(lambda: background.running[made["id"]].has_begun)
    cancelled = await api.ask(f"responses/{made['id']}/cancel", "POST")
    assert cancelled.json["status"] == "cancelled"
    assert (await settled(api, made["id"]))["status"] == "cancelled"
    assert gate.streams[0].closed
    again = await api.ask(f"responses/{made['id']}/cancel", "POST")
    assert again.json == cancelled.json
    (record,) = await api.site.records()
    assert record.error_code == "client_closed" and record.total_tokens


async def test_one_that_has_ended_stays_as_it_is(api: Asking):
    made = await api.create(background=True)
    done = await settled(api, made["id"])
    assert (await api.ask(f"responses/{made['id']}/cancel", "POST")).json == done
    whole = await api.create()
    refused = await api.ask(f"responses/{whole['id']}/cancel", "POST")
    assert (refused.status, refused.error["type"]) == (400, "invalid_request_error")
    assert (await api.ask(f"responses/{made['id']}/cancel", "POST", token=await api.another())).status == 404


@pytest.mark.parametrize("act", ["cancel", "delete"])
async def test_another_process_ends_it(api: Asking, gate, monkeypatch, act):
    made = await api.create(background=True)
    await until(lambda: gate.streams)
    await api.rows()
    if act == "cancel":
        await responses.cancel(api.site.user.pk, made["id"], lambda one: one)
    else:
        await responses.delete(api.site.user.pk, made["id"])
    assert not gate.streams[0].closed
    # Whoever asks is told so at once; the process that makes it hears of it as well.
    found = await api.ask(f"responses/{made['id']}")
    await until(lambda: made["id"] not in background.running)
    assert found.status == 404 if act == "delete" else found.json["status"] == "cancelled"


async def test_a_process_that_makes_it_hears_of_its_end_by_itself(api: Asking, gate, monkeypatch):
    monkeypatch.setattr(background, "_BEAT_SECONDS", 0.05)
    made = await api.create(background=True)
    await api.rows()
    await responses.cancel(api.site.user.pk, made["id"], lambda one: one)
    await until(lambda: made["id"] not in background.running)


async def test_what_is_known_of_it_here_needs_no_database(api: Asking, gate, monkeypatch):
    made = await api.create(background=True)
    await api.rows()

    async def away(user_id, response_id):
        raise DatabaseAway("away")

    monkeypatch.setattr(responses, "is_running", away)
    assert (await api.ask(f"responses/{made['id']}")).json["status"] == "queued"
    gate.release(), gate.release()


async def test_a_failure_midway_is_told_by_the_response(api: Asking, gate):
    made = await api.create(background=True)
    gate.release()
    (stream,) = await until(lambda: gate.streams)
    stream.replies.pop()
    gate.release()
    failed = await settled(api, made["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "server_error")


async def test_one_that_fails_before_it_has_begun_has_failed(api: Asking):
    api.gemini.failure = failure_of(400, b"{}")
    made = await api.create(background=True)
    failed = await settled(api, made["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "server_error")


async def test_its_stream_is_read_again_from_any_event_on(api: Asking, gate):
    gate.release(), gate.release()
    answered = await api.ask("responses", "POST", model=MODEL, input="Hi", background=True, stream=True)
    events = obeyed(answered.body)
    response_id = events[0]["response"]["id"]
    assert events[-1]["response"]["background"] is True
    await settled(api, response_id)
    again = await api.ask(f"responses/{response_id}", query="stream=true")
    assert again.body == answered.body
    rest = await api.ask(f"responses/{response_id}", query="stream=true&starting_after=3")
    assert rest.body == b"".join(event + b"\n\n" for event in answered.body.split(b"\n\n")[4:-1])
    behind = await api.ask(f"responses/{response_id}", query=f"stream=true&starting_after={len(events) - 1}")
    assert (behind.status, behind.body) == (200, b"")


async def test_who_left_listens_again_while_it_goes_on(api: Asking, gate):
    gate.release()
    first = asyncio.ensure_future(api.ask("responses", "POST", model=MODEL, input="Hi", background=True, stream=True))
    response_id = await until(lambda: next((run.id for run in background.running.values() if run.has_begun), None))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    again = asyncio.ensure_future(api.ask(f"responses/{response_id}", query="stream=true"))
    await asyncio.sleep(0.05)
    gate.release()
    assert obeyed((await again).body)[-1]["response"]["output"][0]["content"][0]["text"] == "Well. Hello."


async def test_a_stream_of_another_process_is_told_when_it_has_ended(api: Asking, monkeypatch):
    monkeypatch.setattr("compat.relay.following._LOOK_SECONDS", 0.05)
    answered = await api.ask("responses", "POST", model=MODEL, input="Hi", background=True, stream=True)
    (row,) = await api.rows()
    soon = timezone.now() + timedelta(seconds=60)
    await in_db(lambda: StoredResponse.objects.update(status="in_progress", alive_until=soon))
    again = asyncio.ensure_future(api.ask(f"responses/{row.pk}", query="stream=true"))
    await asyncio.sleep(0.1)
    await in_db(lambda: StoredResponse.objects.update(status="completed", alive_until=None))
    assert (await again).body.replace(b": keep-alive\n", b"") == answered.body


async def test_only_a_stream_is_streamed_again(api: Asking):
    made = await api.create(background=True)
    await settled(api, made["id"])
    refused = await api.ask(f"responses/{made['id']}", query="stream=true")
    assert (refused.status, refused.error["param"]) == (400, "stream")


@pytest.mark.parametrize("off", ["request", "setting"])
async def test_it_must_be_stored(api: Asking, settings, off):
    if off == "setting":
        settings.STORED_DAYS = 0
    refused = await api.ask("responses", "POST", model=MODEL, input="Hi", background=True, store=off == "setting")
    assert (refused.status, refused.error["param"]) == (400, "background")
    assert await api.site.untouched()


async def test_one_user_has_so_many_at_most(api: Asking, gate, monkeypatch):
    monkeypatch.setattr(background, "MOST_OF_ONE_USER", 1)
    made = await api.create(background=True)
    refused = await api.ask("responses", "POST", model=MODEL, input="Hi", background=True)
    assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
    gate.release(), gate.release()
    await settled(api, made["id"])


def forsaken(user, seconds):
    """A response on which somebody worked until so many seconds ago."""
    store_response(user, "resp_1")
    gone = timezone.now() - timedelta(seconds=seconds)
    StoredResponse.objects.update(status="in_progress", alive_until=gone)


async def test_one_that_nobody_works_on_any_more_has_failed(api: Asking):
    await in_db(forsaken, api.site.user, -20)
    assert (await api.ask("responses/resp_1")).json["status"] == "in_progress"
    await in_db(StoredResponse.objects.update, alive_until=timezone.now() - timedelta(seconds=1))
    failed = (await api.ask("responses/resp_1")).json
    assert (failed["status"], failed["error"]["code"]) == ("failed", "server_error")
    assert (await api.ask("responses/resp_1/cancel", "POST")).json["status"] == "failed"
    (row,) = await api.rows()
    assert (row.status, row.alive_until) == ("failed", None)


def test_whoever_works_on_it_says_so(db):
    ada = User.objects.create_user("ada")
    forsaken(ada, -1)
    assert responses.still_running(["resp_1", "resp_2"]) == {"resp_1"}
    assert StoredResponse.objects.get().alive_until > timezone.now() + timedelta(seconds=20)
    responses._cancel(ada.pk, "resp_1")
    assert responses.still_running(["resp_1"]) == set()
