"""The lines in which writes wait for the database: one for each user."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakKeyDictionary

import pytest
from django.db import OperationalError

import accounts.in_db
from accounts.stored import behind

ADA, BOB, EVE = 1, 2, 3


@pytest.fixture(autouse=True)
def _threads_without_connections(monkeypatch):
    """Those of earlier tests may hold connections, and no test without a database may look at one."""
    with ThreadPoolExecutor(accounts.in_db._THREADS) as threads:
        monkeypatch.setattr(accounts.in_db, "_threads", threads)
        yield


@pytest.fixture
def gate():
    """Held by writes that take long."""
    gate = threading.Event()
    yield gate
    gate.set()


async def test_nobody_waits_for_anothers_write(gate):
    held = behind.write_behind(ADA, 1, gate.wait)
    after = behind.write_behind(ADA, 1, lambda: None)
    await asyncio.wait_for(behind.write_behind(BOB, 1, lambda: None), 5)
    assert not held.done() and not after.done()
    gate.set()
    await asyncio.wait_for(after, 5)


async def test_the_writes_of_one_user_keep_their_order():
    written = []
    waiting = [
        behind.write_behind(user_id, 1, lambda note=(user_id, number): written.append(note))
        for number in range(20)
        for user_id in (ADA, BOB)
    ]
    await asyncio.wait_for(asyncio.gather(*waiting), 5)
    for user_id in (ADA, BOB):
        assert [number for who, number in written if who == user_id] == list(range(20))


async def test_writes_leave_threads_to_those_who_look_something_up(gate):
    writes = [behind.write_behind(user_id, 1, gate.wait) for user_id in range(10)]
    assert await asyncio.wait_for(behind.look_up(99, lambda: "found"), 5) == "found"
    gate.set()
    await asyncio.wait_for(asyncio.gather(*writes), 5)


async def test_one_that_the_database_does_not_take_waits_alone(monkeypatch, caplog):
    """It may be the only one: too large, or in the way of a lock."""
    monkeypatch.setattr(behind, "_PAUSE_SECONDS", 0.01)
    away = True

    def refused():
        if away:
            raise OperationalError("away")

    held = behind.write_behind(ADA, 1, refused)
    for _ in range(5):
        await asyncio.wait_for(behind.write_behind(BOB, 1, lambda: None), 5)
    assert not held.done()
    away = False
    await asyncio.wait_for(held, 5)
    assert "wait to be stored" in caplog.text


async def test_one_user_cannot_take_all_the_room(monkeypatch, gate):
    monkeypatch.setattr(behind, "_MOST_BYTES", 100)
    monkeypatch.setattr(behind, "_MOST_BYTES_OF_ONE", 50)
    first = behind.write_behind(ADA, 80, gate.wait)
    assert first is not None
    assert behind.write_behind(ADA, 1, gate.wait) is None
    assert behind.write_behind(BOB, 20, gate.wait) is not None
    assert behind.write_behind(EVE, 1, gate.wait) is None
    gate.set()
    await asyncio.wait_for(first, 5)


async def test_there_is_room_for_anything_where_nothing_waits(monkeypatch, gate):
    monkeypatch.setattr(behind, "_MOST_BYTES", 100)
    first = behind.write_behind(ADA, 101, gate.wait)
    assert first is not None and behind.write_behind(BOB, 1, gate.wait) is None
    gate.set()
    await asyncio.wait_for(first, 5)


async def test_what_waits_is_written_when_the_process_ends(monkeypatch, gate):
    monkeypatch.setattr(behind, "_lines", WeakKeyDictionary())  # not what the loops of other tests have left
    written = []
    held = behind.write_behind(ADA, 1, gate.wait)
    last = [behind.write_behind(ADA, 1, lambda number=number: written.append(number)) for number in range(3)]
    await asyncio.sleep(0.05)
    gate.set()
    behind.write_rest()
    assert written == [0, 1, 2]
    await asyncio.wait_for(asyncio.gather(held, *last), 5)
