"""What one worker has sent ahead of a request the other names as well, and either of them deletes it."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.live.gateway import eventually
from tests.redis_server import FrailRedis
from tests.shared.site import Served, Site
from tests.simulator.asking import controlled

CONTENT = b"%PDF-1.7 " + bytes(range(256)) * 4_000
MODEL = "gemini-2.5-flash"


@pytest.fixture
def simulator() -> Iterator[httpx.Client]:
    """Its control routes."""
    with controlled("--quota", "unlimited") as control:
        yield control


@pytest.fixture
def workers(
    tmp_path, simulator: httpx.Client, new_database: Callable[[], str], site_redis: FrailRedis
) -> Iterator[list[httpx.Client]]:
    """A client of each worker."""
    url = str(simulator.base_url).rstrip("/")
    site = Site(tmp_path / "site", url, new_database(), site_redis.url, TUMBLER_GEMINI_FILES="always")
    served = Served(site, "uvicorn", 2)
    clients = served.client_of_each()
    yield clients
    for client in clients:
        client.close()
    served.stop()


def test_a_copy_that_one_worker_made_is_used_and_deleted_by_the_other(
    workers: list[httpx.Client], simulator: httpx.Client
) -> None:
    one, other = workers
    kept = one.post("/v1/files", data={"purpose": "user_data"}, files={"file": ("a.pdf", CONTENT)})
    part = {"type": "file", "file": {"file_id": kept.json()["id"]}}
    for client in (one, other, other, one):
        body = {"model": MODEL, "messages": [{"role": "user", "content": [part]}]}
        answered = client.post("/v1/chat/completions", json=body)
        assert answered.status_code == 200, answered.text
        assert f"of {len(CONTENT)} bytes" in answered.json()["choices"][0]["message"]["content"]
    (held,) = simulator.get("/control/files").json()["files"]
    calls = simulator.get("/control/calls").json()["calls"]
    asked = [call for call in calls if call["model"] == MODEL]
    assert [(call["project"], call["status"]) for call in asked] == [(held["project"], 200)] * 4
    assert other.delete(f"/v1/files/{kept.json()['id']}").status_code == 200
    assert eventually(lambda: simulator.get("/control/files").json()["files"] == [])
