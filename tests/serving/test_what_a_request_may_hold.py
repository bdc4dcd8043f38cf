"""Bodies over the limit, declared or not: refused at once, with little held, and the app never asked."""

import http.client
import json
import socket
import threading
import time

from tests.serving.clients_and_servers import body_of, read_all, read_until, request

MB = 1_000_000


def assert_too_large(answer):
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\naccess-control-allow-origin: *\r\n" in answer.lower(), "a page's script has to be told as well"
    assert b"\r\nx-request-id: req_" in answer.lower()
    error = body_of(answer)["error"]
    assert error["code"] == "request_too_large"
    assert error["type"] == "invalid_request_error"


def test_a_body_declared_too_long_is_refused_while_it_is_still_being_sent(server):
    before = server.state()["rss"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    began = time.monotonic()
    connection.request("POST", "/v1/chat/completions", body=b"x" * 25 * MB)
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["error"]["code"] == "request_too_large"
    assert time.monotonic() - began < 3
    assert server.state()["rss"] - before < 8 * MB
    assert not any("whole request" in line for line in server.err)


def test_an_absurd_length_is_refused_before_any_body_comes(server):
    answer = server.say(request("/", "Content-Length: 9999999999999999999", method="POST"))
    assert_too_large(answer)
    beyond = server.say(request("/", "Content-Length: 99999999999999999999", method="POST"))
    assert beyond.split()[1] in {b"413", b"400"}
    assert body_of(beyond)["error"]["message"]


def test_an_endless_chunked_body_is_refused_and_cut(start):
    server = start(max_body_bytes=MB, linger_seconds=1)
    before = server.state()["rss"]
    with server.connect() as sock:
        sock.sendall(request("/", "Transfer-Encoding: chunked", method="POST"))
        stopped = threading.Event()

        def send_on():
            piece = b"10000\r\n" + b"z" * 65536 + b"\r\n"
            try:
                while not stopped.is_set():
                    sock.sendall(piece)
            except OSError:
                stopped.set()

        sender = threading.Thread(target=send_on)
        sender.start()
        assert_too_large(read_until(sock, b"}}"))
        assert stopped.wait(6), "the server reads on for ever"
        sender.join()
    assert server.state()["rss"] - before < 8 * MB
    assert not any("whole request" in line for line in server.err)


def test_a_body_of_exactly_the_limit_is_taken(start):
    server = start(max_body_bytes=100_000)
    whole = server.say(request("/", "Content-Length: 100000", method="POST") + b"x" * 100_000)
    assert body_of(whole)["received"] == 100_000
    chunked = (
        request("/", "Transfer-Encoding: chunked", method="POST") + b"186a0\r\n" + b"x" * 100_000 + b"\r\n0\r\n\r\n"
    )
    assert body_of(server.say(chunked))["received"] == 100_000
    one_more = (
        request("/", "Transfer-Encoding: chunked", method="POST") + b"186a1\r\n" + b"x" * 100_001 + b"\r\n0\r\n\r\n"
    )
    assert_too_large(server.say(one_more))
    assert sum("whole request" in line for line in server.err) == 2, "the app never saw the third as whole"


def test_a_client_that_waits_for_100_continue_is_refused_without_it(server):
    expecting = ("Expect: 100-continue", "Content-Length: 30000000")
    assert_too_large(server.say(request("/", *expecting, method="POST")))
    with server.connect() as sock:
        sock.sendall(request("/", "Expect: 100-continue", "Content-Length: 2", method="POST"))
        assert read_until(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 100 Continue")
        sock.sendall(b"hi")
        assert body_of(read_all(sock))["received"] == 2


def test_a_client_that_leaves_with_half_a_body_leaves_nothing_behind(server):
    base = server.state()
    for _ in range(20):
        with server.connect() as sock:
            sock.sendall(request("/", "Content-Length: 1000", method="POST") + b"x" * 500)
        with server.connect() as sock:
            sock.sendall(request("/", "Transfer-Encoding: chunked", method="POST") + b"5\r\nabc")
            sock.shutdown(socket.SHUT_RDWR)
    server.until(lambda: left_over(server.state(), base) <= 1)
    assert not any("whole request" in line for line in server.err)


def left_over(state, base):
    return sum(max(0, state[name] - base[name]) for name in ("fds", "tasks", "connections"))
