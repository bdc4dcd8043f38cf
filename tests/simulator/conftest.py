"""A simulator in this process over httpx, and one as a server of its own."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from compat.simulator.app import Simulator, simulator
from compat.simulator.quotas import Quotas
from tests.simulator.asking import Asking, SetClock, listening_at, start


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def gemini(clock: SetClock) -> AsyncIterator[Asking]:
    """No limits, a clock that stands still, and its record of calls."""
    async with _in_process(simulator(clock=clock, control=True)) as asking:
        yield asking


@pytest.fixture
async def limited(clock: SetClock) -> AsyncIterator[Asking]:
    """The same with the default quotas."""
    async with _in_process(simulator(Quotas(), clock, control=True)) as asking:
        yield asking


class _in_process:
    def __init__(self, app: Simulator) -> None:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        self.asking = Asking(httpx.AsyncClient(transport=transport, base_url="http://gemini"), app)

    async def __aenter__(self) -> Asking:
        return self.asking

    async def __aexit__(self, *error: object) -> None:
        await self.asking.client.aclose()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a simulator process."""
    with start("--control", "--quota", "unlimited") as process:
        yield listening_at(process)
        process.stdin.close()
        process.wait(10)


@pytest.fixture
async def over_tcp(server: str) -> AsyncIterator[Asking]:
    async with httpx.AsyncClient(base_url=server, trust_env=False) as client:
        await client.post("/control/reset")
        yield Asking(client)
