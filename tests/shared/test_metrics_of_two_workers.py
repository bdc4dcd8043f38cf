"""/metrics of `serve --workers 2`: whichever worker is asked tells of both, and no sum falls when one ends."""

import re
import sys

import httpx
import pytest

from tests.live.gateway import eventually
from tests.shared.site import chat, served

# What the system knows of a process is told on Linux alone.
OF_PROCESSES = ["tumbler_tasks", *(["process_resident_memory_bytes"] if sys.platform == "linux" else [])]


def answered(one, model):
    """A number that worker tells of the requests for a model, which all ended well."""
    found = re.search(
        rf'tumbler_requests_total{{.*gemini_model="{model}",status="200"}} (\S+)|$', one.get("/metrics").text
    )
    return float(found[1] or 0)


def ask(client, model, times):
    for _ in range(times):
        assert client.post("/v1/chat/completions", json=chat(model)).status_code == 200


def test_each_worker_tells_of_both(two_workers, gemini, model):
    clients = two_workers.client_of_each()
    for client, times in zip(clients, (3, 4), strict=True):
        ask(client, model, times)
    for client in clients:
        assert eventually(lambda client=client: answered(client, model) == 7)
        for of_a_process in OF_PROCESSES:
            values = dict(
                re.findall(rf'^{of_a_process}{{worker="(\d)"}} (\S+)', client.get("/metrics").text, re.MULTILINE)
            )
            assert values.keys() == {"1", "2"}
        client.close()


def test_a_body_that_the_server_refuses_is_counted_too(two_workers):
    with two_workers.client() as client:
        too_large = httpx.post(f"{two_workers.url}/v1/chat/completions", content=bytes(21 << 20), trust_env=False)
        assert too_large.status_code == 413
        assert eventually(
            lambda: (
                'tumbler_errors_total{code="request_too_large",endpoint="",status="413"} 1.0\n'
                in client.get("/metrics").text
            )
        )


@pytest.fixture
def workers(site, serve):
    workers = serve(site, "uvicorn", 2)
    yield workers
    workers.stop()


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_a_worker_that_ends_is_neither_lost_nor_counted_twice(workers, gemini, model, end):
    one, other = workers.client_of_each()
    ask(one, model, 3)
    ask(other, model, 4)
    assert eventually(lambda: answered(other, model) == 7)
    ended = workers.workers()[0]
    getattr(ended, end)()
    told = []
    eventually(lambda: told.append(answered(other, model)) or not ended.is_running(), seconds=20)
    assert eventually(lambda: told.append(answered(other, model)) or len(workers.workers()) == 2, seconds=20)
    with workers.client() as client:
        assert eventually(lambda: client.get("/healthz").status_code == 200)
    again, newcomer = workers.client_of_each()
    ask(newcomer, model, 2)
    assert set(told) == {7}
    assert eventually(lambda: answered(newcomer, model) == 9)
    assert eventually(lambda: answered(other, model) == 9)
    assert sum(count for name, count in served(other).items() if name) == served(other)[""]
    for client in (one, other, again, newcomer):
        client.close()


def test_nothing_is_left_of_the_reports_when_all_have_ended(site, serve):
    before = set(site.directory.glob("workers-*"))
    workers = serve(site, "uvicorn", 2)
    (directory,) = set(site.directory.glob("workers-*")) - before
    assert eventually(lambda: {file.stem for file in directory.glob("*.report")} == {"1", "2"})
    workers.stop()
    assert not directory.exists()
