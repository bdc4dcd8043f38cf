"""Whatever the upstream does, the client gets an answer or an error of the contract's, in time, and never a truncated success.

The rows are those of the table of upstream faults in which sockets and servers have a part: network, silence, cuts, size,
redirects, trickles. The others, and what each door makes of all of them, are in tests/doors.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from tests.gemini_replies import events, reply
from tests.live.answers import Result, chat
from tests.live.conftest import Start, keys
from tests.live.gateway import Gateway, eventually
from tests.scripted_gemini import ScriptedGemini
from tests.scripted_wire import Call, Wire

both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
HELLO = reply("Hello!")
IMPATIENT = {
    "TUMBLER_CONNECT_SECONDS": "1",
    "TUMBLER_FIRST_BYTE_SECONDS": "1",
    "TUMBLER_IDLE_SECONDS": "1",
    "TUMBLER_TOTAL_SECONDS": "2.5",
    "TUMBLER_KEY_DEADLINE_SECONDS": "2",
}


@pytest.fixture(scope="module")
def impatient_ones() -> dict[str, Gateway]:
    return {}


@pytest.fixture
def impatient(gateway: Gateway, impatient_ones: dict[str, Gateway], start_for_good: Start) -> Gateway:
    """A gateway with short time limits, under each server."""
    if gateway.server not in impatient_ones:
        impatient_ones[gateway.server] = start_for_good(gateway.server, keys(3, "hurry"), **IMPATIENT)
    return impatient_ones[gateway.server]


def will(gemini: ScriptedGemini, model: str, body: bytes, *, stream: bool, **how: Any) -> None:
    """The same bytes as a whole answer or as a stream."""
    if stream:
        gemini.will_stream(body, model=model, **how)
    else:
        gemini.will_answer(body, model=model, **how)


def assert_broken(result: Result, code: str = "upstream_error", *statuses: int) -> None:
    """An error status before anything was sent, else an error event and no [DONE]."""
    assert result.error is not None, result.response.text[-500:]
    assert (result.error["code"], result.error["type"]) == (code, "server_error")
    assert not result.done
    assert result.status in (statuses or (502,)) or (result.status == 200 and result.response.text)


# --- the network ---------------------------------------------------------------------------------------------------


@contextmanager
def listening(*, backlog: int = 5) -> Iterator[str]:
    """A port that takes connections and never says a word."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(backlog)
        yield f"127.0.0.1:{sock.getsockname()[1]}"


@pytest.mark.parametrize("fault", ["refused", "no such name", "certificate of nobody", "silent TLS"])
def test_an_upstream_that_cannot_be_reached_is_a_503_within_the_limits(
    start: Start, model: str, fault: str, tls_server: str
) -> None:
    with listening() as silent:
        upstream = {
            "refused": "http://127.0.0.1:9",
            "no such name": "http://gemini.invalid",
            "certificate of nobody": f"https://{tls_server}",
            "silent TLS": f"https://{silent}",
        }[fault]
        gateway = start("uvicorn", keys(2, "lost"), upstream, **IMPATIENT)
        for stream in (False, True):
            began = time.monotonic()
            result = chat(gateway, model, stream=stream)
            assert time.monotonic() - began < 6
            assert result.error["code"] in ("upstream_unavailable", "upstream_timeout")
            assert "127.0.0.1" not in result.response.text
            assert "gemini.invalid" not in result.response.text
        assert not gateway.disabled()
        assert {row["status"] for row in gateway.usage_rows(model, 2)} <= {503, 504}


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A TLS server whose certificate nobody signed."""
    import ssl

    certificate = tmp_path_factory.mktemp("tls") / "self-signed.pem"
    certificate.write_bytes(_self_signed())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(16)

        def serve() -> None:
            while True:
                try:
                    peer, _ = sock.accept()
                except OSError:
                    return
                with peer, pytest.raises((ssl.SSLError, OSError)):
                    peer.settimeout(3)
                    context.wrap_socket(peer, server_side=True).recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def _self_signed() -> bytes:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


# --- silence -------------------------------------------------------------------------------------------------------


@both_ways
def test_an_upstream_that_never_answers_is_a_504_or_an_error_event_in_time(
    impatient: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    gemini.will_hang(model=model)
    began = time.monotonic()
    result = chat(impatient, model, stream=stream)
    assert time.monotonic() - began < 5
    assert_broken(result, "upstream_timeout", 504)
    assert stream == (result.comments > 0)
    (row,) = impatient.usage_rows(model)
    assert (row["status"], row["error_code"]) == (504, "upstream_timeout")


@both_ways
def test_a_stall_midway_is_a_504_or_an_error_event(
    impatient: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    begun = events(reply("Hel", finish=None))
    if stream:
        gemini.will_stream(begun, cut_after=len(begun), cut="hang", model=model)
    else:
        gemini.will_stream(json.dumps(HELLO).encode(), cut_after=40, cut="hang", framing="length", model=model)
    result = chat(impatient, model, stream=stream)
    assert_broken(result, "upstream_timeout", 504)
    if stream:
        assert result.first.text == "Hel"
        assert result.first.finish is None
        (row,) = impatient.usage_rows(model)
        assert (row["status"], row["error_code"]) == (504, "upstream_timeout")
        assert row["prompt_tokens"] == 7


def test_a_trickle_ends_at_the_total_limit(impatient: Gateway, gemini: ScriptedGemini, model: str) -> None:
    """A byte now and then keeps every idle limit from firing."""
    for stream in (False, True):
        name = f"{model}-{stream}"
        body = events(HELLO) if stream else json.dumps(HELLO).encode()
        gemini.will_stream(body, slice=1, delay=0.3, model=name)
        began = time.monotonic()
        result = chat(impatient, name, stream=stream)
        assert time.monotonic() - began < 9
        assert_broken(result, "upstream_timeout", 504)


# --- cuts ----------------------------------------------------------------------------------------------------------


@both_ways
@pytest.mark.parametrize("cut", ["fin", "rst"])
@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_a_cut_midway_is_never_taken_for_the_end(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool, cut: str, framing: str
) -> None:
    if stream:
        begun, rest = events(reply("Hel", finish=None)), events(reply("lo!"))
        gemini.will_stream(begun + rest, cut_after=len(begun) + 30, cut=cut, framing=framing, model=model)
    else:
        gemini.will_stream(json.dumps(HELLO).encode(), cut_after=60, cut=cut, framing=framing, model=model)
    result = chat(gateway, model, stream=stream)
    assert_broken(result)
    if stream:
        assert (result.first.text, result.first.finish) == ("Hel", None)
        (row,) = gateway.usage_rows(model)
        assert (row["status"], row["error_code"], row["prompt_tokens"]) == (502, "upstream_error", 7)


def test_a_stream_that_ends_between_two_events_without_a_finish_reason_is_a_cut(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    """With a close-delimited body nothing else tells a cut from an end."""
    for framing in ("close", "chunked", "length"):
        name = f"{model}-{framing}"
        gemini.will_stream(events(reply("Hel", finish=None)), framing=framing, model=name)
        result = chat(gateway, name, stream=True)
        assert_broken(result)
        assert result.first.text == "Hel"


def test_a_chunked_stream_without_its_last_chunk_is_a_cut(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_stream(events(reply("Hel", finish=None)), terminator=False, model=model)
    assert_broken(chat(gateway, model, stream=True))


@both_ways
def test_a_connection_cut_before_the_answer_is_tried_again(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    for with_reset in (False, True):
        gemini.will_cut(with_reset=with_reset, model=model, times=1)
        assert chat(gateway, model, stream=stream).status == 200
    gemini.will_cut(model=model)
    assert chat(gateway, model, stream=stream).error["code"] in ("upstream_unavailable", "upstream_error")


# --- events --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, 1, 7], ids=["whole", "1", "7"])
def test_every_legal_way_to_write_an_event_is_read(
    one_gateway: Gateway, gemini: ScriptedGemini, model: str, size: int | None
) -> None:
    a, b, c, d = (json.dumps(reply(text, finish="STOP" if text == "d" else None)).encode() for text in "abcd")
    many_lines = b"\n".join(b"data: " + line for line in json.dumps(json.loads(b), indent=1).encode().split(b"\n"))
    body = (
        b"\xef\xbb\xbf: a comment\n\n"
        b"data:" + a + b"\n\n"  # no space
        + many_lines + b"\n\n"
        b"event: message\rid: 7\rretry: 10\rdata: " + c + b"\r\r"  # bare CR
        b": another comment\r\n\r\n"
        b"data: " + d  # no blank line at the end
    )  # fmt: skip
    gemini.will_stream(body, slice=size, model=model)
    result = chat(one_gateway, model, stream=True)
    assert (result.first.text, result.done) == ("abcd", True)


# --- size ----------------------------------------------------------------------------------------------------------


def memory_of(gateway: Gateway) -> int:
    return psutil.Process(gateway.process.pid).memory_info().rss


@both_ways
def test_an_answer_beyond_all_measure_is_a_502_and_costs_little_memory(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    """200 MB in one event or one object: reading stops long before."""

    async def flood(call: Call, wire: Wire) -> None:
        block = b"x" * 1_000_000
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
        await wire.send((b"data: " if stream else b"") + b'{"candidates": [{"content": {"parts": [{"text": "')
        for _ in range(200):
            await wire.send(block)

    before = memory_of(gateway)
    gemini.will(flood, model=model)
    assert_broken(chat(gateway, model, stream=stream))
    assert memory_of(gateway) - before < 150_000_000
    assert eventually(lambda: all(call.left is not None for call in gemini.calls_of(model)))


@both_ways
def test_an_answer_in_gzip_is_not_unpacked(gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool) -> None:
    before = memory_of(gateway)
    bomb = json.dumps(reply("x" * 60_000_000)).encode()
    gemini.will_zip(b"data: " + bomb + b"\n\n" if stream else bomb, model=model)
    assert_broken(chat(gateway, model, stream=stream))
    assert memory_of(gateway) - before < 32_000_000
    assert gemini.calls_of(model)[0].headers["accept-encoding"] == "identity"


@both_ways
def test_a_long_answer_is_passed_on_whole(gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool) -> None:
    text = "0123456789abcdef" * 200_000
    body = events(reply(text)) if stream else json.dumps(reply(text)).encode()
    will(gemini, model, body, stream=stream)
    assert chat(gateway, model, stream=stream).first.text == text


# --- elsewhere -----------------------------------------------------------------------------------------------------


@both_ways
@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_not_followed_and_the_key_stays_here(
    gateway: Gateway, gemini: ScriptedGemini, model: str, status: int, stream: bool
) -> None:
    elsewhere = ScriptedGemini()
    try:
        target = f"{elsewhere.url}/v1beta/models/{model}:generateContent"
        gemini.will_redirect(target, status, model=model)
        assert_broken(chat(gateway, model, stream=stream))
        assert not elsewhere.calls
        assert elsewhere.connections == 0
    finally:
        elsewhere.close()
    assert not gateway.disabled()


# --- candidates ----------------------------------------------------------------------------------------------------


@both_ways
def test_one_blocked_choice_of_two_leaves_the_other(
    one_gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    both = reply("Hello!")
    both["candidates"].append({"finishReason": "SAFETY", "index": 1})
    will(gemini, model, events(both) if stream else json.dumps(both).encode(), stream=stream)
    result = chat(one_gateway, model, stream=stream, n=2)
    assert [choice.finish for choice in result.choices] == ["stop", "content_filter"]
    assert [choice.text for choice in result.choices] == ["Hello!", ""]
    assert result.choices[1].refusal
