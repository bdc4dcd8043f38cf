"""Batches: asked for, run by one process at a time, taken up again where one was killed, and told line by line."""

import asyncio
import contextlib
import json
from datetime import timedelta

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as in_force
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from accounts import batches as stored
from accounts import callers, files
from accounts.issuing import revoke_token
from accounts.models import Batch, BatchResult, IssuedToken, StoredFile, TierQuota, User
from compat.batches import answering, running
from compat.gemini.failures import failure_of
from compat.relay import spare
from compat.schemas.gemini import EmbeddingReply
from compat.simulator.media import image
from tests.files.conftest import as_lines
from tests.live.openapi import check
from tests.surface.conftest import JUDGE, MODEL, image_mappings

__all__ = ["image_mappings"]
PAINTER = "gemini-2.5-flash-image"

CHAT, EMBEDDINGS, RESPONSES, COMPLETIONS = (
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/completions",
)
MODERATIONS, DRAWN, EDITED = "/v1/moderations", "/v1/images/generations", "/v1/images/edits"
PICTURE = "data:image/png;base64," + image({})["data"]
ASKED = {
    CHAT: {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]},
    EMBEDDINGS: {"model": "text-embedding-3-small", "input": "Hi"},
    RESPONSES: {"model": MODEL, "input": "Hi"},
    COMPLETIONS: {"model": MODEL, "prompt": "Hi"},
    MODERATIONS: {"model": JUDGE, "input": "Hi"},
    DRAWN: {"model": PAINTER, "prompt": "A cat"},
    EDITED: {"model": PAINTER, "prompt": "A hat", "images": [{"image_url": PICTURE}]},
}


def request(custom_id, url=CHAT, **body):
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": {**ASKED[url], **body}}


class Batches:
    """Batches of a user, asked for by their token."""

    def __init__(self, files):
        self.files = files
        self.site = files.site

    async def create(self, *rows, endpoint=CHAT, **members):
        file_id = await self.files.kept(as_lines(*rows), "in.jsonl", "batch")
        return await self.ask({"input_file_id": file_id, "endpoint": endpoint, "completion_window": "24h", **members})

    async def ask(self, body):
        return await self.site.ask("/v1/batches", json.dumps(body).encode())

    async def get(self, batch_id, path=""):
        return await self.site.ask(f"/v1/batches/{batch_id}{path}", method="GET")

    async def cancel(self, batch_id):
        return await self.site.ask(f"/v1/batches/{batch_id}/cancel", b"", method="POST")

    async def until(self, batch_id, *statuses):
        async with asyncio.timeout(10):
            while (told := (await self.get(batch_id)).json)["status"] not in statuses:
                await asyncio.sleep(0.02)
        return told

    async def rows(self, file_id):
        """The lines of a file of results."""
        content = (await self.files.get(f"/{file_id}/content")).body
        return [json.loads(line) for line in content.splitlines()]


@pytest.fixture
def batches(files, monkeypatch):
    for module in (spare, running, answering):
        for name in ("_LOOK_AGAIN_SECONDS", "_LOOK_SECONDS", "_FIRST_PAUSE", "_LONGEST_PAUSE"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, 0.02)
    TierQuota.objects.create(pattern="*", rpm=100_000, position=0)
    return Batches(files)


@contextlib.asynccontextmanager
async def a_worker():
    worker = asyncio.create_task(running.run_for_good(in_force.BATCH_LINES))
    try:
        yield worker
    finally:
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker


@pytest.mark.parametrize(
    ("endpoint", "member"),
    [
        (CHAT, "choices"),
        (EMBEDDINGS, "data"),
        (RESPONSES, "output"),
        (COMPLETIONS, "choices"),
        (MODERATIONS, "results"),
        (DRAWN, "data"),
        (EDITED, "data"),
    ],
)
async def test_every_line_is_answered_as_the_request_that_it_is(batches, endpoint, member):
    batch = (await batches.create(request("a", endpoint), request("b", endpoint), endpoint=endpoint)).json
    assert (batch["object"], batch["status"], batch["endpoint"]) == ("batch", "validating", endpoint)
    assert batch["model"] is batch["usage"] is None
    assert batch["expires_at"] - batch["created_at"] == 86_400
    async with a_worker():
        told = await batches.until(batch["id"], "completed")
    assert told["request_counts"] == {"total": 2, "completed": 2, "failed": 0}
    assert told["created_at"] <= told["in_progress_at"] <= told["finalizing_at"] <= told["completed_at"]
    assert told["error_file_id"] is told["errors"] is told["failed_at"] is None
    rows = await batches.rows(told["output_file_id"])
    assert [row["custom_id"] for row in rows] == ["a", "b"]
    for row in rows:
        assert row["id"].startswith("batch_req_") and row["error"] is None
        assert row["response"]["status_code"] == 200 and row["response"]["request_id"].startswith("req_")
        alone = (await batches.site.ask(endpoint, json.dumps(ASKED[endpoint]).encode())).json
        assert set(row["response"]["body"]) == set(alone) and row["response"]["body"][member]
    records = {f"req_{record.id.hex}": record for record in await batches.site.records()}
    answered = [records[row["response"]["request_id"]] for row in rows]
    assert len(set(answered)) == 2 and {record.user_id for record in answered} == {batches.site.user.pk}
    assert told["model"] == ASKED[endpoint]["model"]
    assert told["usage"] == {
        "input_tokens": sum(record.prompt_tokens for record in answered),
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": sum(record.completion_tokens for record in answered),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sum(record.total_tokens for record in answered),
    }
    assert not await sync_to_async(BatchResult.objects.exists)()
    file = (await batches.files.get(f"/{told['output_file_id']}")).json
    assert (file["purpose"], file["filename"]) == ("batch_output", f"{batch['id']}_output.jsonl")


async def test_lines_that_cannot_be_answered_are_told_in_the_file_of_errors(batches):
    rows = [
        request("good"),
        request("stream", stream=True),
        request("background", background=True),
        request("bad", messages=[]),
        request("unknown", model="no-such-model"),
    ]
    batch = (await batches.create(*rows)).json
    async with a_worker():
        told = await batches.until(batch["id"], "completed")
    assert told["request_counts"] == {"total": 5, "completed": 1, "failed": 4}
    assert [row["custom_id"] for row in await batches.rows(told["output_file_id"])] == ["good"]
    errors = {row["custom_id"]: row for row in await batches.rows(told["error_file_id"])}
    assert list(errors) == ["stream", "background", "bad", "unknown"]
    assert [row["response"]["status_code"] for row in errors.values()] == [400, 400, 400, 404]
    for row in errors.values():
        assert row["error"]["message"] == row["response"]["body"]["error"]["message"]
    assert errors["unknown"]["error"]["code"] == "model_not_found"
    assert errors["stream"]["response"]["body"]["error"]["param"] == "stream"


async def test_images_are_in_the_lines_and_no_links_whatever_the_model_is_called(batches, image_mappings):
    rows = [request("named", DRAWN, model="dall-e-3"), request("link", DRAWN, response_format="url")]
    batch = (await batches.create(*rows, endpoint=DRAWN)).json
    async with a_worker():
        told = await batches.until(batch["id"], "completed")
    drawn, refused = [(await batches.rows(told[name]))[0] for name in ("output_file_id", "error_file_id")]
    assert (drawn["custom_id"], set(drawn["response"]["body"]["data"][0])) == ("named", {"b64_json"})
    assert refused["response"]["body"]["error"]["param"] == "response_format"
    assert told["model"] is None, "its lines name two"


async def test_once_the_results_take_all_the_room_the_other_lines_are_not_asked(batches, monkeypatch, settings):
    settings.BATCH_LINES, settings.FILES_MIB, settings.MAX_BODY_BYTES = 1, 1, 4 * 1024 * 1024
    monkeypatch.setattr(stored, "_BYTES_AT_ONCE", 1)
    await batches.files.kept(b"x" * 600_000)
    embedding = {"embeddings": [{"values": [0.123456789] * 20_000}]}
    monkeypatch.setattr(batches.site.gemini, "embed", _always(embedding))
    rows = [request(name, EMBEDDINGS, model="gemini-embedding-001") for name in "abcd"]
    batch = (await batches.create(*rows, endpoint=EMBEDDINGS)).json
    async with a_worker():
        told = await batches.until(batch["id"], "completed")
    assert [row["custom_id"] for row in await batches.rows(told["output_file_id"])] == ["a", "b"]
    left = await batches.rows(told["error_file_id"])
    assert [(row["custom_id"], row["response"], row["error"]["code"]) for row in left] == [
        ("c", None, "files_full"),
        ("d", None, "files_full"),
    ]
    assert len(await batches.site.records()) == 2, "those that found no room were not asked"
    refused = await batches.files.upload(b"x" * 1_000)
    assert (refused.status, refused.error["code"]) == (400, "files_full")
    await batches.files.delete(told["output_file_id"])
    assert (await batches.files.upload(b"x" * 1_000)).status == 200


def _always(reply):
    async def embed(model, key, body):
        return msgspec.convert(reply, EmbeddingReply)

    return embed


async def test_a_file_that_is_not_in_order_fails_before_anything_is_asked(batches):
    batch = (await batches.create(request("a"), request("a"), request("b", EMBEDDINGS))).json
    async with a_worker():
        told = await batches.until(batch["id"], "failed")
    assert [(error["line"], error["code"]) for error in told["errors"]["data"]] == [
        (2, "duplicate_custom_id"),
        (3, "invalid_url"),
    ]
    assert told["failed_at"] and told["output_file_id"] is None
    assert await batches.site.untouched()


@pytest.mark.parametrize(
    ("wrong", "status", "param"),
    [
        ({"input_file_id": "file-none"}, 404, "input_file_id"),
        ({"input_file_id": None}, 400, "input_file_id"),
        ({"endpoint": "/v1/videos"}, 400, "endpoint"),
        ({"endpoint": "chat/completions"}, 400, "endpoint"),
        ({"completion_window": "1h"}, 400, "completion_window"),
        ({"metadata": {"a": 1}}, 400, "metadata[...]"),
        ({"metadata": {str(n): "" for n in range(17)}}, 400, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, 400, "output_expires_after.seconds"),
    ],
)
async def test_what_is_no_batch_is_refused(batches, wrong, status, param):
    answered = await batches.create(request("a"), **wrong)
    assert (answered.status, answered.error["param"]) == (status, param), answered.body
    assert not await sync_to_async(Batch.objects.exists)()


async def test_a_file_for_something_else_is_no_batch(batches):
    file_id = await batches.files.kept(as_lines(request("a")), purpose="user_data")
    answered = await batches.ask({"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"})
    assert (answered.status, answered.error["param"]) == (400, "input_file_id")


async def test_metadata_is_told_back_and_results_live_as_long_as_asked(batches):
    about = {"metadata": {"what": "a test"}, "output_expires_after": {"anchor": "created_at", "seconds": 3600}}
    batch = (await batches.create(request("a"), **about)).json
    assert batch["metadata"] == {"what": "a test"}
    async with a_worker():
        told = await batches.until(batch["id"], "completed")
    file = (await batches.files.get(f"/{told['output_file_id']}")).json
    assert told["metadata"] == {"what": "a test"} and file["expires_at"] - file["created_at"] == 3600


async def test_lists_come_in_pages(batches):
    ids = [(await batches.create(request("a"))).json["id"] for _ in range(3)]
    listed = (await batches.site.ask("/v1/batches", method="GET", query=b"limit=2")).json
    assert ([batch["id"] for batch in listed["data"]], listed["has_more"]) == (ids[:0:-1], True)
    query = f"limit=2&after={listed['last_id']}".encode()
    rest = (await batches.site.ask("/v1/batches", method="GET", query=query)).json
    assert ([batch["id"] for batch in rest["data"]], rest["has_more"]) == (ids[:1], False)
    assert (await batches.site.ask("/v1/batches", method="GET", query=b"limit=101")).status == 400


async def test_anothers_batch_is_answered_as_one_that_never_was(batches, others_files):
    batch, others = (await batches.create(request("a"))).json, Batches(others_files)
    assert [(await others.get(batch["id"])).status, (await others.cancel(batch["id"])).status] == [404, 404]
    assert (await others.site.ask("/v1/batches", method="GET")).json["data"] == []
    file_id = await batches.files.kept(as_lines(request("a")), purpose="batch")
    answered = await others.ask({"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"})
    assert answered.status == 404
    assert (await batches.get(batch["id"])).json["status"] == "validating"


async def test_nobody_has_batches_without_end(batches, monkeypatch):
    monkeypatch.setattr(stored, "MOST_OPEN", 2)
    for _ in range(2):
        assert (await batches.create(request("a"))).status == 200
    refused = await batches.create(request("a"))
    assert (refused.status, refused.error["code"]) == (400, "too_many_batches")


# --- Its end before its time ------------------------------------------------------------------------------------


class Held:
    """Gemini, which answers so many requests and holds the others back."""

    def __init__(self, monkeypatch, gemini, answered):
        self.asked, self.held, generate = 0, asyncio.Event(), gemini.generate

        async def answer(*arguments):
            self.asked += 1
            if self.asked > answered:
                await self.held.wait()
            return await generate(*arguments)

        monkeypatch.setattr(gemini, "generate", answer)


async def test_a_cancelled_batch_keeps_what_was_answered(batches, monkeypatch, settings):
    settings.BATCH_LINES = 2
    monkeypatch.setattr(stored, "LEASE_SECONDS", 0.5)
    Held(monkeypatch, batches.site.gemini, 3)
    batch = (await batches.create(*(request(str(number)) for number in range(6)))).json
    async with a_worker():
        while (await batches.get(batch["id"])).json["request_counts"]["completed"] < 3:
            await asyncio.sleep(0.02)
        cancelling = (await batches.cancel(batch["id"])).json
        assert cancelling["status"] == "cancelling" and cancelling["cancelling_at"]
        told = await batches.until(batch["id"], "cancelled")
    assert told["request_counts"] == {"total": 6, "completed": 3, "failed": 3} and told["cancelled_at"]
    assert len(await batches.rows(told["output_file_id"])) == 3
    assert {row["error"]["code"] for row in await batches.rows(told["error_file_id"])} == {"batch_cancelled"}
    again = await batches.cancel(batch["id"])
    assert (again.status, again.error["code"]) == (400, "batch_ended")


async def test_a_batch_that_is_cancelled_before_it_begins_asks_nothing(batches):
    batch = (await batches.create(request("a"), {"no": "request"})).json
    await batches.cancel(batch["id"])
    async with a_worker():
        told = await batches.until(batch["id"], "cancelled", "failed")
    assert await batches.site.untouched() and told["output_file_id"] is None


async def test_a_batch_whose_time_is_over_expires_with_what_was_answered(batches, monkeypatch, settings):
    settings.BATCH_LINES = 1
    monkeypatch.setattr(stored, "LEASE_SECONDS", 0.5)
    Held(monkeypatch, batches.site.gemini, 1)
    batch = (await batches.create(request("a"), request("b"))).json
    await sync_to_async(Batch.objects.update)(expires=timezone.now() + timedelta(seconds=2))
    async with a_worker():
        told = await batches.until(batch["id"], "expired")
    assert told["request_counts"] == {"total": 2, "completed": 1, "failed": 1} and told["expired_at"]
    (error,) = await batches.rows(told["error_file_id"])
    assert (error["custom_id"], error["response"], error["error"]["code"]) == ("b", None, "batch_expired")


async def test_a_batch_whose_file_was_deleted_fails(batches):
    batch = (await batches.create(request("a"))).json
    await batches.files.delete(batch["input_file_id"])
    async with a_worker():
        told = await batches.until(batch["id"], "failed")
    assert [error["code"] for error in told["errors"]["data"]] == ["file_not_found"]


async def test_a_batch_whose_file_is_deleted_meanwhile_fails_with_what_was_answered(batches, monkeypatch, settings):
    settings.BATCH_LINES = 1
    monkeypatch.setattr(running, "_READ_AT_ONCE", 1)
    row = as_lines(request("a"))
    monkeypatch.setattr(files, "PART_BYTES", len(row))
    held = Held(monkeypatch, batches.site.gemini, 1)
    batch = (await batches.create(*(request(name) for name in "abcd"))).json
    async with a_worker():
        async with asyncio.timeout(5):
            while held.asked < 2:
                await asyncio.sleep(0.02)
        await batches.files.delete(batch["input_file_id"])
        held.held.set()
        told = await batches.until(batch["id"], "failed", "completed")
    assert (told["status"], [error["code"] for error in told["errors"]["data"]]) == ("failed", ["file_not_found"])
    assert (await batches.rows(told["output_file_id"]))[0]["custom_id"] == "a"


async def test_lines_of_a_revoked_token_are_refused(batches):
    batch = (await batches.create(request("a"))).json
    await sync_to_async(lambda: revoke_token(IssuedToken.objects.get()))()
    async with a_worker():
        await _ended(batch["id"])
    row = await sync_to_async(Batch.objects.get)()
    assert (row.completed, row.failed) == (0, 1)
    assert await batches.site.untouched()


async def _ended(batch_id):
    async with asyncio.timeout(10):
        while not await sync_to_async(Batch.objects.filter(pk=batch_id, status__in=stored.ENDED).exists)():
            await asyncio.sleep(0.02)


async def test_a_budget_that_is_spent_is_told_line_by_line(batches):
    await sync_to_async(User.objects.update)(daily_tokens=1)
    callers.forget()
    batch = (await batches.create(request("a"), request("b"))).json
    async with a_worker():
        told = await batches.until(batch["id"], "completed")
    assert told["request_counts"] == {"total": 2, "completed": 0, "failed": 2}
    assert {row["error"]["code"] for row in await batches.rows(told["error_file_id"])} == {"insufficient_quota"}


async def test_what_time_mends_is_asked_again(batches, monkeypatch):
    failures = [failure_of(503, b"{}")] * 4
    generate = batches.site.gemini.generate

    async def answer(*arguments):
        if failures:
            raise failures.pop()
        return await generate(*arguments)

    monkeypatch.setattr(batches.site.gemini, "generate", answer)
    batch = (await batches.create(request("a"))).json
    async with a_worker():
        told = await batches.until(batch["id"], "completed")
    assert told["request_counts"]["completed"] == 1


# --- One process at a time --------------------------------------------------------------------------------------


async def test_two_workers_never_run_one_batch_twice(batches):
    rows = [request(str(number)) for number in range(30)]
    ids = [(await batches.create(*rows)).json["id"] for _ in range(3)]
    async with a_worker(), a_worker(), a_worker():
        for batch_id in ids:
            told = await batches.until(batch_id, "completed")
            found = await batches.rows(told["output_file_id"])
            assert [row["custom_id"] for row in found] == [row["custom_id"] for row in rows]
    assert len(batches.site.gemini.calls) == 90


async def test_a_batch_of_a_process_that_died_is_taken_up_where_it_was(batches, monkeypatch, settings):
    settings.BATCH_LINES = 3
    monkeypatch.setattr(stored, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(stored, "release", lambda *arguments: None)
    held = Held(monkeypatch, batches.site.gemini, 4)
    batch = (await batches.create(*(request(str(number)) for number in range(9)))).json
    async with a_worker():
        # Four are answered, and as many as go at once are on their way.
        while (await batches.get(batch["id"])).json["request_counts"]["completed"] < 4 or held.asked < 7:
            await asyncio.sleep(0.02)
    held.held.set()
    asked = held.asked
    assert asked == 7
    async with a_worker():
        told = await batches.until(batch["id"], "completed")
    assert told["request_counts"] == {"total": 9, "completed": 9, "failed": 0}
    found = [row["custom_id"] for row in await batches.rows(told["output_file_id"])]
    assert found == [str(number) for number in range(9)]
    assert held.asked - asked == 5, "those that were written down are not asked again"


async def test_a_process_that_lost_its_lease_writes_nothing_down(batches):
    batch = (await batches.create(request("a"))).json
    await sync_to_async(stored.claim)("first")
    await sync_to_async(stored.begin)(batch["id"], "first", 1, MODEL)
    await sync_to_async(Batch.objects.update)(leased_until=timezone.now() - timedelta(seconds=1))
    assert (await sync_to_async(stored.claim)("second")).pk == batch["id"]
    for act, *arguments in (
        (stored.write, stored.Result(1, True, b"{}")),
        (stored.renew,),
        (stored.finish, "completed", lambda done: []),
    ):
        with pytest.raises(stored.LeaseLost):
            await sync_to_async(act)(batch["id"], "first", *arguments)
    row = await sync_to_async(Batch.objects.get)()
    assert (row.completed, row.output_file) == (0, "")
    assert not await sync_to_async(BatchResult.objects.exists)()
    assert await sync_to_async(lambda: StoredFile.objects.filter(purpose="batch_output").count())() == 0


async def test_a_batch_is_claimed_once_and_nobody_keeps_others_waiting(batches, others_files, monkeypatch):
    monkeypatch.setattr(stored, "_AT_ONCE_OF_A_USER", 2)
    mine = [(await batches.create(request("a"))).json["id"] for _ in range(3)]
    others = (await Batches(others_files).create(request("a"))).json["id"]
    claimed = [await sync_to_async(stored.claim)("worker") for _ in range(4)]
    assert [batch and batch.pk for batch in claimed] == [mine[0], mine[1], others, None]


async def test_ended_batches_are_purged(batches):
    batch = (await batches.create(request("a"))).json
    await sync_to_async(stored.purge)(timezone.now() + timedelta(days=1), 10)
    assert (await batches.get(batch["id"])).status == 200
    async with a_worker():
        await batches.until(batch["id"], "completed")
    await sync_to_async(stored.purge)(timezone.now() + timedelta(seconds=1), 10)
    assert (await batches.get(batch["id"])).status == 404


async def test_the_database_alone_tells_nothing_of_what_was_asked(batches, monkeypatch, settings):
    settings.BATCH_LINES = 1
    Held(monkeypatch, batches.site.gemini, 1)
    rows = [request(f"private-{number}", user="private") for number in range(2)]
    batch = (await batches.create(*rows, metadata={"private": "private"})).json
    async with a_worker():
        while (await batches.get(batch["id"])).json["request_counts"]["completed"] < 1:
            await asyncio.sleep(0.02)
        held = await sync_to_async(lambda: [*Batch.objects.values_list(), *BatchResult.objects.values_list()])()
    assert "private" not in str(held) and len(held) == 2


async def test_batches_are_what_openai_says_they_are(batches):
    ids = [(await batches.create(*rows)).json["id"] for rows in ([request("a"), request("b", n=0)], [{}])]
    async with a_worker():
        for batch_id in ids:
            check(await batches.until(batch_id, "completed", "failed"), "Batch")
    check((await batches.create(request("a"), metadata={"a": "b"})).json, "Batch")
    check((await batches.cancel((await batches.create(request("a"))).json["id"])).json, "Batch")
    check((await batches.site.ask("/v1/batches", method="GET")).json, "ListBatchesResponse")
    check((await batches.get("batch_none")).json, "ErrorResponse")


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
async def test_a_database_that_is_away_is_waited_for(batches, monkeypatch, error):
    claim, failures = stored.claim, [error("away")] * 3
    monkeypatch.setattr(stored, "claim", lambda worker: _raise(failures.pop()) if failures else claim(worker))
    write, broken = stored.write, [error("away")] * 2
    monkeypatch.setattr(stored, "write", lambda *given: _raise(broken.pop()) if broken else write(*given))
    batch = (await batches.create(request("a"), request("b"))).json
    async with a_worker():
        told = await batches.until(batch["id"], "completed")
    assert told["request_counts"]["completed"] == 2 and not failures and not broken


def _raise(error):
    raise error
