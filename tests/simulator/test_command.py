"""The command: one line, a free port, and an end in every way."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.simulator.asking import listening_at, said, start

HERE = Path(__file__).parents[2]


def ask(address, key="sim-alpha-1"):
    return httpx.post(
        f"{address}/v1beta/models/gemini-3.8-flash:generateContent",
        json=said("hi"),
        headers={"x-goog-api-key": key},
        trust_env=False,
    )


def test_it_ends_with_its_standard_input():
    with start() as process:
        address = listening_at(process)
        assert ask(address).status_code == 200
        process.stdin.close()
        assert process.wait(5) == 0
        assert process.stdout.read() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(number):
    with start() as process:
        listening_at(process)
        process.send_signal(number)
        assert process.wait(5) == 0


def test_a_signal_ends_it_while_a_request_hangs():
    with start() as process:
        host, port = listening_at(process).removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            head = b"POST /v1beta/models/gemini-3.8-flash--hang:generateContent?key=sim-a HTTP/1.1\r\nhost: x\r\n"
            body = b'{"contents":[{"parts":[{"text":"hi"}]}]}'
            connection.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
            time.sleep(0.1)
            process.terminate()
            assert process.wait(5) == 0


def test_flat_limits_hold_for_every_project():
    with start("--rpm", "1") as process:
        address = listening_at(process)
        keys = ("sim-alpha-1", "sim-alpha-2", "sim-paid-beta-1", "sim-paid-beta-2")
        assert [ask(address, key).status_code for key in keys] == [200, 429, 200, 429]
        process.stdin.close()


def test_delays_apply_to_every_answer():
    with start("--first-byte-delay", "150") as process:
        address = listening_at(process)
        begun = time.monotonic()
        ask(address)
        assert time.monotonic() - begun >= 0.15
        process.stdin.close()


def test_a_taken_port_is_said():
    with start() as process:
        port = listening_at(process).rpartition(":")[2]
        second = subprocess.run(
            [sys.executable, "-m", "compat.simulator", "--port", port], cwd=HERE, capture_output=True, timeout=10
        )
        process.stdin.close()

    assert second.returncode != 0
    assert second.stdout == b""
    assert second.stderr == f"fakegemini cannot listen on 127.0.0.1:{port}\n".encode()


def test_the_management_command_is_the_same(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "fakegemini", "--port", "0", "--until-stdin-closes"],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": "", "TUMBLER_DATA_DIR": str(tmp_path)},
    )
    with process:
        assert ask(listening_at(process)).status_code == 200
        process.stdin.close()
        assert process.wait(5) == 0


def test_the_help_lists_the_faults():
    shown = subprocess.run(
        [sys.executable, "-m", "compat.simulator", "--help"], cwd=HERE, capture_output=True, text=True, check=True
    ).stdout

    assert "--until-stdin-closes" in shown
    assert "cutbefore" in shown
    assert "suspended" in shown
