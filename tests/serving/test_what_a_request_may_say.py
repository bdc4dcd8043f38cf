"""Requests that servers, proxies and apps could read differently: refused as JSON, or read in one way."""

import json
import socket
import time
from email.utils import parsedate_to_datetime

import pytest

from tests.serving.clients_and_servers import body_of, read_all, read_until, request

SMUGGLED = [
    ("Content-Length: 4", "Content-Length: 5"),
    ("Content-Length: 4, 4",),
    ("Content-Length: +4",),
    ("Content-Length: -1",),
    ("Content-Length: 4x",),
    ("Content-Length: 4", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding: xchunked",),
    ("X-A : b",),
    ("no colon",),
    ("X-A: b\r\n c",),
    ("X-A: b\r\n\tContent-Length: 4",),
    ("Content-Length:\r\n 4",),
    ("Transfer-Encoding:\r\n chunked",),
    ("Authorization: Bearer a\r\n b",),
]


def assert_refused(answer):
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert body_of(answer)["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("headers", SMUGGLED, ids=" | ".join)
def test_a_request_of_doubtful_shape_is_refused(server, headers):
    assert_refused(server.say(request("/", *headers, method="POST") + b"abcd\r\n"))
    assert not any("whole request" in line for line in server.err)


@pytest.mark.parametrize("head", ["GET / HTTP/1.1\r\n X-A: b\r\nHost: a", "GET / HTTP/1.1\r\nHost: a\r\n evil"])
def test_neither_the_request_line_nor_the_host_goes_on_in_the_next_line(server, head):
    assert_refused(server.say(f"{head}\r\nConnection: close\r\n\r\n".encode()))


def test_a_request_line_that_is_none_is_refused(server):
    assert_refused(server.say(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"))


@pytest.mark.parametrize(
    "behind",
    [b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
    ids=["no request", "a WebSocket"],
)
def test_what_is_refused_behind_a_request_is_no_part_of_its_answer(server, behind):
    with server.connect() as sock:
        sock.sendall(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        begun = read_until(sock, b"line 0")
        sock.sendall(behind)
        told = begun + read_all(sock)
    assert told.count(b"HTTP/1.1 ") == 1 or told.partition(b"0\r\n\r\n")[2].startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(
    "hosts", [[], ["Host: a", "Host: b"], ["Host: a", "Host: a"]], ids=["none", "two", "twice the same"]
)
def test_a_request_has_exactly_one_host(server, hosts):
    said = "\r\n".join(["GET / HTTP/1.1", *hosts, "Connection: close", "", ""]).encode()
    assert_refused(server.say(said))
    assert b" 400 " in server.say(said.replace(b"HTTP/1.1", b"HTTP/1.0")).partition(b"\r\n")[0]


@pytest.mark.parametrize("root", ["/v1", "//evil.com", "/%ff", "\xff"])
def test_no_header_moves_the_root_of_the_site(server, root):
    seen = body_of(server.say(request("/v1/models", f"Daphne-Root-Path: {root}")))
    assert (seen["path"], seen["root_path"]) == ("/v1/models", "")
    if server.kind == "daphne":
        assert "daphne-root-path" not in seen["headers"]
    seen = body_of(server.say(request("//evil.com/v1")))
    assert (seen["path"], seen["root_path"]) == ("//evil.com/v1", "")


def test_three_requests_at_once_are_answered_in_order(server):
    one, two, three = (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % name for name in (b"one", b"two", b"three"))
    said = server.say(one + two + three.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    places = [said.index(b'"path": "/%s"' % name) for name in (b"one", b"two", b"three")]
    assert places == sorted(places)


def test_half_a_close_is_a_disconnect(server):
    """A client that shuts its writing side is taken for gone, as docs/operations.md says."""
    with server.connect() as sock:
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == b""
    server.until_err("left")


def test_headers_beyond_reason_are_refused(server):
    assert_refused(server.say(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 200_000))
    assert_refused(server.say(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Many: xxxxxxxxxxxxxxxxx\r\n" * 10_000))
    assert server.get("/")[0] == 200


def test_a_value_with_a_control_character_is_refused(server):
    assert_refused(server.say(request("/", "X-A: a\x0bb")))
    assert_refused(server.say(request("/", "X-A: a\x00b")))


def test_nothing_of_a_query_string_is_written_anywhere(start):
    server = start()
    server.get("/v1/models?key=not-for-the-log")
    server.get("/prints")
    server.signal()
    assert server.wait() == 0
    assert "not-for-the-log" not in "\n".join(server.out + server.err)


def test_what_the_app_prints_is_still_printed(server):
    """Twisted would take standard output over."""
    assert server.get("/prints") == (200, "ok")
    server.until_out("printed by the app")


def test_answers_do_not_name_the_server(server):
    head = server.say(request("/")).partition(b"\r\n\r\n")[0].lower()
    assert b"\r\nserver:" not in head
    assert json.dumps(server.kind).encode() not in head


@pytest.mark.parametrize("path", ["/", "/missing"])
def test_an_answer_tells_its_date_once(server, path):
    head = server.say(request(path)).partition(b"\r\n\r\n")[0].lower()
    [date] = [line[6:] for line in head.split(b"\r\n") if line.startswith(b"date: ")]
    assert abs(parsedate_to_datetime(date.decode()).timestamp() - time.time()) < 10
