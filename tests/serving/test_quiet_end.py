"""SIGTERM: accept no more, let what runs finish, then tell it, then cut it; the exit status is 0."""

import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.serving.clients_and_servers import ROOT, read_all, read_until, request


def test_a_running_stream_is_finished(start):
    server = start()
    with server.connect() as idle, server.connect() as sock:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        read_until(idle, b"}")
        sock.sendall(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        read_until(sock, b"line 0")
        server.signal()
        assert read_all(idle) == b"", "an idle connection is closed at once"
        with pytest.raises(OSError, match="refused"):
            server.connect()
        rest = read_all(sock)
    assert rest.endswith(b"line 9\n\r\n0\r\n\r\n")
    assert server.wait(5) == 0
    assert "streamed" in server.err


def test_a_request_that_just_began_is_answered_and_told_that_it_is_the_last(start):
    server = start()
    with server.connect() as sock:
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.2)
        server.signal()
        answer = read_all(sock)
    assert answer.endswith(b'"late"')
    assert b"connection: close" in answer.lower()
    assert server.wait(5) == 0


def test_a_body_on_its_way_at_the_signal_is_still_taken(start):
    server = start()
    with server.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        time.sleep(0.2)
        server.signal()
        time.sleep(0.2)
        sock.sendall(b"cd")
        answer = read_all(sock)
    if server.kind == "daphne":
        assert b'"received": 4' in answer
    assert server.wait(5) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stream_past_its_grace_is_told_and_may_settle(start, number):
    server = start(grace_seconds=1, settle_seconds=2)
    with server.connect() as sock:
        sock.sendall(request("/endless"))
        server.until_err("streaming")
        server.signal(number)
        began = time.monotonic()
        assert server.wait(6) == 0
    assert 0.8 < time.monotonic() - began < 4
    assert "settled" in server.err
    assert "told to stop" in server.err, "it saw that its client is gone; it was not cancelled"


def test_a_stream_that_listens_to_nobody_is_cut(start):
    server = start(grace_seconds=1, settle_seconds=1)
    with server.connect() as sock:
        sock.sendall(request("/stubborn"))
        server.until_err("streaming")
        server.signal()
        began = time.monotonic()
        assert server.wait(8) == 0
        assert time.monotonic() - began < 5
        assert not read_all(sock).endswith(b"0\r\n\r\n")


def test_a_second_signal_ends_the_wait(start):
    server = start(grace_seconds=60)
    with server.connect() as sock:
        sock.sendall(request("/endless"))
        server.until_err("streaming")
        server.signal()
        time.sleep(0.5)
        assert server.child.poll() is None
        server.signal()
        assert server.wait(5) == 0


def test_a_process_that_is_held_up_by_a_thread_ends_in_time_and_says_where_it_was(start):
    server = start(last_seconds=1)
    server.get("/hangs")
    began = time.monotonic()
    server.signal()
    assert server.wait(10) == 1
    assert 1 <= time.monotonic() - began < 8
    assert any("Timeout" in line for line in server.err)
    assert any("concurrent/futures/thread.py" in line for line in server.err)


def test_a_process_that_is_held_up_in_its_drain_ends_in_time_as_well(start):
    server = start(grace_seconds=0.5, settle_seconds=0.5, last_seconds=1)
    server.get("/deaf")
    server.signal()
    assert server.wait(10) in {0, 1}, "daphne waits for no task"


TOLD_IN_THE_MIDST_OF_IT = """
import signal, sys
from tumbler_site.serving.draining import begin_draining
from tumbler_site.serving.limits import Limits

left = 50

def tell_again(*_):
    global left
    if left:
        left -= 1
        signal.raise_signal(signal.SIGTERM)

signal.signal(signal.SIGTERM, lambda *_: begin_draining(Limits()))
sys.setprofile(tell_again)  # at each function that is called
begin_draining(Limits())
"""


def test_signals_that_come_in_the_midst_of_one_another_hold_nothing_up():
    done = subprocess.run([sys.executable, "-c", TOLD_IN_THE_MIDST_OF_IT], cwd=ROOT, timeout=20)
    assert done.returncode == 0


def test_a_server_without_connections_ends_at_once(start):
    server = start()
    server.get("/")
    began = time.monotonic()
    server.signal()
    assert server.wait(5) == 0
    assert time.monotonic() - began < 2


def test_a_websocket_talks_and_is_told_that_the_server_goes(start):
    server = start()
    with connect(f"ws://127.0.0.1:{server.port}/live") as live:
        live.send("hello")
        assert live.recv(5) == "hello"
        server.signal()
        with pytest.raises(ConnectionClosed):
            live.recv(5)
        assert live.close_code in {1001, 1012}
    assert server.wait(6) == 0


def test_a_websocket_message_over_the_limit_closes_it(start):
    server = start()
    with connect(f"ws://127.0.0.1:{server.port}/live", max_size=None) as live:
        live.send("x" * 100_000)
        with pytest.raises(ConnectionClosed):
            live.recv(5)
        assert live.close_code == 1009


def test_a_restart_on_a_socket_that_stays_refuses_nobody_and_cuts_nothing(start):
    """As with systemd's socket: the old process drains while the new one accepts."""
    answers, failures = [], []
    stopped = threading.Event()

    def ask_on(path, while_running):
        while while_running() or not answers:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=15) as sock:
                    sock.sendall(request(path))
                    answers.append(read_all(sock))
            except OSError as error:
                failures.append(error)

    with socket.create_server(("127.0.0.1", 0)) as passed:
        port = passed.getsockname()[1]
        old = start(passed=passed)
        assert old.port == port
        clients = [threading.Thread(target=ask_on, args=("/stream", lambda: False)) for _ in range(10)]
        clients.append(threading.Thread(target=ask_on, args=("/", lambda: not stopped.is_set())))
        for client in clients:
            client.start()
        old.until_err("streaming", times=10)
        new = start(passed=passed)
        old.signal()
        assert old.wait() == 0
        new.until(lambda: any("whole request" in line for line in new.err))
        stopped.set()
        for client in clients:
            client.join()
    assert failures == []
    assert len(answers) > 20
    assert all(b" 200 " in answer.partition(b"\r\n")[0] for answer in answers)
    assert sum(answer.endswith(b"line 9\n\r\n0\r\n\r\n") for answer in answers) == 10
