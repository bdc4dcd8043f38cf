"""`serve --workers 2` on PostgreSQL and Redis: limits hold over both workers, and nothing of usage is lost."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.core.management import call_command

from accounts.contributing import contribute
from accounts.issuing import issue_token
from accounts.models import ContributedKey, UsageRecord, User
from tests.gemini_replies import reply
from tests.limits.app import CHAT

ROOT = Path(__file__).resolve().parents[2]


class Served:
    """The site under two workers."""

    def __init__(self, log, environment):
        self._log = log
        command = ["manage.py", "serve", "--server", "uvicorn", "--workers", "2", "--host", "127.0.0.1", "--port", "0"]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + 40
        while not (line := self._serving_line()) and time.monotonic() < end:
            assert self._process.poll() is None, log.read_text()
            time.sleep(0.05)
        self.url = line.split()[1]

    def _serving_line(self):
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return next((line for line in lines if line.startswith("Serving ")), None)

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(40)


@pytest.fixture
def served(database, data_dir, redis, redis_url, gemini):
    contribute("a-key-of-the-scripted-gemini", source="operator")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TUMBLER_", "DATABASE_"))}
    environment |= {
        "DATABASE_URL": database,
        "REDIS_URL": redis_url,
        "GEMINI_BASE_URL": gemini.url,
        "TUMBLER_DATA_DIR": str(data_dir),
        # A machine that is busy with other tests may well take its time.
        "TUMBLER_DATABASE_SECONDS": "10",
        "TUMBLER_SECRET_KEY": settings.SECRET_KEY,
        "TUMBLER_TOKEN_PEPPERS": ",".join(settings.TOKEN_PEPPERS),
        "TUMBLER_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
    }
    site = Served(data_dir / "server.log", environment)
    yield site
    if site._process.poll() is None:
        site.stop()
    ContributedKey.objects.all().delete()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_two_workers_admit_exactly_ten_of_hundred_and_record_them(served, gemini, data_dir):
    gemini.will_answer(reply("Hi"), delay=2)
    ada = User.objects.create(username="ada")
    texts = [issue_token(ada, **about)[1] for about in ({"rpm": 10}, {"monthly_tokens": 520})]

    async def hundred(text):
        limits = httpx.Limits(max_connections=None)
        headers = {"Authorization": f"Bearer {text}"}
        async with httpx.AsyncClient(headers=headers, limits=limits, timeout=60, trust_env=False) as client:
            return await asyncio.gather(*(client.post(f"{served.url}/chat/completions", json=CHAT) for _ in range(100)))

    for text in texts:
        answers = asyncio.run(hundred(text))
        assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 90
    assert len(gemini.calls_of("gemini-2.5-flash")) == 20
    assert served.stop() == 0
    assert UsageRecord.objects.count() == 20
    call_command("verify_usage")
    assert list((data_dir / "journal").iterdir()) == []
