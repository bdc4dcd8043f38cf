"""The socket: what it is told, what it says of itself, who can reach it."""

import os
import socket
import subprocess
import sys

import pytest

from tests.serving.clients_and_servers import ROOT
from tumbler_site.serving.listening import CannotListen, is_loopback, listen, listen_for, url_of
from tumbler_site.serving.neighbours import waiting
from tumbler_site.serving.supervisor import worker_commands


def open_at(host, port=0, stall_seconds=30):
    return listen(host, port, backlog=4096, stall_seconds=stall_seconds)


def test_an_accepted_connection_gives_a_vanished_peer_up():
    with open_at("127.0.0.1", stall_seconds=7) as sock, socket.create_connection(sock.getsockname()):
        sock.setblocking(True)
        accepted, _ = sock.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            if sys.platform == "linux":
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "127.0.0.1")]
)
def test_its_url_is_one_that_reaches_it(host, shown):
    try:
        sock = open_at(host)
    except CannotListen:
        pytest.skip("no IPv6 on this machine")
    with sock:
        port = sock.getsockname()[1]
        assert url_of(sock) == f"http://{shown}:{port}"
        socket.create_connection((shown.strip("[]"), port)).close()


def test_a_port_may_be_taken_again_right_after_its_server_ended():
    first = open_at("127.0.0.1")
    port = first.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    first.setblocking(True)
    accepted, _ = first.accept()
    accepted.close()  # our side closes first, so the port stays in TIME_WAIT
    client.close()
    first.close()
    open_at("127.0.0.1", port).close()


def test_only_loopback_addresses_are_ones_own_machine():
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.0.2.1", "no-such-host.invalid"))


def test_a_socket_passed_by_systemd_is_taken_and_one_meant_for_another_is_not():
    """sd_listen_fds: descriptor 3, when LISTEN_PID is this process."""
    script = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_FDS'] = '1'\n"
        "os.environ['LISTEN_PID'] = str(os.getpid() + int(sys.argv[2]))\n"
        "from tumbler_site.serving.listening import listen, url_of\n"
        "print(url_of(listen('127.0.0.1', 0, backlog=10, stall_seconds=30)))\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as passed:
        expected = f"http://127.0.0.1:{passed.getsockname()[1]}"
        for offset, same in (("0", True), ("1", False)):
            done = subprocess.run(
                [sys.executable, "-c", script, str(passed.fileno()), offset],
                pass_fds=[passed.fileno()],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
            assert (done.stdout.strip() == expected) is same


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux deals connections out among sockets of one port")
def test_workers_have_a_socket_each_on_a_port_where_no_other_server_may_listen():
    first, second = listen_for(2, "127.0.0.1", 0, backlog=16, stall_seconds=30)
    with first, second:
        host, port = first.getsockname()
        assert second.getsockname() == (host, port)
        for workers in (1, 2):
            with pytest.raises(CannotListen, match=f"Port {port} on 127.0.0.1 is already in use"):
                listen_for(workers, host, port, backlog=16, stall_seconds=30)


def test_who_waits_at_the_sockets_of_neighbours_is_accepted_once():
    busy, idle = open_at("127.0.0.1"), open_at("127.0.0.1")
    with (
        busy,
        idle,
        socket.create_connection(busy.getsockname()) as one,
        socket.create_connection(busy.getsockname()) as two,
    ):
        found = list(waiting([busy, idle]))
        assert {client.getpeername() for client in found} == {one.getsockname(), two.getsockname()}
        assert [client.getblocking() for client in found] == [False, False]
        assert list(waiting([busy, idle])) == []
        for client in found:
            client.close()


def test_workers_begin_with_a_socket_of_their_own_and_know_those_of_the_others(tmp_path):
    with open_at("127.0.0.1") as one, open_at("127.0.0.1") as two:
        first, second = (str(sock.fileno()) for sock in (one, two))
        mine, theirs = str(tmp_path / "1.report"), str(tmp_path / "2.report")
        assert [command[-3:] for command in worker_commands("uvicorn", 2, [one, two], tmp_path)] == [
            [mine, first, second],
            [theirs, second, first],
        ]
        assert [command[-2:] for command in worker_commands("uvicorn", 2, [one], tmp_path)] == [
            [mine, first],
            [theirs, first],
        ]
