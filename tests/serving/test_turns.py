"""What is written in one turn of the event loop goes out when it is over: in order, in one piece, and before the end."""

import asyncio

import pytest

from compat.turns import TurnTransport, _turns, turn


class Kernel:
    """The transport behind it."""

    def __init__(self):
        self.sent, self.closing, self.unsent = [], False, 0

    def write(self, data):
        self.sent.append(data)

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True

    abort = close

    def get_write_buffer_size(self):
        return self.unsent

    def get_extra_info(self, name, default=None):
        return f"the {name}"


@pytest.fixture
async def kernel():
    return Kernel()


@pytest.fixture
async def transport(kernel):
    return TurnTransport(kernel)


async def test_what_is_written_in_a_turn_goes_out_together_when_it_is_over(transport, kernel):
    transport.write(b"a")
    transport.writelines((b"b", b"c"))
    assert (kernel.sent, transport.get_write_buffer_size()) == ([], 3)
    await asyncio.sleep(0)
    assert (kernel.sent, transport.get_write_buffer_size()) == ([b"abc"], 0)
    transport.write(b"d")
    await asyncio.sleep(0)
    assert kernel.sent == [b"abc", b"d"]


async def test_much_goes_out_at_once_so_that_its_sender_is_told_to_wait(transport, kernel):
    transport.write(b"a")
    transport.write(bytes(64 * 1024))
    assert [len(sent) for sent in kernel.sent] == [1, 64 * 1024]
    await asyncio.sleep(0)
    assert len(kernel.sent) == 2


async def test_much_is_not_copied_and_whom_has_left_is_sent_none_of_it(transport, kernel):
    much = bytes(64 * 1024 + 1)
    transport.write(much)
    assert kernel.sent[0] is much
    kernel.closing = True
    transport.write(much)
    assert len(kernel.sent) == 1


async def test_close_sends_first(transport, kernel):
    transport.write(b"a")
    transport.close()
    assert kernel.sent == [b"a"] and kernel.closing


async def test_abort_sends_nothing(transport, kernel):
    transport.write(b"a")
    transport.abort()
    await asyncio.sleep(0)
    assert not kernel.sent and kernel.closing and not transport.get_write_buffer_size()


async def test_nothing_is_sent_to_whom_has_left_meanwhile(transport, kernel):
    transport.write(b"a")
    kernel.closing = True
    await asyncio.sleep(0)
    assert not kernel.sent


async def test_what_was_not_taken_yet_counts_as_well(transport, kernel):
    kernel.unsent = 5
    transport.write(b"a")
    assert transport.get_write_buffer_size() == 6


async def test_who_spoke_first_is_sent_first_and_what_cannot_be_sent_keeps_nobody_from_it(caplog):
    kernels = [Kernel() for _ in range(3)]
    told = []
    for kernel in kernels:
        kernel.sent = told
    kernels[0].write = None
    first, second, third = map(TurnTransport, kernels)
    first.write(b"a")
    third.write(b"b")
    second.write(b"c")
    third.write(b"d")
    await asyncio.sleep(0)
    assert told == [b"bd", b"c"]
    assert "What a turn said was not sent" in caplog.text


async def test_what_is_said_while_a_turn_is_sent_goes_out_with_the_next(transport, kernel):
    kernel.write = lambda data: (kernel.sent.append(data), data == b"a" and transport.write(b"b"))
    transport.write(b"a")
    await asyncio.sleep(0)
    assert kernel.sent == [b"a"]
    await asyncio.sleep(0)
    assert kernel.sent == [b"a", b"b"]


def test_the_turns_of_closed_loops_are_forgotten():
    async def told():
        return turn()

    turns = {asyncio.run(told()) for _ in range(3)}
    assert len(turns) == 3
    assert len(turns.intersection(_turns.values())) == 1


async def test_what_is_to_be_done_before_is_done_when_the_turn_is_over_once_and_before_anything_goes_out(
    transport, kernel
):
    transport.write(b"a")
    turn().before(lambda: kernel.sent.append(b"written down"))
    transport.write(b"b")
    assert kernel.sent == []
    await asyncio.sleep(0)
    assert kernel.sent == [b"written down", b"ab"]
    transport.write(b"c")
    await asyncio.sleep(0)
    assert kernel.sent == [b"written down", b"ab", b"c"]


@pytest.mark.parametrize(
    "says_too_much_or_the_last", [lambda transport: transport.write(bytes(64 * 1024 + 1)), TurnTransport.close]
)
async def test_what_goes_out_within_the_turn_goes_out_behind_it_too(transport, kernel, says_too_much_or_the_last):
    turn().before(lambda: kernel.sent.append(b"written down"))
    transport.write(b"a")
    says_too_much_or_the_last(transport)
    assert kernel.sent[:2] == [b"written down", b"a"]


async def test_it_is_done_also_in_a_turn_that_says_nothing():
    done = []
    turn().before(lambda: done.append(1))
    assert done == []
    await asyncio.sleep(0)
    assert done == [1]


async def test_all_else_is_the_others(transport):
    assert transport.get_extra_info("peername") == "the peername"


async def test_the_end_of_what_is_written_comes_behind_it(transport, kernel):
    kernel.write_eof = lambda: kernel.sent.append("the end")
    transport.write(b"last")
    transport.write_eof()
    await asyncio.sleep(0)
    assert kernel.sent == [b"last", "the end"]
