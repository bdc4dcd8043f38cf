"""The product as a child process: a data directory of its own, prepared by its management commands, and a real server."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import pytest

from tests.once import ROOT, Once, new_site

SERVERS = ("uvicorn", "daphne")
PAIRS = 24
"""How many mappings `pair-N` there are, each with two targets of its own: what is found gone stays gone for a day."""

T = TypeVar("T")

_OURS = ("GEMINI_", "TUMBLER_", "DATABASE_URL", "REDIS_URL", "DEFAULT_MODEL", "HOST", "PORT")
_FILLING = f"""
from django.core.management import call_command
from compat.models import MappingTarget, ModelMapping
for n in range({PAIRS}):
    mapping = ModelMapping.objects.create(name=f"pair-{{n}}", listed=False)
    for place, letter in enumerate("ab"):
        target = f"gemini-2.5-flash--pair-{{n}}{{letter}}"
        MappingTarget.objects.create(mapping=mapping, gemini_model=target, position=place)
call_command("issue_token", "ada")
"""


def pair(number: int) -> tuple[str, str, str]:
    """A mapped name and the two Gemini models behind it."""
    stem = f"gemini-2.5-flash--pair-{number}"
    return f"pair-{number}", f"{stem}a", f"{stem}b"


def eventually(look: Callable[[], T], *, seconds: float = 8.0, every: float = 0.05) -> T:
    """What `look` gives as soon as it is true; what it gave last when it never is."""
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(every)
    return found


@contextmanager
def simulated_gemini() -> Iterator[str]:
    """The address of a simulator process that sets no quota and ends with its standard input."""
    command = [sys.executable, "-m", "compat.simulator", "--port", "0", "--quota", "unlimited", "--until-stdin-closes"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None
        yield child.stdout.readline().split()[-1]
        child.stdin.close()


def manage(data_dir: Path, *arguments: str, stdin: str = "") -> str:
    """A management command on the site in `data_dir`; its standard output."""
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(data_dir),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """This process's environment without what would steer the site elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    ours = {
        "TUMBLER_DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "tumbler_site.settings",
        # A machine that is busy with other tests may well take its time.
        "TUMBLER_DATABASE_SECONDS": "10",
    }
    return {**kept, **ours, **more}


class Template(NamedTuple):
    """A migrated site with mappings, a user and a token, to be copied by every gateway: no key is in it."""

    directory: Path
    token: str


@pytest.fixture(scope="session")
def template(once: Once, migrated: Path) -> Template:
    """The one that all workers copy."""

    def fill(directory: Path) -> None:
        new_site(directory / "var", migrated)
        (directory / "token").write_text(manage(directory / "var", "shell", "-v0", "-c", _FILLING).strip())

    made = once("template", fill)
    return Template(made / "var", (made / "token").read_text())


class Gateway:
    """One running server. `keys` are contributed before it starts: paid, so without a quota until one is learned."""

    def __init__(
        self, template: Template, directory: Path, server: str, upstream: str, keys: list[str], **env: str
    ) -> None:
        self.server = server
        self.keys = keys
        self.token = template.token
        self.directory = directory
        shutil.copytree(template.directory, directory)
        if keys:
            manage(directory, "contribute_keys", "--paid", stdin="\n".join(keys))
        self._log = directory / "server.log"
        self._env = environment(directory, GEMINI_BASE_URL=upstream, **env)
        self._start()
        self.http = self._client()

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def kill_and_start_again(self) -> None:
        """End it as a power cut does, and start it anew on what it left. It has another address then."""
        self.http.close()
        self.process.kill()
        self.process.wait(5)
        self._log.unlink()
        self._start()
        self.http = self._client()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    ROOT / "manage.py",
                    "serve",
                    "--server",
                    self.server,
                    "--host",
                    "127.0.0.1",
                    "--port",
                    "0",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self._env,
                cwd=ROOT,
            )
        line = eventually(self._serving_line, seconds=30)
        assert line, f"{self.server} did not start: {self.log()}"
        self.url = line.split()[1].removesuffix("/v1")

    def _serving_line(self) -> str | None:
        assert self.process.poll() is None, self.log()
        return next((line for line in self.log().splitlines() if line.startswith("Serving ")), None)

    def restart(self) -> None:
        """Serve again from the same directory, after a process that was killed."""
        self._log = self.directory / "server-again.log"
        self._start()
        self.http.base_url = self.url

    def stop(self) -> None:
        """End it as an operator does."""
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
            raise

    def log(self) -> str:
        """All that the server wrote."""
        return self._log.read_text(errors="replace")

    # --- what the database holds ---------------------------------------------------------------------------

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """The rows of a query on the site's database."""
        with closing(
            sqlite3.connect(f"file:{self.directory}/tumbler.sqlite3?mode=ro", uri=True, timeout=5)
        ) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query, values)]

    def usage_rows(self, model: str, count: int = 1) -> list[dict[str, Any]]:
        """The usage records of requests for the model, once there are `count`: the writer stores them in batches."""
        query = "select * from accounts_usagerecord where model = ? order by created, id"
        found = eventually(lambda: rows if len(rows := self.rows(query, model)) >= count else None)
        return found or self.rows(query, model)

    def key_state(self, key: str) -> tuple[str, str]:
        """(state, reason) of a contributed key."""
        row = self.rows("select state, reason from accounts_contributedkey where last_four = ?", key[-4:])[0]
        return row["state"], row["reason"]

    def disabled(self) -> dict[str, str]:
        """The last four characters of every disabled key, and the reason."""
        query = "select last_four, reason from accounts_contributedkey where state = 'disabled'"
        return {row["last_four"]: row["reason"] for row in self.rows(query)}

    def rests(self, model: str) -> list[dict[str, Any]]:
        """The cooldowns for the model ("": for all), once there is one; a second passes before they are written."""
        query = "select * from accounts_keycooldown where model = ?"
        return eventually(lambda: self.rows(query, model), seconds=4)

    # --- asking ----------------------------------------------------------------------------------------------

    def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        """A POST to a route, the answer whole."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **options.pop("headers", {})}
        return self.http.post(path, content=content, headers=headers, **options)
