"""What a process that is killed leaves behind, and who picks it up."""

import os
import threading

import pytest
from django.core.management import call_command
from django.db import connection

from accounts import metering
from accounts.metering.lines import TokenCounts
from accounts.models import UsageRecord, UsageTotal

pytestmark = pytest.mark.usefixtures("no_thread")


def die() -> None:
    """This process's journal as kill -9 leaves it: the lock gone, the file as it stands."""
    metering._writer.journal.abandon()
    metering._writer = None


def journals(data_dir) -> list[str]:
    return sorted(path.suffix for path in (data_dir / "journal").iterdir())


def sources() -> dict[str, str]:
    return {record.id.hex: record.counts_from for record in UsageRecord.objects.all()}


def test_a_killed_process_leaves_its_requests_settled_or_interrupted(requests, data_dir):
    settled, begun, halfway = requests.make(completion=7), requests.admit(), requests.admit()
    metering.checkpoint(halfway, TokenCounts(prompt=10, completion=3, total=13))
    die()
    metering.flush_now()
    assert sources() == {settled.id: "upstream", begun.id: "interrupted", halfway.id: "interrupted"}
    assert UsageRecord.objects.get(pk=settled.id).completion_tokens == 7
    assert UsageRecord.objects.get(pk=halfway.id).completion_tokens == 3
    record = UsageRecord.objects.get(pk=begun.id)
    assert (record.status, record.error_code, record.total_tokens) == (499, "interrupted", 0)
    assert sum(total.requests for total in UsageTotal.objects.all()) == 3
    assert sum(total.errors for total in UsageTotal.objects.all()) == 2
    assert journals(data_dir) == []


def test_a_torn_last_line_is_forgiven(requests, data_dir):
    settled = requests.make()
    torn = requests.admit()
    die()
    [path] = (data_dir / "journal").iterdir()
    os.truncate(path, path.stat().st_size - 9)
    metering.flush_now()
    assert sources() == {settled.id: "upstream"}
    assert torn.id not in sources()
    assert journals(data_dir) == []


def test_a_journal_that_was_stored_in_part_gives_only_the_rest(requests):
    first = requests.make()
    metering.flush_now()
    second = requests.make()
    die()
    metering.flush_now()
    assert sources() == {first.id: "upstream", second.id: "upstream"}
    assert UsageTotal.objects.get().requests == 2


def test_a_process_killed_between_storing_and_marking_counts_nothing_twice(requests, monkeypatch):
    made = requests.make()
    monkeypatch.setattr("accounts.metering.journal.Journal.forget", lambda self, batch: self._settled.clear())
    metering.flush_now()
    die()
    metering.flush_now()
    assert list(sources()) == [made.id]
    assert UsageTotal.objects.get().requests == 1


def test_a_replay_that_is_cut_off_is_done_again_in_full(requests, data_dir, monkeypatch):
    made = {requests.make().id for _ in range(5)}
    die()
    monkeypatch.setattr("accounts.metering.leftovers.BATCH_ROWS", 2)
    with monkeypatch.context() as cut:
        left = iter([None, None])

        def store_twice(batch):
            next(left)
            store(batch)

        from accounts.metering.ledger import store

        cut.setattr("accounts.metering.leftovers.store", store_twice)
        with pytest.raises(StopIteration):
            metering.flush_now()
    assert UsageRecord.objects.count() == 4
    assert journals(data_dir) == [".jsonl"]
    metering.flush_now()
    assert set(sources()) == made
    assert UsageTotal.objects.get().requests == 5
    assert journals(data_dir) == []


def test_the_journal_of_a_living_process_is_left_to_it(requests, data_dir):
    from accounts.metering.writer import Writer

    living = Writer(data_dir / "journal")
    living.journal.admit(requests.admit())
    before = journals(data_dir)
    metering.flush_now()
    assert journals(data_dir) == before
    assert UsageRecord.objects.count() == 0
    living.journal.abandon()
    metering.flush_now()
    assert UsageRecord.objects.count() == 1


def test_a_journal_that_rotates_while_a_replay_reaches_for_it_is_left_to_its_process(requests, monkeypatch):
    monkeypatch.setattr("accounts.metering.journal.ROTATE_BYTES", 0)
    begun = requests.admit()
    open_file = os.open

    def open_and_let_it_rotate(path, *flags):
        file = open_file(path, *flags)
        if path.suffix == ".jsonl":
            metering._writer.journal.rotate_when_grown()
        return file

    with monkeypatch.context() as slow:
        slow.setattr("accounts.metering.leftovers.os.open", open_and_let_it_rotate)
        metering.flush_now()
    assert sources() == {}
    requests.settle(begun)
    metering.flush_now()
    assert sources() == {begun.id: "upstream"}


def test_several_may_replay_at_once(requests, data_dir):
    made = set()
    for _ in range(6):
        made |= {requests.make().id for _ in range(5)}
        die()
    failures = []
    barrier = threading.Barrier(3)

    def replay():
        try:
            barrier.wait(10)
            metering.flush_now()
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=replay) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(sources()) == made
    assert UsageTotal.objects.get().requests == 30
    assert journals(data_dir) == []


def test_purged_records_do_not_come_back_with_the_journal_they_were_in(requests, capsys):
    requests.make()
    metering.flush_now()
    waiting = requests.make()
    die()
    UsageRecord.objects.all().delete()
    metering.flush_now()
    assert list(sources()) == [waiting.id]
    assert UsageTotal.objects.get().requests == 2


def test_a_damaged_journal_gives_what_can_be_read_and_is_kept(requests, data_dir, caplog):
    made = requests.make()
    die()
    [path] = (data_dir / "journal").iterdir()
    path.write_bytes(b"\0\0\0\0\n" + path.read_bytes())
    metering.flush_now()
    metering.flush_now()
    assert list(sources()) == [made.id]
    assert journals(data_dir) == [".damaged"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_journal_that_cannot_be_opened_does_not_keep_the_others_waiting(requests, data_dir, caplog):
    made = requests.make()
    die()
    (data_dir / "journal" / "0-foreign.jsonl").mkdir()
    metering.flush_now()
    assert list(sources()) == [made.id]
    assert "0-foreign.jsonl" in caplog.text


def test_the_draft_of_a_rotation_that_was_killed_is_thrown_away(requests, data_dir):
    made = requests.make()
    die()
    [path] = (data_dir / "journal").iterdir()
    path.with_suffix(".new").write_bytes(path.read_bytes()[:50])
    metering.flush_now()
    assert list(sources()) == [made.id]
    assert journals(data_dir) == []


def test_a_rotated_journal_is_replayed_as_well(requests, monkeypatch):
    begun = requests.admit()
    monkeypatch.setattr("accounts.metering.journal.ROTATE_BYTES", 0)
    stored = requests.make()
    metering.flush_now()
    settled = requests.make()
    die()
    metering.flush_now()
    assert sources() == {stored.id: "upstream", begun.id: "interrupted", settled.id: "upstream"}
    call_command("verify_usage")


def test_with_nothing_left_behind_there_is_nothing_to_do(database, data_dir):
    metering.flush_now()
    assert not (data_dir / "journal").exists()
