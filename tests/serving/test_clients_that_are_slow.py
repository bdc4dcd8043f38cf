"""Clients that send or read slowly, or not at all: memory stays flat and their connection has an end."""

import contextlib
import http.client
import time

import pytest

from tests.serving.clients_and_servers import read_all, read_until, request

MB = 1_000_000


def test_a_client_that_never_reads_costs_no_memory_and_is_cut(start):
    server = start(stall_seconds=1)
    before = server.state()["rss"]
    with server.connect(receive_buffer=4096) as sock:
        sock.sendall(request("/flood"))
        ended = server.until_err("flood ended", seconds=8)
        assert int(ended.split()[-1]) < 2 * MB
        assert server.state()["rss"] - before < 4 * MB
        assert not read_all(sock).endswith(b"0\r\n\r\n")
    server.until_err("took nothing of its answer")


def test_a_client_that_reads_slowly_but_reads_gets_everything(start):
    """The answer of 6 MB leaves the app at once; it is cut by neither the idle limit nor the stall limit."""
    server = start(stall_seconds=1, idle_seconds=1)
    with server.connect(receive_buffer=65536) as sock:
        sock.sendall(request("/large"))
        received = len(read_until(sock, b"\r\n\r\n").partition(b"\r\n\r\n")[2])
        began = time.monotonic()
        while chunk := sock.recv(250_000):
            received += len(chunk)
            time.sleep(len(chunk) / 2_000_000)
    assert time.monotonic() - began > 2.5
    assert received == 6 * MB


def test_a_stream_arrives_byte_for_byte_however_it_is_read(server):
    """Each piece is written at once if the socket takes it, in part if it takes a part, later if it is full."""
    expected = b"".join(b"%d," % number * (number * 37 % 1000) for number in range(3000))
    with server.connect(receive_buffer=8192) as sock:
        sock.sendall(request("/numbered"))
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        received = b""
        while piece := answer.read(200_000):
            received += piece
            time.sleep(0.005)
    assert received == expected


@pytest.mark.parametrize(
    "trickle",
    [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100, b""],
    ids=["a byte at a time", "nothing at all"],
)
def test_headers_that_never_end_are_given_up(start, trickle):
    server = start(head_seconds=0.5)
    assert_given_up(server, b"", trickle)


def test_a_body_that_never_ends_is_given_up(start):
    server = start(body_seconds=0.5)
    assert_given_up(server, request("/", "Content-Length: 1000", method="POST"), b"x" * 100)


def assert_given_up(server, begin, trickle):
    began = time.monotonic()
    with server.connect() as sock:
        sock.settimeout(0.1)
        sock.sendall(begin)
        bytes_left = list(trickle)
        while time.monotonic() - began < 8:
            try:
                if bytes_left:
                    sock.sendall(bytes([bytes_left.pop(0)]))
                if not sock.recv(1000):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    assert time.monotonic() - began < 4


def test_a_body_that_comes_in_time_earns_more_time(start):
    server = start(body_seconds=0.5, body_rate=10_000)
    with server.connect() as sock:
        sock.sendall(request("/", "Content-Length: 100000", method="POST"))
        for _ in range(10):
            time.sleep(0.25)
            sock.sendall(b"x" * 10_000)
        assert b'"received": 100000' in read_all(sock)


@pytest.mark.parametrize("whole_head", [True, False])
def test_what_comes_behind_slow_answers_has_its_time_when_they_are_out(start, whole_head):
    """Nothing is read meanwhile, so that nothing can be late."""
    server = start(body_seconds=1, head_seconds=1)
    sent, rest = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n", b"\r\n1234567890"
    if whole_head:
        sent, rest = sent + rest[:5], rest[5:]
    with server.connect() as sock:
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" * 3 + sent)
        told = b""
        while told.count(b'"late"') < 3:
            told += read_until(sock, b'"late"')
        sock.sendall(rest)
        assert b'"received": 10' in read_until(sock, b"}")


def test_an_idle_connection_is_closed(start):
    server = start(idle_seconds=1, head_seconds=1)
    with server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        read_until(sock, b"}")
        began = time.monotonic()
        assert read_all(sock) == b""
        assert time.monotonic() - began < 4


def test_a_connection_whose_body_came_behind_the_answer_is_closed_as_well(start):
    server = start(idle_seconds=1)
    with server.connect() as sock:
        sock.sendall(b"POST /prints HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")
        time.sleep(0.3)
        sock.sendall(b"67890")
        read_until(sock, b'"ok"')
        began = time.monotonic()
        assert read_all(sock) == b""
        assert time.monotonic() - began < 4


def test_requests_ahead_of_their_answers_cost_no_memory(start):
    server = start()
    before = server.state()["rss"]
    ahead = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" * 200_000
    with server.connect() as sock, contextlib.suppress(TimeoutError, ConnectionError):
        sock.settimeout(2)
        while ahead:
            ahead = ahead[sock.send(ahead) :]
    assert server.state()["rss"] - before < 40 * MB


def test_every_request_of_a_connection_hears_that_the_client_has_left(start):
    server = start()
    with server.connect() as sock:
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        time.sleep(0.2)
    server.until_err("left", seconds=2)


def test_a_connection_may_rest_between_two_requests(start):
    """The deadline for headers counts from the first byte of a request, not from the answer before."""
    server = start(head_seconds=0.5, idle_seconds=5)
    with server.connect() as sock:
        for _ in range(2):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            read_until(sock, b"}")
            time.sleep(1.2)
        sock.sendall(request("/"))
        assert b"200" in read_all(sock)
