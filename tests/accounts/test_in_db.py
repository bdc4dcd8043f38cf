import asyncio
import threading
import time

import pytest
from django.db import connection

from accounts.in_db import DatabaseAway, in_db, in_db_soon

pytestmark = pytest.mark.django_db(transaction=True)


async def test_an_act_runs_in_another_thread_with_its_arguments_and_answer():
    def act(first, *, second):
        return first + second, threading.current_thread().name

    answer, thread = await in_db(act, 1, second=2)
    assert answer == 3
    assert thread.startswith("in-db") and thread != threading.current_thread().name


async def test_what_an_act_raises_is_raised_to_the_waiter():
    def act():
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await in_db(act)


async def test_an_act_that_breaks_its_connection_leaves_a_working_one_behind():
    def ask():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone()[0]

    def break_off():
        ask()
        connection.close()
        raise ConnectionError

    for _ in range(8):
        with pytest.raises(ConnectionError):
            await in_db(break_off)
    assert [await in_db(ask) for _ in range(8)] == [1] * 8


async def test_who_keeps_a_client_waiting_is_told_soon_that_the_database_does_not_answer(settings):
    settings.DATABASE_SECONDS = 0.1
    thawed = threading.Event()
    began = time.monotonic()
    hanging = [asyncio.ensure_future(in_db_soon(thawed.wait, 30)) for _ in range(8)]
    answers = await asyncio.gather(*hanging, return_exceptions=True)
    assert all(isinstance(answer, DatabaseAway) for answer in answers)
    # Every thread waits in vain, the last that began as well: nobody else does.
    await asyncio.sleep(0.15)
    with pytest.raises(DatabaseAway):
        await asyncio.wait_for(in_db_soon(threading.get_ident), 0.05)
    assert time.monotonic() - began < 5
    thawed.set()
    await in_db(threading.get_ident)
    assert await in_db_soon(threading.get_ident)
