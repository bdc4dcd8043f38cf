"""Clients of other makers in front of a running server, and the scripted Gemini behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.running import JAVASCRIPT, installed_by_npm, installed_by_pip
from tests.live.conftest import Start, every_gateway, gemini, keys, model, start_for_good, upstream
from tests.live.gateway import Gateway, simulated_gemini

__all__ = ["every_gateway", "gemini", "model", "start_for_good", "upstream"]


@pytest.fixture(scope="session")
def gateway(start_for_good: Start) -> Gateway:
    """A server with three keys that no test spoils."""
    return start_for_good("uvicorn", keys(3, "clients"))


@pytest.fixture(scope="session")
def talking_gateway(start_for_good: Start) -> Iterator[Gateway]:
    """A server before the simulator, which speaks, hears and judges."""
    with simulated_gemini() as url:
        yield start_for_good("uvicorn", ["sim-paid-clients-a", "sim-paid-clients-b"], url)


@pytest.fixture(scope="session")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of tests/js beside their packages."""
    directory = installed_by_npm(JAVASCRIPT / "package.json", tmp_path_factory.mktemp("js"))
    for program in JAVASCRIPT.glob("*.mjs"):
        (directory / program.name).write_bytes(program.read_bytes())
    return directory


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the Agents SDK and LiteLLM."""
    return installed_by_pip(tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="session")
def coding_agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with Codex, Claude Code and Gemini CLI."""
    return installed_by_npm(JAVASCRIPT / "agents" / "package.json", tmp_path_factory.mktemp("agents"))
