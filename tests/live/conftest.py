"""The product under both servers, as child processes, in front of a scripted Gemini; one of each for the whole session."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.gateway import PAIRS, SERVERS, Gateway, Template, pair
from tests.live.upstream_bodies import refused_bodies
from tests.scripted_gemini import ScriptedGemini

CANARY = uuid.uuid4().hex[:16]
"""In every upstream key of this session: it must never be seen where a key has no business."""

_BRISK = {"TUMBLER_KEEP_ALIVE_SECONDS": "0.5", "TUMBLER_FIRST_BYTE_SECONDS": "8", "TUMBLER_IDLE_SECONDS": "8"}
_pairs = itertools.count()


def keys(count: int, batch: str = "") -> list[str]:
    """So many upstream keys, told apart by their last four characters."""
    return [f"live-{CANARY}-{batch or 'key'}-{number:04}" for number in range(count)]


@pytest.fixture(scope="session")
def upstream() -> Iterator[ScriptedGemini]:
    gemini = ScriptedGemini()
    yield gemini
    gemini.close()


@pytest.fixture
def gemini(upstream: ScriptedGemini) -> Iterator[ScriptedGemini]:
    """The scripted Gemini without rules or calls. Afterwards: no body that Gemini would refuse was sent to it."""
    upstream.forget()
    yield upstream
    assert not refused_bodies(upstream.calls)


@pytest.fixture(scope="session")
def every_gateway() -> list[Gateway]:
    """Each one of this session, those included that are over."""
    return []


Start = Callable[..., Gateway]


@pytest.fixture(scope="session")
def start_for_good(
    template: Template,
    upstream: ScriptedGemini,
    tmp_path_factory: pytest.TempPathFactory,
    every_gateway: list[Gateway],
) -> Iterator[Start]:
    """Starts gateways that live until the session ends: start(server, keys=…, upstream=…, **environment)."""
    running: list[Gateway] = []

    def start(server: str, keys: list[str], upstream_url: str = upstream.url, **env: str) -> Gateway:
        directory = tmp_path_factory.mktemp("site") / "var"
        gateway = Gateway(template, directory, server, upstream_url, keys, **{**_BRISK, **env})
        every_gateway.append(gateway)
        running.append(gateway)
        return gateway

    yield start
    for gateway in running:
        if gateway.process.poll() is None:
            gateway.stop()


@pytest.fixture
def start(start_for_good: Start) -> Iterator[Start]:
    """Starts gateways that end with the test, for tests that spoil a pool."""
    mine: list[Gateway] = []

    def start(*arguments: object, **options: object) -> Gateway:
        mine.append(start_for_good(*arguments, **options))
        return mine[-1]

    yield start
    for gateway in mine:
        gateway.stop()


@pytest.fixture(scope="session")
def _shared(start_for_good: Start) -> dict[str, Gateway]:
    return {}


@pytest.fixture(params=SERVERS)
def gateway(request: pytest.FixtureRequest, _shared: dict[str, Gateway], start_for_good: Start) -> Gateway:
    """A gateway with three keys that no test spoils, under each server."""
    return _shared_gateway(request.param, _shared, start_for_good)


@pytest.fixture
def one_gateway(_shared: dict[str, Gateway], start_for_good: Start) -> Gateway:
    """The same under uvicorn alone, for what the server has no part in."""
    return _shared_gateway("uvicorn", _shared, start_for_good)


def _shared_gateway(server: str, shared: dict[str, Gateway], start: Start) -> Gateway:
    if server not in shared:
        shared[server] = start(server, keys(3))
    return shared[server]


@pytest.fixture
def model() -> str:
    """A Gemini model that no other test asks for: what is learned of it ends with the test."""
    return f"gemini-2.5-flash--{uuid.uuid4().hex[:10]}"


@pytest.fixture
def two_targets() -> tuple[str, str, str]:
    """A mapped name and its two targets, used by no other test."""
    return pair(next(_pairs) % PAIRS)


@pytest.fixture
def recordings() -> Path:
    return Path(__file__).resolve().parents[1] / "recordings"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The canary is looked for when everything else is over."""
    items.sort(key=lambda item: item.path.name == "test_canary.py")
