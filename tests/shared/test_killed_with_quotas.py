"""`kill -9` in mid-load, started again: what the killed process knew of the day's quotas is known to the next one."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator

import httpx
import pytest

from tests.live.gateway import ROOT, environment, eventually
from tests.shared.site import Site, chat

MODEL = "gemini-2.5-flash"
PROJECTS, A_DAY, CLIENTS = 5, 20, 8
_TIER = f"from accounts.models import TierQuota; TierQuota.objects.create(pattern='{MODEL}', rpd={A_DAY})"


class Simulator:
    """The simulator as a process of its own: so many requests a day of each project and no more."""

    def __init__(self, directory) -> None:
        options = ["--port", "0", "--rpd", str(A_DAY), "--control", "--first-byte-delay", "80", "--until-stdin-closes"]
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "fakegemini", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(directory / "simulator"),
            text=True,
            cwd=ROOT,
        )
        self.url = self._process.stdout.readline().split()[-1]

    def calls(self) -> dict[str, Counter[int]]:
        """By project: how many calls there were, by the status of their answers."""
        found = defaultdict(Counter)
        for call in httpx.get(f"{self.url}/control/calls", trust_env=False).json()["calls"]:
            found[call["project"]][call["status"]] += 1
        return found

    def stop(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Load:
    """Clients in threads that ask without pause until the pool has no quota left, or the server is gone."""

    def __init__(self, served) -> None:
        self.statuses: Counter[int] = Counter()
        self._threads = [threading.Thread(target=self._ask, args=(served,)) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _ask(self, served) -> None:
        with served.client() as client:
            while True:
                try:
                    status = client.post("/v1/chat/completions", json=chat(MODEL)).status_code
                except httpx.TransportError:
                    return
                self.statuses[status] += 1
                if status != 200:
                    return

    def end(self) -> Counter[int]:
        for thread in self._threads:
            thread.join(40)
            assert not thread.is_alive()
        return self.statuses


@pytest.fixture
def simulator(tmp_path) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path)
    yield simulator
    simulator.stop()


@pytest.mark.parametrize("limits", ["known", "unknown", "known to all in Redis"])
def test_a_process_that_was_killed_under_load_is_followed_by_one_that_keeps_every_days_quota(
    tmp_path, simulator, serve, request, migrated, limits
):
    redis_url = request.getfixturevalue("frail_redis").url if "Redis" in limits else ""
    site = Site(tmp_path, simulator.url, f"sqlite:///{shutil.copy(migrated, tmp_path)}", redis_url)
    if limits != "unknown":
        site.manage("shell", "-v0", "-c", _TIER)
    for so_far in (25, 60):
        served = serve(site, "uvicorn")
        load = Load(served)
        assert eventually(lambda: sum(map(Counter.total, simulator.calls().values())) >= so_far, seconds=20)  # noqa: B023
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait()
        assert set(load.end()) <= {200}
    served = serve(site, "uvicorn")
    statuses = Load(served).end()
    asked = time.monotonic()
    with served.client() as client:
        refused = client.post("/v1/chat/completions", json=chat(MODEL))
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "pool_exhausted")
    assert time.monotonic() - asked < 1
    served.stop()

    calls = simulator.calls()
    assert len(calls) == PROJECTS
    # Beyond a day's quota no more was sent than is in flight at one time.
    assert all(counts[429] <= CLIENTS for counts in calls.values())
    # Nothing of it was lost, but in Redis for what was in flight: that counts as sent.
    used = [counts.total() - counts[429] for counts in calls.values()]
    assert used == [A_DAY] * PROJECTS or ("Redis" in limits and sum(used) >= A_DAY * PROJECTS - 2 * CLIENTS)
    assert set(statuses) == {200, 429}
