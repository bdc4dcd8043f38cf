"""Under a server that sends when a turn of the event loop is over: all that ended in it is one append, before a client knows."""

import asyncio
import errno
import os

import pytest

from accounts import metering
from compat.turns import TurnTransport, put_off, turn
from tests.metering.conftest import Requests
from tests.metering.test_journal import settlement

pytestmark = pytest.mark.usefixtures("no_thread")


class Kernel:
    """Keeps what was in the journal when something went out."""

    def __init__(self, journal):
        self.journal, self.found = journal, []

    def write(self, _):
        self.found.append(ends_in(self.journal))

    def is_closing(self):
        return False


def ends_in(journal) -> int:
    [path] = journal.iterdir()
    return path.read_bytes().count(b'["s",')


@pytest.fixture
async def journal(data_dir):
    """Of such a server."""
    turn().tells_clients = True
    yield data_dir / "journal"
    turn().tells_clients = False


def make():
    admission = Requests(1, None).admit()
    metering.settle(admission, settlement(admission), put_off)


@pytest.mark.parametrize(("size", "found"), [(5, [3, 3, 3]), (100_000, [1, 2, 3])])
async def test_the_ends_of_a_turn_are_in_the_journal_before_an_answer_goes_out(journal, size, found):
    kernel = Kernel(journal)
    for client in [TurnTransport(kernel) for _ in range(3)]:
        make()
        client.write(bytes(size))
    await asyncio.sleep(0)
    assert kernel.found == found


async def test_an_end_of_which_nobody_hears_is_in_the_journal_when_the_turn_is_over(journal):
    make()
    assert ends_in(journal) == 0
    await asyncio.sleep(0)
    assert ends_in(journal) == 1


async def test_a_disk_that_was_full_is_tried_again_with_every_end(journal, monkeypatch):
    with monkeypatch.context() as full:
        make()
        full.setattr("accounts.metering.journal.os.write", no_space)
        await asyncio.sleep(0)
    assert ends_in(journal) == 0
    make()
    await asyncio.sleep(0)
    assert ends_in(journal) == 2


async def test_where_clients_are_told_at_once_an_end_is_in_the_journal_at_once(journal):
    turn().tells_clients = False
    make()
    assert ends_in(journal) == 1


def test_without_an_event_loop_as_well(data_dir):
    make()
    assert ends_in(data_dir / "journal") == 1


def no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
