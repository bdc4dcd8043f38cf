"""Live traffic of several workers: told through Redis to whichever of them has the watcher, and paused without it."""

import pytest

from tests.shared.site import chat
from tests.watching.watching import SIGN_IN, people, watching


@pytest.fixture(scope="session")
def boss(site):
    """The session of a superuser."""
    return people(site.manage("shell", "-v0", "-c", SIGN_IN))["boss"]


def test_a_watcher_at_one_worker_sees_the_requests_of_both(two_workers, site, gemini, model, boss):
    clients = two_workers.client_of_each()
    with watching(two_workers.url, boss) as socket:
        socket.until(lambda frame: frame["processes"] == 2)
        for client in clients:
            assert client.post("/v1/chat/completions", json=chat(model)).status_code == 200
        socket.until(lambda frame: sum(row["asked"] == model for row in socket.ended) == 2)
        after = socket.frames[-1]["after"]
        assert len(after.split(".")) >= 2
    for client in clients:
        assert client.post("/v1/chat/completions", json=chat(model)).status_code == 200
        client.close()
    # To whichever worker it comes back, it is told what it missed, and that alone.
    with watching(two_workers.url, boss, after=after) as again:
        again.until(lambda frame: sum(row["asked"] == model for row in again.ended) == 2)
        assert len(again.ended) == 2


@pytest.mark.parametrize("fault", ["frozen", "killed"])
def test_it_says_that_it_is_paused_while_redis_is_away_and_goes_on_after(
    two_workers, site, site_redis, gemini, model, boss, fault
):
    with two_workers.client() as client, watching(two_workers.url, boss) as socket:
        socket.until(lambda frame: frame["processes"] == 2 and not frame["paused"])
        site_redis.freeze() if fault == "frozen" else site_redis.kill()
        try:
            socket.until(lambda frame: frame["paused"], seconds=10)
            assert client.post("/v1/chat/completions", json=chat(model)).status_code == 200
        finally:
            site_redis.thaw() if fault == "frozen" else site_redis.start()
        site_redis.wait()
        socket.until(lambda frame: not frame["paused"], seconds=15)
        socket.until(lambda frame: any(row["asked"] == model for row in socket.ended), seconds=15)
    assert "Traceback" not in two_workers.log()
