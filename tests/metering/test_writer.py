"""The thread that stores what was settled: soon, without haste when there is nothing, and whatever the database does."""

import os
import threading
import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from accounts import metering
from accounts.metering import StorageUnavailable
from accounts.metering.ledger import store
from accounts.metering.lines import read_lines
from accounts.models import UsageRecord, UsageTotal
from tests.metering.making import finished


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("accounts.metering.writer.BATCH_SECONDS", 0.05)


def stored(number, within=10.0) -> bool:
    """True once `number` records are in the database."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if UsageRecord.objects.count() >= number:
            return UsageRecord.objects.count() == number
        time.sleep(0.02)
    return False


def test_a_settled_request_is_stored_by_itself(requests):
    requests.make()
    assert stored(1)
    requests.make()
    assert stored(2)


def test_a_full_batch_is_stored_at_once(requests, monkeypatch):
    requests.make()
    assert stored(1)
    monkeypatch.setattr("accounts.metering.writer.BATCH_SECONDS", 60)
    for _ in range(500):
        requests.make()
    assert stored(501)


def test_starting_stores_what_an_ended_process_left_without_a_request(requests, monkeypatch):
    with monkeypatch.context() as still:
        still.setattr("accounts.metering.writer.Writer.start", lambda self: None)
        requests.admit()
        metering._writer.journal.abandon()
        metering._writer = None
    metering.start()
    assert stored(1)


def test_records_that_are_too_old_go_by_themselves_range_by_range_and_their_totals_stay(
    ada, requests, monkeypatch, settings
):
    settings.USAGE_DAYS = 7
    monkeypatch.setattr("accounts.metering.writer.FIRST_PURGE_SECONDS", 0)
    monkeypatch.setattr("accounts.metering.purging.ROWS_AT_ONCE", 2)
    now = timezone.now()
    store([finished(ada.pk, at=now - timedelta(days=age)) for age in (0, 6, 8, 8, 9, 30)])
    for _ in range(3):
        requests.make()
        time.sleep(0.1)
    assert stored(2 + 3)
    assert UsageTotal.objects.filter(rows_purged=True).count() == 3
    assert sum(total.requests for total in UsageTotal.objects.all()) == 6 + 3


def test_a_thread_with_nothing_to_do_sleeps(requests, monkeypatch):
    rounds = []
    one_round = metering.writer.Writer._one_round
    monkeypatch.setattr("accounts.metering.writer.Writer._one_round", lambda self: (rounds.append(1), one_round(self)))
    requests.make()
    assert stored(1)
    time.sleep(0.2)
    before = len(rounds)
    time.sleep(0.6)
    assert len(rounds) == before <= 3


def test_an_idle_thread_gives_its_connection_back_and_looks_for_leftovers(requests, monkeypatch):
    monkeypatch.setattr("accounts.metering.writer.IDLE_SECONDS", 0.05)
    monkeypatch.setattr("accounts.metering.writer.LEFTOVERS_SECONDS", 0.1)
    closed = threading.Event()
    backend = type(connections["default"])
    close = backend.close

    def note_close(self):
        if threading.current_thread().name == "usage-writer":
            closed.set()
        close(self)

    monkeypatch.setattr(backend, "close", note_close)
    requests.make()
    assert stored(1)
    assert closed.wait(5)
    left = metering.writer.Journal(metering._directory())
    left.admit(requests.admit())
    left.abandon()
    assert stored(2)


def test_closing_stores_what_is_settled_and_removes_the_journal(requests, data_dir):
    requests.make()
    metering.close()
    assert UsageRecord.objects.count() == 1
    assert list((data_dir / "journal").iterdir()) == []
    requests.make()
    metering.flush_now()
    assert UsageRecord.objects.count() == 2


def test_closing_leaves_an_unfinished_request_to_the_next_start(requests, data_dir):
    requests.admit()
    metering.close()
    assert UsageRecord.objects.count() == 0
    metering.flush_now()
    assert UsageRecord.objects.get().counts_from == "interrupted"


def test_a_close_between_two_rounds_is_not_slept_through(data_dir):
    writer = metering.writer.Writer(data_dir / "journal")
    writer.close(0)
    begin = time.monotonic()
    writer._rest()
    assert time.monotonic() - begin < 1


def test_closing_does_not_wait_for_ever(requests, monkeypatch):
    hangs, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr("accounts.metering.writer.store", lambda batch: (hangs.set(), go_on.wait(10)))
    requests.make()
    assert hangs.wait(5)
    thread = metering._writer._thread
    begin = time.monotonic()
    metering.close(seconds=0.1)
    assert time.monotonic() - begin < 2
    go_on.set()
    thread.join(5)
    assert UsageRecord.objects.count() == 0
    metering.flush_now()
    assert UsageRecord.objects.count() == 1


def test_while_the_database_is_away_requests_go_on_and_nothing_is_lost(requests, monkeypatch, caplog):
    from accounts.metering.ledger import store

    away = threading.Event()
    away.set()

    def try_to_store(batch):
        if away.is_set():
            raise OperationalError("the server is away")
        store(batch)

    monkeypatch.setattr("accounts.metering.writer.store", try_to_store)
    for _ in range(20):
        requests.make()
        time.sleep(0.01)
    assert UsageRecord.objects.count() == 0
    away.clear()
    assert stored(20)
    assert UsageTotal.objects.get().requests == 20
    time.sleep(0.1)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "The database takes no usage records (OperationalError); they wait in the journal.",
        "The database is back, usage records are stored again.",
    ]


def test_an_unforeseen_failure_does_not_end_the_thread(requests, monkeypatch, caplog):
    from accounts.metering.ledger import store

    monkeypatch.setattr("accounts.metering.writer.store", lambda batch: 1 / 0)
    requests.make()
    time.sleep(0.15)
    monkeypatch.setattr("accounts.metering.writer.store", store)
    assert stored(1)
    assert "ZeroDivisionError" in caplog.text


def test_a_locked_or_cut_database_costs_nothing_but_time(requests, database):
    """SQLite: another process holds the write lock. PostgreSQL: the table is locked, then the connection is cut."""
    requests.make()
    assert stored(1)
    if connection.vendor == "sqlite":
        _hold_sqlite(requests)
    else:
        _hold_and_cut_postgresql(requests)
    assert stored(11)
    assert UsageTotal.objects.get().requests == 11


def _hold_sqlite(requests) -> None:
    import sqlite3

    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for _ in range(10):
        requests.make()
    time.sleep(1.0)
    assert metering._writer.journal.waiting == 10
    other.execute("ROLLBACK")
    other.close()


def _hold_and_cut_postgresql(requests) -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE accounts_usagerecord IN ACCESS EXCLUSIVE MODE")
        for _ in range(10):
            requests.make()
        time.sleep(0.3)
        assert metering._writer.journal.waiting == 10
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] >= 1
        cursor.execute("COMMIT")


def test_the_journal_stays_small_while_requests_go_through(requests, data_dir, monkeypatch):
    monkeypatch.setattr("accounts.metering.journal.ROTATE_BYTES", 10_000)
    for round_ in range(1, 6):
        for _ in range(50):
            requests.make()
        assert stored(round_ * 50)
    metering.flush_now()
    [path] = (data_dir / "journal").iterdir()
    assert path.stat().st_size < 10_000


def test_with_disk_and_database_away_the_journal_is_made_good_as_soon_as_there_is_space(
    requests, data_dir, monkeypatch
):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    def away(batch):
        raise OperationalError("the server is away")

    monkeypatch.setattr("accounts.metering.writer.store", away)
    begun = requests.admit()
    with monkeypatch.context() as full:
        full.setattr("accounts.metering.journal.os.write", no_space)
        requests.settle(begun)
    [path] = (data_dir / "journal").iterdir()
    end = time.monotonic() + 5
    while b'["s"' not in path.read_bytes() and time.monotonic() < end:
        time.sleep(0.02)
    assert read_lines(path.read_bytes())[0][0][1].counts_from == "upstream"


def test_an_unusable_data_directory_admits_nothing_and_recovers_by_itself(requests, settings, data_dir):
    in_the_way = data_dir / "file"
    in_the_way.touch()
    settings.DATA_DIR = in_the_way
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            requests.admit()
    in_the_way.unlink()
    requests.make()
    assert stored(1)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_has_a_journal_and_a_writer_of_its_own(requests, data_dir, monkeypatch):
    monkeypatch.setattr("accounts.metering.writer.Writer.start", lambda self: None)
    requests.admit()
    connection.close()
    if (child := os.fork()) == 0:
        try:
            begun = metering._writer is None
            requests.make()
            own = len(list((data_dir / "journal").iterdir())) == 2
            os._exit(0 if begun and own else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    requests.make()
    metering.flush_now()
    assert UsageRecord.objects.count() == 2
    metering.close()
    metering.flush_now()
    assert UsageRecord.objects.count() == 3


def test_settling_what_this_process_never_admitted_changes_nothing(requests):
    foreign = metering.lines.admission(1, None, "chat", "gpt", False)
    requests.settle(foreign)
    requests.make()
    requests.settle(foreign)
    metering.flush_now()
    assert UsageRecord.objects.count() == 1
