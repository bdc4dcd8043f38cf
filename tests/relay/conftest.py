"""The relay over the real pool and database; Gemini is a few lines that fail by model and key as a test says."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async

from accounts import metering, pool
from accounts.callers import caller_in_batch, recognise
from accounts.contributing import contribute
from accounts.issuing import issue_token
from accounts.models import ContributedKey, KeyCooldown, KeyDay, StoredFile, UsageRecord, User
from compat import key_checks
from compat.gemini.failures import GeminiFailure
from compat.relay import Call, Job, signatures, upstream
from compat.schemas.gemini import Reply
from compat.translation.stored_files import part_ahead
from compat.translation.usage import estimate_tokens
from tests.gemini_files import GeminiFiles
from tests.surface.conftest import (  # noqa: F401 (two fixtures)
    REPLY,
    database_threads,
    forget_everything,
    permissions_afterwards,
)

FIRST, SECOND = "gemini-2.5-flash", "gemini-2.5-pro"
KEYS = ("fake-key-of-the-relay-aaa1", "fake-key-of-the-relay-bbb2", "fake-key-of-the-relay-ccc3")


@dataclass
class Asked:
    """One call upstream."""

    model: str
    key: str
    body: dict[str, Any]


@dataclass
class Gemini:
    """Answers unless `failing` gives a failure for (model, key, how many calls there were before)."""

    asked: list[Asked] = field(default_factory=list)
    failing: Callable[[str, str, int], GeminiFailure | None] = lambda model, key, before: None
    reply: dict[str, Any] = field(default_factory=lambda: REPLY)
    pause: asyncio.Event | None = None
    """When set, every whole call waits for it."""
    replies: list[Any] = field(default_factory=lambda: [REPLY])
    """What a stream brings."""
    open_streams: int = 0
    files: GeminiFiles = field(default_factory=GeminiFiles)
    lists_asked: list[str] = field(default_factory=list)
    """The keys whose model lists were asked for."""

    async def generate(self, model: str, key: str, body: bytes) -> Reply:
        self.asked.append(Asked(model, key, msgspec.json.decode(body)))
        if self.pause is not None:
            await self.pause.wait()
        failure = self.failing(model, key, len(self.asked) - 1) or self.files.refusal(key, self.asked[-1].body)
        if failure is not None:
            raise failure
        return msgspec.convert(self.reply, Reply)

    async def stream(self, model: str, key: str, body: bytes) -> "Stream":
        self.asked.append(Asked(model, key, msgspec.json.decode(body)))
        failure = self.failing(model, key, len(self.asked) - 1) or self.files.refusal(key, self.asked[-1].body)
        if failure is not None:
            raise failure
        return Stream(self)

    @property
    def models(self) -> list[str]:
        return [asked.model for asked in self.asked]

    @property
    def keys(self) -> list[str]:
        return [asked.key for asked in self.asked]


class Stream:
    """One stream: each of `gemini.replies` in turn, a failure among them is raised, an event waited for."""

    def __init__(self, gemini: Gemini) -> None:
        self._gemini = gemini
        self._replies = iter(gemini.replies)
        gemini.open_streams += 1

    async def read(self) -> list[Reply] | None:
        for reply in self._replies:
            if isinstance(reply, asyncio.Event):
                await reply.wait()
            elif isinstance(reply, BaseException):
                raise reply
            else:
                return [msgspec.convert(reply, Reply)]
        return None

    def close(self) -> None:
        self._gemini.open_streams -= 1


class ModelLists:
    """The client of a check: a key is good unless `gemini.failing` gives a failure for the model ""."""

    def __init__(self, gemini: Gemini) -> None:
        self._gemini = gemini

    async def models(self, key: str) -> None:
        self._gemini.lists_asked.append(key)
        failure = self._gemini.failing("", key, len(self._gemini.asked))
        if failure is not None:
            raise failure

    async def close(self) -> None:
        pass


class Relay:
    """Makes jobs of ada's, and tells what the database says afterwards."""

    def __init__(self, gemini: Gemini, token: str) -> None:
        self.gemini = gemini
        self._token = token

    async def job(
        self,
        *targets: str,
        calls: int = 1,
        body: dict[str, Any] | None = None,
        characters: int = 40,
        in_batch: bool = False,
        files: tuple[StoredFile, ...] = (),
    ) -> Job:
        """An admitted job for these targets, with a prompt of so many characters, or one that names files."""
        caller = await recognise(self._token)
        if in_batch:
            caller = await caller_in_batch(caller.token_id)
        if files:
            body = {"contents": [{"role": "user", "parts": [part_ahead(file.pk, "text/plain") for file in files]}]}
        body = body or {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
        made = tuple(Call(first, 1, lambda model, candidates: body) for first in range(calls))
        job = Job(caller, "chat.completions", "gpt-4o", targets or (FIRST,), made, stream=False)
        job.files = {file.pk: file for file in files}
        job.prompt_tokens = estimate_tokens(characters)
        await job.admit(calls)
        return job

    async def keys(self) -> dict[str, tuple[str, str]]:
        """(state, reason) of every key, by its text's end, once suspected ones were asked about."""
        await pool.sync()
        asking = pool._shared.asking
        if asking is not None:
            await asking
        rows = await sync_to_async(lambda: list(ContributedKey.objects.values_list("last_four", "state", "reason")))()
        return {last_four: (state, reason) for last_four, state, reason in rows}

    async def rests(self) -> dict[str, KeyCooldown]:
        """Every rest that is written down, by model."""
        await pool.sync()
        return {rest.model: rest for rest in await sync_to_async(lambda: list(KeyCooldown.objects.all()))()}

    async def counts(self) -> dict[str, tuple[int, int]]:
        """(requests, refusals) of every model today."""
        await pool.sync()
        days = await sync_to_async(lambda: list(KeyDay.objects.all()))()
        models = {day.model for day in days}
        return {
            model: (
                sum(day.requests for day in days if day.model == model),
                sum(day.refusals for day in days if day.model == model),
            )
            for model in models
        }

    async def records(self) -> list[UsageRecord]:
        await metering.flush()
        return await sync_to_async(lambda: list(UsageRecord.objects.all()))()


@pytest.fixture
def gemini(monkeypatch) -> Gemini:
    stub = Gemini()
    monkeypatch.setattr(upstream, "new_client", lambda: stub)
    monkeypatch.setattr(key_checks, "new_client", lambda: ModelLists(stub))
    return stub


@pytest.fixture
def relay(permissions_afterwards, database_threads, gemini, tmp_path, settings, monkeypatch):  # noqa: F811
    settings.DATA_DIR = tmp_path
    settings.REDIS_URL = ""
    settings.SIMULATOR = False
    settings.KEY_DEADLINE_SECONDS = 2.0
    # The wait before a model is asked again, without its jitter and at its shortest.
    monkeypatch.setattr("compat.relay.attempts.random.random", lambda: -0.45)
    forget_everything()
    signatures.forget()
    for key in KEYS:
        assert contribute(key, source="operator").verdict == "added"
    _, token = issue_token(User.objects.create_user("ada"))
    return Relay(gemini, token)
