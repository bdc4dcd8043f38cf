"""The whole product in processes of its own, under load before the simulator, to be killed and frozen; and its accounts."""

import asyncio
import fcntl
import itertools
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil

from tests.live.gateway import ROOT, environment, eventually

MODEL = "gemini-2.5-flash"

_FILLING = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from accounts.contributing import contribute
from accounts.issuing import issue_token
from accounts.models import ContributedKey, User
for n in range(3):
    contribute(f"sim-paid-house-{n}", source=ContributedKey.Source.COMMAND, project=f"p{n}", paid=True)
ada = User.objects.create_user("ada", rpm=10**6, monthly_tokens=10**12)
print(issue_token(ada, tells_sub_users=True, rpm=10**6, max_parallel=1000)[1])
"""
_ROWS = """
import json, sys
from django.core.management import call_command
from accounts import metering
from accounts.models import UsageRecord, User
from accounts.sub_users import label_of
metering.flush_now()  # as the next start would: a stop waits three seconds for a busy database, not longer
call_command("verify_usage", stdout=sys.stderr)  # exits with 1 when the totals are not the sums
ada = User.objects.get(username="ada")
numbers = {{label_of(ada.pk, str(number)): number for number in range({count})}}
columns = ("sub_user", "status", "counts_from", "attempts", "prompt_tokens", "total_tokens")
print(json.dumps([[numbers[label], *more] for label, *more in UsageRecord.objects.values_list(*columns)]))
"""


class Row(NamedTuple):
    """A usage record, by the number of its request."""

    number: int
    status: int
    counts_from: str
    attempts: int
    prompt_tokens: int
    total_tokens: int


class Accounts(NamedTuple):
    """What was found in the end."""

    requests: int
    answered: int
    calls: int
    rows: int
    interrupted: int
    never_called: int
    """Rows of requests that were killed between their admission and their call."""

    def __str__(self) -> str:
        return (
            f"{self.requests} requests sent, {self.answered} answered whole; the upstream saw {self.calls} calls; "
            f"{self.rows} usage records, {self.interrupted} of them interrupted, {self.never_called} before their call"
        )


class House:
    """A data directory, a simulator with a record of its calls, and the server, which comes and goes."""

    def __init__(self, directory: Path, *, workers: int = 1, server: str = "uvicorn", **env: str) -> None:
        self.directory = directory
        self._upstream, upstream = _start_simulator(directory)
        self.upstream = httpx.Client(base_url=upstream, trust_env=False)
        self.env = environment(directory / "var", GEMINI_BASE_URL=upstream, **{"TUMBLER_DATABASE_SECONDS": "1"} | env)
        self._serve = ["serve", "--server", server, "--workers", str(workers), "--host", "127.0.0.1", "--port", "0"]
        self._process: subprocess.Popen[bytes] | None = None
        self._log = directory / "server.log"
        self.numbers = itertools.count()
        self.sent: list[Sent] = []
        self.token = self.manage("shell", "-v0", "-c", _FILLING).strip()

    # --- processes ----------------------------------------------------------------------------------------

    def manage(self, *arguments: str) -> str:
        """A management command; its standard output."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=self.env, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def spawn(self) -> None:
        """Start the server and wait for nothing."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), *self._serve],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self.env,
                cwd=ROOT,
            )

    def start(self) -> None:
        """Start the server; it answers afterwards."""
        self.spawn()
        line = eventually(self._serving_line, seconds=60)
        assert line, self.log()
        self.url = line.split()[1].removesuffix("/v1")
        assert eventually(self._is_up, seconds=60), self.log()

    def _serving_line(self) -> str | None:
        assert self._process is not None and self._process.poll() is None, self.log()
        return next((line for line in self.log().splitlines() if line.startswith("Serving ")), None)

    def _is_up(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/healthz", timeout=5, trust_env=False).status_code == 200
        return False

    def log(self) -> str:
        """What the server wrote since it was last started."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL for the server and all its workers, at once."""
        if self._process is None or self._process.poll() is not None:
            return
        server = psutil.Process(self._process.pid)
        # The server first: it would start a worker anew.
        for process in (server, *server.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(10)

    def stop(self) -> None:
        """End the server as an operator does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(30) == 0, self.log()

    def close(self) -> None:
        """Leave nothing running."""
        self.kill()
        self._upstream.kill()
        self._upstream.communicate(timeout=10)
        self.upstream.close()

    # --- load ---------------------------------------------------------------------------------------------

    def under_load(self, happening: Callable[["Load"], None], clients: int = 8) -> "Load":
        """Requests from so many clients at once until `happening` returns and all are answered or broken off."""
        load = Load()
        running = threading.Thread(target=lambda: asyncio.run(self._load(load, clients)))
        running.start()
        happening(load)
        load.over.set()
        running.join(90)
        assert not running.is_alive(), "some requests never ended"
        self.sent += load.sent
        return load

    async def _load(self, load: "Load", clients: int) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60, trust_env=False) as client:
            await asyncio.gather(*(self._ask_on(client, load) for _ in range(clients)))

    async def _ask_on(self, client: httpx.AsyncClient, load: "Load") -> None:
        while not load.over.is_set():
            number = next(self.numbers)
            began = time.monotonic()
            status, tokens = await self._ask(client, number)
            load.sent.append(Sent(number, status, tokens, time.monotonic() - began, time.monotonic()))
            await asyncio.sleep(0.01 if status else 0.1)

    async def _ask(self, client: httpx.AsyncClient, number: int) -> tuple[int, int]:
        """(status, tokens) of a whole or a streamed request, whose prompt is as long as its number; (0, 0): broken off."""
        stream = number % 2 == 1
        body = {
            **{"model": MODEL, "messages": [{"role": "user", "content": "x" * (number + 1)}], "user": str(number)},
            **({"stream": True, "stream_options": {"include_usage": True}} if stream else {}),
        }
        try:
            answer = await client.post("/v1/chat/completions", json=body)
        except httpx.HTTPError:
            return 0, 0
        if answer.status_code != 200:
            return answer.status_code, 0
        if not stream:
            return 200, answer.json()["usage"]["total_tokens"]
        events = answer.text.split("\n\n")
        if events[-2] != "data: [DONE]":
            return 0, 0
        return 200, json.loads(events[-3].removeprefix("data: "))["usage"]["total_tokens"]

    # --- accounts -----------------------------------------------------------------------------------------

    def check_accounts(self) -> "Accounts":
        """Every call that the simulator saw has its one record, and every answer its counts; the totals are their sums.

        To be asked when the server has stopped as it should.
        """
        rows = [Row(*row) for row in json.loads(self.manage("shell", "-v0", "-c", _ROWS.format(count=len(self.sent))))]
        calls = [call["prompt_chars"] - 1 for call in self.upstream.get("/control/calls").json()["calls"]]
        by_number = {row.number: row for row in rows}
        assert len(by_number) == len(rows), "a request was recorded twice"
        assert len(set(calls)) == len(calls), "a request was sent twice"
        assert set(calls) <= set(by_number), "a call was not recorded"
        for row in rows:
            assert (row.counts_from == "interrupted") == (row.status == 499 and not row.attempts), row
            assert row.prompt_tokens or row.status not in {200, 499}, row
            # The record of a request that ended says what the upstream saw of it.
            assert row.counts_from == "interrupted" or row.attempts == (row.number in set(calls)), row
        for sent in self.sent:
            if sent.status == 200:
                row = by_number[sent.number]
                assert (row.status, row.counts_from, row.total_tokens) == (200, "upstream", sent.tokens), row
            elif sent.status:
                assert sent.status in {429, 503} and sent.number not in calls, sent
        assert list((self.directory / "var" / "journal").iterdir()) == []
        interrupted = [row.number for row in rows if row.counts_from == "interrupted"]
        return Accounts(
            requests=len(self.sent),
            answered=sum(sent.status == 200 for sent in self.sent),
            calls=len(calls),
            rows=len(rows),
            interrupted=len(interrupted),
            never_called=len(set(interrupted) - set(calls)),
        )

    def audit(self) -> "Accounts":
        """Start once more, which stores what was left over, stop, and look at the accounts."""
        self.start()
        journal = self.directory / "var" / "journal"
        assert eventually(lambda: all(map(is_locked, journal.iterdir())), seconds=30), "a journal was left over"
        self.stop()
        return self.check_accounts()


class Sent(NamedTuple):
    """One request as its client saw it: its status, or 0 when it was broken off."""

    number: int
    status: int
    tokens: int
    seconds: float
    at: float
    """When it ended, in monotonic seconds."""


class Load:
    """What the clients of one stretch of time got."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.sent: list[Sent] = []

    @property
    def statuses(self) -> Counter[int]:
        return Counter(sent.status for sent in self.sent)

    @property
    def slowest(self) -> float:
        return max(sent.seconds for sent in self.sent)


def kill_again_and_again(house: House, kills: int, rng: random.Random, tell: Callable[[str], None] = str) -> None:
    """Start, load, SIGKILL at a random moment; now and then already while it starts and stores what the last one left."""
    for number in range(kills):
        if number % 7 == 3:
            house.spawn()
            time.sleep(rng.uniform(0.3, 2.5))
            house.kill()
        else:
            house.start()
            answers = 0 if number % 5 == 4 else rng.randrange(1, 40)
            load = house.under_load(lambda load, least=answers: strike(house, load, least, rng.uniform(0, 0.2)))
            tell(f"kill {number + 1}: {dict(load.statuses)}")


def strike(house: House, load: "Load", answers: int, after: float) -> None:
    """Kill so many seconds after so many answers: how fast the machine is decides nothing."""
    assert eventually(lambda: load.statuses[200] >= answers, seconds=30, every=0.005), load.statuses
    time.sleep(after)
    house.kill()


def is_locked(path: Path) -> bool:
    """True while the process that the journal belongs to lives."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _start_simulator(directory: Path) -> tuple["subprocess.Popen[str]", str]:
    """The simulator, which takes a little to answer and to go on with a stream; and where it listens."""
    options = ["--port", "0", "--quota", "unlimited", "--control", "--first-byte-delay", "20", "--chunk-delay", "10"]
    with (directory / "simulator.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "fakegemini", *options],
            stdout=subprocess.PIPE,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=environment(directory / "var"),
            text=True,
            cwd=ROOT,
        )
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1]
