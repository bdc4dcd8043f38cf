"""Real servers in processes of their own, and clients that say exactly what they are told to say."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


class Process:
    """A child process whose output is kept, and that is gone when the test is."""

    def __init__(self, command, **options):
        self.child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options
        )
        self.out, self.err = [], []
        self.readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.child.stdout, self.out), (self.child.stderr, self.err))
        ]
        for reader in self.readers:
            reader.start()

    def _read(self, stream, lines):
        with stream:
            for line in stream:
                lines.append(line.rstrip("\n"))

    def until(self, holds, seconds=10):
        """Wait until `holds()` is true and give its value."""
        deadline = time.monotonic() + seconds
        while not (value := holds()):
            if time.monotonic() > deadline:
                raise AssertionError("\n".join(["It did not come. Output:", *self.out, *self.err]))
            time.sleep(0.02)
        return value

    def until_out(self, text, seconds=20):
        return self.until(lambda: next((line for line in self.out if text in line), None), seconds)

    def until_err(self, text, times=1, seconds=10):
        def found():
            lines = [line for line in self.err if text in line]
            return lines[times - 1] if len(lines) >= times else None

        return self.until(found, seconds)

    def signal(self, number=signal.SIGTERM):
        self.child.send_signal(number)

    def wait(self, seconds=20):
        """The exit status."""
        status = self.child.wait(seconds)
        for reader in self.readers:
            reader.join(5)
        return status

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.wait()


AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.argv[2], sys.argv[2:], {**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
"""


class Server(Process):
    """scripted_server.py under one of the servers."""

    def __init__(self, kind, passed=None, **limits):
        """`passed` is a socket that it gets as systemd would pass it."""
        command = [sys.executable, str(HERE / "scripted_server.py"), kind, json.dumps(limits)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if passed is not None:
            command = [sys.executable, "-c", AS_SYSTEMD, str(passed.fileno()), *command]
            super().__init__(command, env=environment, pass_fds=[passed.fileno()])
        else:
            super().__init__(command, env=environment)
        self.kind = kind
        self.port = int(self.until(lambda: self.out and self.out[0]))
        self.state()  # it listens before it runs; now it runs

    def connect(self, receive_buffer=None):
        """A raw connection; a small receive buffer makes a client that does not read felt sooner."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(15)
        try:
            sock.connect(("127.0.0.1", self.port))
        except OSError:
            sock.close()
            raise
        return sock

    def say(self, data):
        """Send these bytes on a connection of their own; everything that came back until it was closed or fell silent."""
        with self.connect() as sock:
            sock.sendall(data)
            return read_all(sock)

    def get(self, path, **headers):
        """(status, body as JSON) by the standard library's client."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def state(self):
        return self.get("/state")[1]


def read_all(sock):
    """Everything until the peer closes; a reset counts as a close."""
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def read_until(sock, mark):
    data = b""
    while mark not in data:
        chunk = sock.recv(65536)
        assert chunk, f"closed after {data!r}"
        data += chunk
    return data


def request(path="/", *headers, method="GET"):
    """The bytes of a request with a Host header and these others, and `Connection: close`."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode("latin1")


def body_of(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def clean_environment(data_dir, **variables):
    """This process's environment without anything that would steer the site, and with these variables."""
    steering = ("GEMINI_", "TUMBLER_", "DJANGO_", "DATABASE_URL", "REDIS_URL", "DEFAULT_MODEL", "HOST", "PORT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return {**kept, "TUMBLER_DATA_DIR": str(data_dir), "TUMBLER_DATABASE_SECONDS": "10", **variables}


class Site(Process):
    """`manage.py COMMAND …` on a data directory of its own."""

    def __init__(self, data_dir, *command, cwd="/", **variables):
        environment = clean_environment(data_dir, **variables)
        super().__init__([sys.executable, str(ROOT / "manage.py"), *command], env=environment, cwd=cwd)

    def url(self):
        """Where it serves, once it does."""
        line = self.until_out("Serving http")
        return line.split()[1]

    def ask(self, path, token="", body=None):
        """(status, headers, text) of one request to the served site."""
        host, port = self.url().removeprefix("http://").removesuffix("/v1").rsplit(":", 1)
        connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=20)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
            data = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, data, headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()


def first_run(data_dir):
    """What first-run.txt says, by name."""
    lines = (Path(data_dir) / "first-run.txt").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)
