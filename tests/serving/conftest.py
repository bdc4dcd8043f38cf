"""The scripted app under each real server, and the site's own commands."""

import pytest

from tests.once import new_site
from tests.serving.clients_and_servers import Server, Site

KINDS = ["daphne", "uvicorn"]


@pytest.fixture(params=KINDS)
def start(request):
    """start(stall_seconds=1, …) runs the scripted app under each server with these limits."""
    servers = []

    def start_server(**limits):
        servers.append(Server(request.param, **limits))
        return servers[-1]

    yield start_server
    for server in servers:
        server.close()


@pytest.fixture(scope="module", params=KINDS)
def shared_server(request):
    server = Server(request.param)
    yield server
    server.close()


@pytest.fixture
def server(shared_server):
    """A server with the usual limits, shared by the tests of a module; what it said to earlier ones is forgotten."""
    # Its lines come by a thread of their own, maybe late: this one is behind them all.
    shared_server.get("/a-test-begins")
    shared_server.until_err("whole request /a-test-begins")
    shared_server.out.clear()
    shared_server.err.clear()
    return shared_server


@pytest.fixture
def site(tmp_path):
    """site("serve", …, NAME="value") runs a command on the data directory `tmp_path / "data"`."""
    started = []

    def start_site(*command, **variables):
        started.append(Site(tmp_path / "data", *command, **variables))
        return started[-1]

    yield start_site
    for one in started:
        one.close()


@pytest.fixture
def migrated_site(site, migrated, tmp_path):
    """The same on a database that has its tables already."""
    new_site(tmp_path / "data", migrated)
    return site
