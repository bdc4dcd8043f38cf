"""Stored files that go ahead of a request: into the project whose key serves, once, and away again."""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError

from accounts import file_copies
from accounts import files as stored
from accounts.models import ContributedKey, StoredFile, User
from accounts.pool import clock
from compat import errors
from compat.gemini.failures import failure_of
from compat.relay import complete, copies, count, open_stream, spare
from compat.schemas.gemini import CountReply
from compat.translation.chat.chunks import ChatChunks
from tests.relay.conftest import FIRST, KEYS, SECOND
from tests.relay.test_attempts import DEAD, OVERLOADED, PER_DAY, at_first, failed
from tests.translation.answering import answering

CONTENT = bytes(range(256)) * 3_000  # three parts


@pytest.fixture
async def file(relay):
    return await kept(relay, CONTENT)


async def kept(relay, content=CONTENT):
    job = await relay.job()
    job.settle()
    return await sync_to_async(stored.keep)(job.caller.user_id, "a.txt", "user_data", [content])


@pytest.fixture
def moved(monkeypatch):
    """Moves the pool's clock."""
    ahead = [0.0]
    source = clock.source
    monkeypatch.setattr(clock, "source", lambda: source() + ahead[0])

    def move(seconds):
        ahead[0] += seconds

    return move


async def asked(relay, *files, **how):
    """The job of a request that names the files, once it was answered."""
    job = await relay.job(*how.pop("targets", (FIRST,)), files=files, **how)
    await complete(job)
    job.settle()
    return job


async def refused(relay, *files, **how):
    job = await relay.job(*how.pop("targets", (FIRST,)), files=files, **how)
    with pytest.raises(errors.CompatError) as found:
        await complete(job)
    job.settle(found.value.status, found.value)
    return job, found.value


def uris(call):
    return [part["fileData"]["fileUri"] for part in call.body["contents"][0]["parts"]]


async def until(holds):
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


# --- There before the call --------------------------------------------------------------------------------


async def test_a_file_is_uploaded_before_the_call_with_the_key_that_serves(relay, gemini, file):
    job = await asked(relay, file)
    (uploaded,) = gemini.files.uploads
    (call,) = gemini.asked
    assert (uploaded.content, uploaded.mime_type, uploaded.key) == (CONTENT, "text/plain", call.key)
    assert uris(call) == [uploaded.uri] and file.pk not in str(call.body)
    assert (job.attempts, await relay.counts()) == (1, {FIRST: (1, 0)})


async def test_who_names_it_again_meets_the_same_project_and_uploads_nothing(relay, gemini, file):
    for _ in range(6):
        await asked(relay, file)
    assert len(gemini.files.uploads) == 1 and set(gemini.keys) == set(gemini.files.keys)
    assert len({uri for call in gemini.asked for uri in uris(call)}) == 1


async def test_who_holds_most_of_what_is_named_comes_first(relay, gemini, file):
    small, other = await kept(relay, b"small"), await kept(relay, CONTENT + b"x")
    await asked(relay, small)
    await asked(relay, file)
    await asked(relay, other)
    held = {uploaded.content: uploaded.key for uploaded in gemini.files.uploads}
    await asked(relay, small, other)
    assert gemini.keys[-1] == held[CONTENT + b"x"]


async def test_several_files_are_each_where_they_are_named(relay, gemini, file):
    second = await kept(relay, b"second")
    await asked(relay, file, second)
    by_content = {uploaded.content: uploaded.uri for uploaded in gemini.files.uploads}
    assert uris(gemini.asked[0]) == [by_content[CONTENT], by_content[b"second"]]


async def test_keys_of_one_project_share_a_copy(relay, gemini, file):
    await sync_to_async(ContributedKey.objects.update)(project="one")
    gemini.files.project_of = lambda key: "one"
    for _ in range(20):
        await asked(relay, file)
    assert len(gemini.files.uploads) == 1 and set(gemini.keys) == set(KEYS)


async def test_a_stream_and_a_count_bring_their_files_as_well(relay, gemini, file, monkeypatch):
    job = await relay.job(files=(file,))
    pump = await open_stream(job, ChatChunks("chatcmpl-1", "gpt-4o", 1, answering(), include_usage=False))
    assert b"Hello." in b"".join([events async for events in pump.events()])
    assert uris(gemini.asked[0]) == [gemini.files.uploads[0].uri]
    counted = []

    async def tell(model, key, body):
        counted.append(json.loads(body)["contents"][0]["parts"][0]["fileData"]["fileUri"])
        return CountReply(7)

    monkeypatch.setattr(gemini, "count", tell, raising=False)
    await count(await relay.job(files=(file,)))
    assert counted == [gemini.files.uploads[0].uri]


async def test_two_who_name_a_file_at_once_share_one_upload(relay, gemini, file):
    gemini.files.pause = asyncio.Event()
    await sync_to_async(ContributedKey.objects.exclude(last_four=KEYS[0][-4:]).delete)()
    both = asyncio.gather(asked(relay, file), asked(relay, file))
    await until(lambda: gemini.files.begun == 1)
    await asyncio.sleep(0.05)
    gemini.files.pause.set()
    await both
    assert (gemini.files.begun, len(gemini.asked)) == (1, 2)


async def test_so_many_uploads_go_on_at_once_and_no_more(relay, gemini):
    named = [await kept(relay, b"x" * size) for size in range(1, 10)]
    gemini.files.pause = asyncio.Event()
    answer = asyncio.ensure_future(asked(relay, *named))
    await until(lambda: gemini.files.begun == 4)
    await asyncio.sleep(0.1)
    assert gemini.files.begun == 4
    gemini.files.pause.set()
    await answer
    assert len(gemini.files.uploads) == 9


# --- Failing over -----------------------------------------------------------------------------------------


async def test_when_the_project_is_out_of_quota_another_gets_a_copy_of_its_own(relay, gemini, file):
    gemini.failing = at_first(PER_DAY)
    job = await asked(relay, file)
    first, second = gemini.files.uploads
    assert (gemini.keys, job.attempts) == ([first.key, second.key], 2)
    assert [uris(call) for call in gemini.asked] == [[first.uri], [second.uri]]
    await asked(relay, file)  # the second copy is remembered
    assert (gemini.keys[-1], len(gemini.files.uploads)) == (second.key, 2)


async def test_never_is_a_file_named_to_a_project_that_does_not_hold_it(relay, gemini, file):
    """Whatever fails: the stub refuses every foreign name, and would be told of."""
    second = await kept(relay, b"second")
    failures = iter([None, OVERLOADED, None, PER_DAY, None, None, OVERLOADED, None, None, None, None])
    gemini.failing = lambda model, key, before: next(failures, None)
    for named in ((file,), (second,), (file, second), (second, file), (file,)):
        await asked(relay, *named)
    owners = {uploaded.uri: uploaded.key for uploaded in gemini.files.uploads}
    assert all(owners[uri] == call.key for call in gemini.asked for uri in uris(call))


async def test_a_copy_that_is_lost_is_made_anew_once_and_the_key_is_not_blamed(relay, gemini, file):
    await asked(relay, file)
    (first,) = gemini.files.uploads
    gemini.files.deleted.append((first.key, first.name))
    job = await asked(relay, file)
    assert (job.attempts, len(gemini.files.uploads)) == (2, 2)
    assert {state for state, _ in (await relay.keys()).values()} == {"active"}
    assert not await relay.rests()
    assert (await relay.counts())[FIRST] == (3, 0)
    assert (await asked(relay, file)).attempts == 1


async def test_of_several_only_the_lost_one_is_made_anew(relay, gemini, file):
    second = await kept(relay, b"second")
    await asked(relay, file, second)
    lost = next(uploaded for uploaded in gemini.files.uploads if uploaded.content == b"second")
    gemini.files.deleted.append((lost.key, lost.name))
    await asked(relay, file, second)
    assert [uploaded.content for uploaded in gemini.files.uploads].count(CONTENT) == 1
    assert len(gemini.files.uploads) == 3


async def test_a_file_that_is_lost_again_is_told(relay, gemini, file):
    gemini.failing = lambda model, key, before: failed(403, "You do not have permission to access the File x or it may")
    job, error = await refused(relay, file)
    assert (error.status, job.attempts, "does not hold" in error.message) == (400, 2, True)
    assert {state for state, _ in (await relay.keys()).values()} == {"active"}


@pytest.mark.parametrize("failure", [OVERLOADED, PER_DAY, failed(404, "Not found."), failed(500, "Internal.")])
async def test_an_upload_that_is_refused_goes_to_the_next_key_and_nothing_is_held_against_model_or_quota(
    relay, gemini, file, failure
):
    gemini.files.failing = lambda key, before: failure if before < 2 else None
    job = await asked(relay, file, targets=(FIRST, SECOND))
    assert (job.attempts, job.model, gemini.files.begun) == (3, FIRST, 3)
    assert [call.model for call in gemini.asked] == [FIRST]
    assert await relay.counts() == {FIRST: (1, 0)}
    assert not await relay.rests()


async def test_after_three_refused_uploads_the_client_is_told(relay, gemini, file):
    gemini.files.failing = lambda key, before: OVERLOADED
    job, error = await refused(relay, file)
    assert (error.status, error.code, job.attempts) == (503, "upstream_unavailable", 3)
    assert "files" in error.message and not gemini.asked
    (record,) = [record for record in await relay.records() if record.error_code]
    assert (record.attempts, record.total_tokens, [tried[1] for tried in record.tried]) == (3, 0, ["overloaded"] * 3)


async def test_a_dead_key_is_found_by_an_upload_as_well(relay, gemini, file):
    gemini.files.failing = lambda key, before: DEAD if before == 0 else None
    job = await asked(relay, file)
    assert (job.attempts, len(gemini.files.uploads)) == (2, 1)
    await relay.keys()
    assert len(gemini.lists_asked) == 1  # it was suspected, and asked about by a free call


async def test_what_gemini_does_not_take_is_the_clients_mistake(relay, gemini, file):
    gemini.files.failing = lambda key, before: failed(400, "Unsupported MIME type.")
    job, error = await refused(relay, file)
    assert (error.status, error.code, job.attempts) == (400, "invalid_value", 1)


# --- Processing -------------------------------------------------------------------------------------------


async def test_a_film_is_waited_for(relay, gemini, file):
    gemini.files.states = ["PROCESSING", "PROCESSING", "ACTIVE"]
    await asked(relay, file)
    assert gemini.files.states == [] and len(gemini.asked) == 1


async def test_a_film_is_asked_for_again_where_that_fails(relay, gemini, file):
    gemini.files.states = ["PROCESSING", OVERLOADED, "ACTIVE"]
    job = await asked(relay, file)
    assert (job.attempts, len(gemini.files.uploads), gemini.files.states) == (1, 1, [])


async def test_a_film_whose_key_is_refused_meanwhile_is_uploaded_by_the_next(relay, gemini, file):
    gemini.files.states = ["PROCESSING", DEAD]
    job = await asked(relay, file)
    assert (job.attempts, len(gemini.files.uploads)) == (2, 2)


async def test_a_film_that_gemini_cannot_read_is_told_and_deleted(relay, gemini, file):
    gemini.files.states = ["PROCESSING", "FAILED"]
    job, error = await refused(relay, file)
    assert (error.status, job.attempts, "file_unreadable" in error.message) == (400, 1, True)
    await copies.drained()
    assert len(gemini.files.deleted) == 1 and not file_copies.known()


async def test_an_upload_may_take_so_long_and_no_longer(relay, gemini, file, settings):
    settings.FIRST_BYTE_SECONDS = 0.1
    gemini.files.pause = asyncio.Event()
    job, error = await refused(relay, file)
    assert (error.status, error.code, job.attempts) == (504, "upstream_timeout", 1)
    await until(lambda: gemini.files.given_up == 1)


async def test_the_time_of_an_upload_is_none_in_which_keys_are_looked_for(relay, gemini, file, settings):
    settings.KEY_DEADLINE_SECONDS = 0.2
    gemini.files.states = ["PROCESSING"] * 2 + ["ACTIVE"]
    gemini.failing = at_first(PER_DAY)
    assert (await asked(relay, file)).attempts == 2


# --- Who leaves -------------------------------------------------------------------------------------------


async def test_who_leaves_stops_the_upload_and_uses_no_quota(relay, gemini, file):
    gemini.files.pause = asyncio.Event()
    job = await relay.job(files=(file,))
    answer = asyncio.ensure_future(complete(job))
    await until(lambda: gemini.files.begun == 1)
    await asyncio.sleep(0.02)
    answer.cancel()
    with suppress(asyncio.CancelledError):
        await answer
    job.settle(499)
    await until(lambda: gemini.files.given_up == 1)
    assert not gemini.files.uploads and not gemini.asked and not file_copies.known()
    assert await relay.counts() == {}
    assert [record.status for record in await relay.records()].count(499) == 1


async def test_an_upload_goes_on_for_those_who_stay(relay, gemini, file):
    await sync_to_async(ContributedKey.objects.exclude(last_four=KEYS[0][-4:]).delete)()
    gemini.files.pause = asyncio.Event()
    leaving, staying = (asyncio.ensure_future(asked(relay, file)) for _ in range(2))
    await until(lambda: gemini.files.begun == 1)
    await asyncio.sleep(0.05)
    leaving.cancel()
    with suppress(asyncio.CancelledError):
        await leaving
    gemini.files.pause.set()
    await staying
    assert (gemini.files.begun, gemini.files.given_up, len(gemini.asked)) == (1, 0, 1)


# --- Away again -------------------------------------------------------------------------------------------


async def test_a_deleted_file_is_deleted_in_every_project(relay, gemini, file):
    gemini.failing = at_first(PER_DAY)
    await asked(relay, file)
    copies.discard(file.pk)
    await copies.drained()
    held = [(uploaded.key, uploaded.name) for uploaded in gemini.files.uploads]
    assert sorted(gemini.files.deleted) == sorted(held) and len(held) == 2
    assert not file_copies.known()


async def test_a_copy_that_cannot_be_deleted_is_left_and_nobody_is_told(relay, gemini, file, caplog):
    await asked(relay, file)
    gemini.files.uploads.clear()
    caplog.set_level("INFO")
    copies.discard(file.pk)
    await copies.drained()
    assert "a copy of a file could not be deleted: file_lost" in caplog.text
    assert file.pk not in caplog.text
    assert {state for state, _ in (await relay.keys()).values()} == {"active"}


async def test_a_file_that_is_deleted_during_its_upload_leaves_no_copy(relay, gemini, file):
    gemini.files.states = ["PROCESSING", "ACTIVE"]
    answer = asyncio.ensure_future(refused(relay, file))
    await until(lambda: len(gemini.files.uploads) == 1)
    await sync_to_async(stored.erase)([file.pk])
    copies.discard(file.pk)
    _, error = await answer
    assert isinstance(error, errors.NotFound) and not gemini.asked
    await copies.drained()
    assert len(gemini.files.deleted) == 1 and not file_copies.known()


async def test_a_file_whose_parts_are_gone_is_not_half_uploaded(relay, gemini, file):
    await sync_to_async(stored.erase)([file.pk])
    _, error = await refused(relay, file)
    assert isinstance(error, errors.NotFound)
    assert not gemini.files.uploads and gemini.files.given_up == 1
    assert await relay.counts() == {}


async def test_what_nobody_names_for_an_hour_is_deleted(relay, gemini, file, moved):
    await asked(relay, file)
    moved(50 * 60)
    await copies._sweep()
    await asked(relay, file)
    moved(50 * 60)
    await copies._sweep()
    assert not gemini.files.deleted
    moved(11 * 60)
    await copies._sweep()
    assert len(gemini.files.deleted) == 1 and not file_copies.known()


async def test_how_long_that_is_can_be_set(relay, gemini, file, moved, settings):
    settings.GEMINI_FILE_MINUTES = 5
    await asked(relay, file)
    moved(5 * 60)
    await copies._sweep()
    assert len(gemini.files.deleted) == 1


async def test_a_copy_is_used_for_less_than_two_days(relay, gemini, file, moved, settings):
    settings.GEMINI_FILE_MINUTES = 100 * 60
    await asked(relay, file)
    moved(47 * 3600 - 60)
    await asked(relay, file)
    assert len(gemini.files.uploads) == 1
    moved(60)
    await asked(relay, file)
    assert len(gemini.files.uploads) == 2


async def test_a_copy_is_used_for_no_longer_than_gemini_says(relay, gemini, file, moved):
    gemini.files.expires = "2026-01-01T00:00:00.123456789Z"
    await asked(relay, file)
    await asked(relay, file)
    assert len(gemini.files.uploads) == 2


async def test_a_copy_outlives_its_file_by_nothing(relay, gemini, file, moved):
    row = await sync_to_async(StoredFile.objects.get)(pk=file.pk)
    row.expires = row.created + timedelta(minutes=20)
    await asked(relay, row)
    moved(20 * 60)
    await copies._sweep()
    assert len(gemini.files.deleted) == 1


async def test_a_copy_goes_with_its_owner(relay, gemini, file):
    await asked(relay, file)
    await relay.records()
    await sync_to_async(User.objects.all().delete)()
    await copies._sweep()
    assert len(gemini.files.deleted) == 1 and not file_copies.known()


async def test_while_the_database_is_away_no_copy_is_taken_for_one_whose_file_is_gone(relay, gemini, file, monkeypatch):
    def away(file_ids):
        raise DatabaseError

    monkeypatch.setattr(stored, "missing", away)
    await asked(relay, file)
    await copies._sweep()
    assert not gemini.files.deleted and file_copies.known() == [file.pk]


async def test_the_sweep_comes_by_itself_while_there_are_copies(relay, gemini, file, moved, monkeypatch):
    monkeypatch.setattr(copies, "_SWEEP_SECONDS", 0.01)
    await asked(relay, file)
    moved(2 * 3600)
    await until(lambda: gemini.files.deleted)
    await copies.drained()
    assert not copies._sweeping


async def test_a_project_without_a_key_keeps_what_it_has_until_google_deletes_it(relay, gemini, file):
    await asked(relay, file)
    await sync_to_async(ContributedKey.objects.all().delete)()
    await relay.keys()
    copies.discard(file.pk)
    await copies.drained()
    assert not gemini.files.deleted and not file_copies.known()


# --- Batches ----------------------------------------------------------------------------------------------


async def test_lines_of_a_batch_wait_for_the_project_that_holds_their_file(relay, gemini, file, monkeypatch):
    """Each project has so little to spare that lines would go from one to the next, and leave a copy in each."""
    monkeypatch.setattr(spare, "_LOOK_AGAIN_SECONDS", 0.01)
    first = [asyncio.ensure_future(asked(relay, file, in_batch=True)) for _ in range(3)]
    await until(lambda: any(one.done() for one in first))
    await asyncio.sleep(0.1)
    assert len(gemini.files.uploads) == 1 and len(set(gemini.keys)) == 1
    for waiting in first:
        waiting.cancel()
    await asyncio.gather(*first, return_exceptions=True)


async def test_a_line_waits_for_such_a_project_for_a_minute(relay, gemini, file, monkeypatch):
    monkeypatch.setattr(spare, "_LOOK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(spare, "_HOLDER_SECONDS", 0.05)
    for _ in range(2):
        await asked(relay, file, in_batch=True)
    assert len(gemini.files.uploads) == 2 == len(set(gemini.keys))


def test_a_refusal_names_the_file_as_gemini_does():
    assert failure_of(
        403, b'{"error": {"message": "You do not have permission to access the File a or"}}'
    ).failure.name == ("file_lost")
