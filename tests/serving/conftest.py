"""The scripted app under each real server."""

import pytest
from clients_and_servers import Server

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
    shared_server.out.clear()
    shared_server.err.clear()
    return shared_server
