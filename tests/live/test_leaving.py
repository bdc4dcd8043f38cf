"""A client that leaves stops the upstream call within two seconds and pays for what was generated; one that waits is kept."""

import time

import pytest

from tests.gemini_replies import events, reply
from tests.live.answers import chat
from tests.live.conftest import Start, keys
from tests.live.gateway import SERVERS, Gateway, eventually
from tests.live.sockets import RawClient
from tests.scripted_gemini import ScriptedGemini
from tests.scripted_wire import Call

either_way = pytest.mark.parametrize("with_reset", [False, True], ids=["fin", "rst"])


def piece(number: int) -> bytes:
    usage = {"promptTokenCount": 11, "candidatesTokenCount": number, "totalTokenCount": 11 + number}
    return events(reply(f"word-{number:04} ", finish=None, usage=usage))


def assert_left(call: Call, since: float) -> None:
    assert eventually(lambda: call.left is not None, seconds=2.5), "the upstream call goes on"
    assert call.left is not None
    assert call.left - since < 2


@either_way
def test_who_leaves_after_the_third_chunk_stops_gemini_and_is_charged_what_it_counted(
    gateway: Gateway, gemini: ScriptedGemini, model: str, with_reset: bool
) -> None:
    pieces = [piece(number) for number in range(1, 1000)]
    gemini.will_stream(b"".join(pieces), slice=len(pieces[0]), delay=0.05, model=model)
    client = RawClient(gateway)
    client.ask(model, stream=True)
    client.read_until(b'"content":"word-', times=3)
    client.close(with_reset=with_reset)
    left = time.monotonic()
    (call,) = gemini.calls_of(model)
    assert_left(call, left)
    (row,) = gateway.usage_rows(model)
    assert (row["status"], row["error_code"], row["counts_from"]) == (499, "client_closed", "upstream")
    assert row["prompt_tokens"] == 11
    assert 3 <= row["completion_tokens"] < 60


@either_way
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_who_leaves_while_gemini_thinks_is_recorded_as_gone(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool, with_reset: bool
) -> None:
    """Before any byte of the answer, and before and after the headers that a keep-alive brings along."""
    _leave_while_gemini_thinks(gateway, gemini, model, stream=stream, with_reset=with_reset)
    (row,) = gateway.usage_rows(model)
    assert (row["status"], row["error_code"]) == (499, "client_closed")
    assert len(gemini.calls_of(model)) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_who_leaves_while_gemini_thinks_stops_it(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    call = _leave_while_gemini_thinks(gateway, gemini, model, stream=stream)
    assert_left(call, time.monotonic())


def _leave_while_gemini_thinks(
    gateway: Gateway, gemini: ScriptedGemini, model: str, *, stream: bool, with_reset: bool = False
) -> Call:
    gemini.will_hang(model=model)
    client = RawClient(gateway)
    client.ask(model, stream=stream)
    calls = eventually(lambda: gemini.calls_of(model))
    if stream and not with_reset:
        client.read_until(b": keep-alive")
    client.close(with_reset=with_reset)
    return calls[0]


def test_a_client_that_never_reads_is_dropped_and_its_upstream_call_closed(
    start: Start, gemini: ScriptedGemini, model: str
) -> None:
    """Neither the client's answer nor Gemini's may pile up meanwhile."""
    for server in SERVERS:
        gateway = start(server, keys(1, f"stall-{server}"), TUMBLER_STALL_SECONDS="1")
        name = f"{model}-{server}"
        block = events(reply("x" * 60_000, finish=None))
        gemini.will_stream(block * 2000, slice=len(block), model=name)
        with RawClient(gateway, receive_buffer=4096) as client:
            client.ask(name, stream=True)
            calls = eventually(lambda name=name: gemini.calls_of(name))
            assert eventually(lambda calls=calls: calls[0].left is not None, seconds=12), f"{server} waits for ever"
            (row,) = gateway.usage_rows(name)
            assert row["status"] == 499


def test_the_other_requests_of_a_connection_work_after_one_was_answered(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    """Nothing of a request's watch over its client may eat from the next request."""
    with RawClient(gateway) as client:
        for _ in range(3):
            gemini.will_answer(reply("Hello!"), model=model, delay=0.2, times=1)
            client.ask(model)
            status, _, body = client.read_response()
            assert status == 200
            assert b"Hello!" in body


# --- waiting ------------------------------------------------------------------------------------------------------


def test_a_stream_that_is_silent_gets_comments_until_its_first_byte(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_stream(events(reply("Hello!")), first=1.6, model=model)
    result = chat(gateway, model, stream=True)
    assert result.first.text == "Hello!"
    assert 2 <= result.comments <= 4
    (row,) = gateway.usage_rows(model)
    assert row["status"] == 200
    assert 1500 <= row["first_byte_ms"] <= row["total_ms"]


def test_a_stream_that_pauses_midway_gets_comments_between_its_chunks(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    body = events(reply("a", finish=None)), events(reply("b"))
    gemini.will_stream(b"".join(body), slice=len(body[1]), delay=1.3, model=model)
    result = chat(gateway, model, stream=True)
    assert (result.first.text, result.comments) == ("ab", 2)


def test_a_quick_stream_gets_no_comment(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    assert chat(gateway, model, stream=True).comments == 0


def test_a_whole_answer_may_take_its_time(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer(reply("Hello!"), delay=1.2, model=model)
    assert chat(gateway, model).first.text == "Hello!"
