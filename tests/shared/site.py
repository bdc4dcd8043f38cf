"""The product on PostgreSQL and Redis: prepared by its management commands, served by several processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from tests.live.gateway import ROOT, environment, eventually

_FILLING = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from accounts.contributing import contribute
from accounts.issuing import issue_token
from accounts.models import ContributedKey, TierQuota, User
TierQuota.objects.all().delete()
TierQuota.objects.create(pattern="*--two-a-minute*", rpm=2)
TierQuota.objects.create(pattern="*--sparse*", rpm=600, tpm=1_000_000, rpd=100_000)
for n in range(5):
    contribute(f"shared-fake-upstream-key-{n}", source=ContributedKey.Source.COMMAND, project=f"p{n}")
print(issue_token(User.objects.create(username="ada"))[1])
"""
_BY_WORKER = re.compile(r'^tumbler_worker_requests_total\{worker="(\d+)"\} (\S+)', re.MULTILINE)
_SERVED = re.compile(r"^tumbler_requests_total\{[^}]*\} (\S+)", re.MULTILINE)


class Site:
    """A migrated database with five free keys in five projects, a user and a token."""

    def __init__(self, directory: Path, upstream: str, database_url: str, redis_url: str = "", **more: str) -> None:
        self.directory = directory
        self.database_url = database_url
        services = {"DATABASE_URL": database_url, **({"REDIS_URL": redis_url} if redis_url else {})}
        self.env = environment(directory, GEMINI_BASE_URL=upstream, **services, **more)
        self.token = self.manage("shell", "-v0", "-c", _FILLING).strip()

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """A management command; its standard output."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=self.env, timeout=90)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What PostgreSQL answers."""
        with psycopg.connect(self.database_url) as database:
            return database.execute(query, values).fetchall()

    def usage(self, model: str, count: int) -> list[tuple[Any, ...]]:
        """(status, prompt tokens, completion tokens) of the requests for a model, once there are so many."""
        query = "select status, prompt_tokens, completion_tokens, attempts from accounts_usagerecord where model = %s"
        eventually(lambda: len(self.rows(query, model)) >= count, seconds=15)
        return self.rows(query, model)


class Served:
    """`serve` on a site, and connections to each of its workers."""

    def __init__(self, site: Site, server: str, workers: int) -> None:
        self.site = site
        self._log = site.directory / f"{server}-{time.monotonic_ns()}.log"
        options = ["--server", server, "--workers", str(workers), "--host", "127.0.0.1", "--port", "0"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "serve", *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=site.env,
                cwd=ROOT,
            )
        line = eventually(self._serving_line, seconds=40)
        assert line, self.log()
        self.url = line.split()[1].removesuffix("/v1")
        assert eventually(self._is_up, seconds=40), self.log()

    def _serving_line(self) -> str | None:
        assert self.process.poll() is None, self.log()
        return next((line for line in self.log().splitlines() if line.startswith("Serving ")), None)

    def _is_up(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def log(self) -> str:
        """All that the processes wrote."""
        return self._log.read_text(errors="replace")

    def client(self) -> httpx.Client:
        """A client with one connection, which one worker answers."""
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.site.token}"},
            limits=httpx.Limits(max_connections=1),
            timeout=30,
            trust_env=False,
        )

    def workers(self) -> list[psutil.Process]:
        """The processes that answer, where there are several."""
        children = psutil.Process(self.process.pid).children()
        alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
        return [child for child in alive if "serving.worker" in str(child.cmdline())]

    def client_of_each(self) -> list[httpx.Client]:
        """For each worker a client whose one connection it answers."""
        workers = self.workers()
        clients = []
        for worker in workers:
            # While the others stand still it takes every connection, those that were dealt to them as well.
            others = [other for other in workers if other != worker]
            for other in others:
                other.suspend()
            clients.append(self.client())
            clients[-1].get("/metrics")
            for other in others:
                other.resume()
        return clients

    def stop(self) -> None:
        """End it as an operator does."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            raise


def served(client: httpx.Client) -> dict[str, float]:
    """How many requests each worker has answered, by its name, and "" for all of them: as /metrics of one worker tells it."""
    text = client.get("/metrics").text
    by_worker = {name: float(count) for name, count in _BY_WORKER.findall(text)}
    return {**by_worker, "": sum(map(float, _SERVED.findall(text)))}


def chat(model: str, text: str = "Hi.", **members: Any) -> dict[str, Any]:
    """The body of a request."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **members}


async def ask_all(url: str, token: str, bodies: Iterable[dict[str, Any]], *, at_once: int) -> list[httpx.Response]:
    """Every body asked, so many at once, each on a connection of its own."""
    import asyncio

    gate = asyncio.Semaphore(at_once)
    limits = httpx.Limits(max_keepalive_connections=0)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(headers=headers, limits=limits, timeout=60, trust_env=False) as client:

        async def ask(body: dict[str, Any]) -> httpx.Response:
            async with gate:
                return await client.post(f"{url}/v1/chat/completions", content=json.dumps(body))

        return await asyncio.gather(*map(ask, bodies))
