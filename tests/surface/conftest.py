"""The whole app in this process, without a socket: a tiny ASGI client in front, a Gemini of a few lines behind."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.core.management.sql import emit_post_migrate_signal
from django.db import connections
from django.db.models.signals import post_migrate

import accounts.in_db
from accounts import callers, failed_attempts, limits, metering, pool, pricing
from accounts.contributing import contribute
from accounts.issuing import issue_token
from accounts.models import ContributedKey, KeyCooldown, KeyDay, UsageRecord, User
from compat import catalogue
from compat.gemini.failures import GeminiFailure
from compat.mapping import forget_mappings
from compat.models import MappingTarget, ModelMapping
from compat.relay import copies, gone, upstream
from compat.schemas.gemini import CountReply, EmbeddingReply, ModelList, Reply
from compat.simulator.media import image
from tests import gemini_replies
from tests.gemini_files import GeminiFiles
from tumbler_site.asgi import application

T = TypeVar("T", Reply, EmbeddingReply, CountReply)
UPSTREAM_KEY = "fake-upstream-key-of-the-surface"
MODEL = "gemini-2.5-flash"
PERMISSIONS = "django.contrib.auth.management.create_permissions"
REPLY = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello."}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7},
    "modelVersion": "gemini-2.5-flash",
}
SPOKEN = gemini_replies.reply(gemini_replies.sound(bytes(9_600)))
JUDGE = "gemini-3.5-flash-lite"
JUDGED = gemini_replies.reply('{"violence":0.9}')
DRAWN = {
    "candidates": [{"content": {"role": "model", "parts": [{"inlineData": image({})}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 1_120, "totalTokenCount": 1_125},
}
MODELS = {"models": [{"name": f"models/{MODEL}", "supportedGenerationMethods": ["generateContent"]}]}


@dataclass
class Answered:
    """What the client got."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    names: list[str] = field(default_factory=list)
    """Every header's name as it was sent, those that came twice twice."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error of the envelope, whose shape is checked."""
        assert set(self.json) == {"error"}, self.body
        error = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}, error
        assert isinstance(error["message"], str) and error["message"] and isinstance(error["type"], str)
        assert isinstance(error["param"], str | None) and isinstance(error["code"], str | None)
        return error


async def ask(
    path: str = "/v1/chat/completions",
    body: bytes = b"",
    *,
    method: str = "POST",
    headers: tuple[tuple[str, str], ...] = (),
    host: str | None = "localhost",
    query: bytes = b"",
    pieces: int = 1,
    leaves: float | None = None,
) -> Answered:
    """One request, as a server would hand it to the app; its body comes in so many pieces.

    `leaves` is the time in seconds after which the client is gone.
    """
    sent = [] if host is None else [(b"host", host.encode("latin-1"))]
    sent += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "scheme": "http",
        "headers": sent,
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
    }
    step = -(-len(body) // pieces) or 1
    parts = [body[start : start + step] for start in range(0, len(body), step)] or [b""]
    messages = [
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1} for index, part in enumerate(parts)
    ]
    messages.reverse()
    answered = Answered()

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await (asyncio.Event().wait() if leaves is None else asyncio.sleep(leaves))
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert answered.status == 0, "a second response began"
            answered.status = message["status"]
            answered.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            answered.names = [name.decode() for name, _ in message["headers"]]
        else:
            answered.body += message.get("body", b"")

    await application(scope, receive, send)
    return answered


class StubGemini:
    """Answers everything alike and keeps what it was asked: (method, model, key, body)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str, Any]] = []
        self.reply: dict[str, Any] = REPLY
        self.failure: GeminiFailure | None = None
        """What every call fails with."""
        self.files = GeminiFiles()

    def _take(self, method: str, model: str, key: str, body: bytes) -> None:
        self.calls.append((method, model, key, json.loads(body)))
        if self.failure is not None:
            raise self.failure

    async def generate(self, model: str, key: str, body: bytes) -> Reply:
        self._take("generateContent", model, key, body)
        if model == JUDGE:
            return _read(JUDGED, Reply)
        if self._draws(body):
            return _read(DRAWN, Reply)
        count = json.loads(body).get("generationConfig", {}).get("candidateCount", 1)
        return _read({**self.reply, "candidates": self.reply.get("candidates", []) * count}, Reply)

    async def embed(self, model: str, key: str, body: bytes) -> EmbeddingReply:
        self._take("batchEmbedContents", model, key, body)
        count = len(json.loads(body)["requests"])
        return _read({"embeddings": [{"values": [0.6, 0.8]}] * count}, EmbeddingReply)

    async def count(self, model: str, key: str, body: bytes) -> CountReply:
        self._take("countTokens", model, key, body)
        return _read({"totalTokens": 3}, CountReply)

    async def models(self, key: str) -> ModelList:
        return msgspec.convert(MODELS, ModelList)

    async def stream(self, model: str, key: str, body: bytes) -> "StubStream":
        self._take("streamGenerateContent", model, key, body)
        reply = DRAWN if self._draws(body) else SPOKEN if "-tts" in model else self.reply
        return StubStream([_read(reply, Reply)])

    def _draws(self, body: bytes) -> bool:
        wanted = json.loads(body).get("generationConfig", {}).get("responseModalities")
        return wanted == ["IMAGE"] and self.reply is REPLY

    @property
    def texts(self) -> list[str]:
        """Every text that was sent in contents."""
        return [
            part["text"]
            for _, _, _, body in self.calls
            for content in body["contents"]
            for part in content["parts"]
            if "text" in part
        ]


def _read(reply: dict[str, Any], kind: type[T]) -> T:
    """The struct, with its text as the client leaves it."""
    read = msgspec.convert(reply, kind)
    read.text = json.dumps(reply).encode()
    return read


class StubStream:
    """One stream of ready replies."""

    def __init__(self, replies: list[Reply]) -> None:
        self._replies = replies

    async def read(self) -> list[Reply] | None:
        replies, self._replies = self._replies, []
        return replies or None

    def close(self) -> None:
        pass


class Site:
    """The app with one key, one user and one token."""

    def __init__(self, gemini: StubGemini, user: User, token: str) -> None:
        self.gemini = gemini
        self.user = user
        self.token = token

    async def chat(self, body: Any = None, /, *, path: str = "/v1/chat/completions", **members: Any) -> Answered:
        """A chat request with these members, or with this body (bytes as they are)."""
        request = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], **members} if body is None else body
        payload = request if isinstance(request, bytes) else json.dumps(request).encode()
        return await self.ask(path, payload)

    async def ask(
        self,
        path: str,
        body: bytes = b"",
        *,
        method: str = "POST",
        headers: tuple[tuple[str, str], ...] = (),
        **more: Any,
    ) -> Answered:
        """A request with the token; headers that are given win over the usual ones."""
        usual = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        given = {name.lower() for name, _ in headers}
        kept = tuple((name, value) for name, value in usual.items() if name not in given)
        return await ask(path, body, method=method, headers=(*kept, *headers), **more)

    async def untouched(self) -> bool:
        """True when nothing was sent upstream, no key was harmed or even used, and nobody was charged."""
        await pool.sync()
        await metering.flush()
        return not self.gemini.calls and await sync_to_async(_is_untouched)()

    async def records(self) -> list[UsageRecord]:
        """Every usage record so far."""
        await metering.flush()
        return await sync_to_async(lambda: list(UsageRecord.objects.order_by("created")))()


def _is_untouched() -> bool:
    state = ContributedKey.objects.values_list("state", flat=True).get()
    used = KeyCooldown.objects.exists() or KeyDay.objects.exists()
    charged = sum(record.total_tokens for record in UsageRecord.objects.all())
    return state == ContributedKey.State.ACTIVE and not used and not charged


def forget_everything() -> None:
    metering.close()
    callers.forget()
    failed_attempts.forget()
    limits.forget()
    pool.reset()
    pricing.forget()
    forget_mappings()
    catalogue.forget_offered()
    gone.forget_gone()
    copies.reset()


@pytest.fixture(scope="module")
def permissions_afterwards(django_db_setup, django_db_blocker):
    """Most of the time of emptying the database goes into permissions and content types, which nobody asks for here."""
    post_migrate.disconnect(dispatch_uid=PERMISSIONS)
    post_migrate.disconnect(create_contenttypes)
    yield
    post_migrate.connect(create_contenttypes)
    post_migrate.connect(create_permissions, dispatch_uid=PERMISSIONS)
    with django_db_blocker.unblock():
        emit_post_migrate_signal(0, False, "default")


@pytest.fixture
def database_threads(transactional_db, monkeypatch):
    """Threads of the test's own: what they still do is done before the database is emptied."""
    with ThreadPoolExecutor(1) as threads:
        monkeypatch.setattr(accounts.in_db, "_threads", threads)
        yield
        forget_everything()
        threads.submit(connections.close_all)
    connections.close_all()


@pytest.fixture
def gemini(monkeypatch) -> StubGemini:
    stub = StubGemini()
    monkeypatch.setattr(upstream, "new_client", lambda: stub)
    return stub


@pytest.fixture
def site(permissions_afterwards, database_threads, gemini, tmp_path, settings):
    settings.DATA_DIR = tmp_path
    settings.REDIS_URL = ""
    settings.SIMULATOR = False
    settings.OPEN_ACCESS = False
    settings.UNKNOWN_MODELS = "refuse"
    forget_everything()
    contribute(UPSTREAM_KEY, source="operator")
    for name, target in (("gpt-4o", MODEL), ("text-embedding-3-small", "gemini-embedding-2")):
        mapping, _ = ModelMapping.objects.get_or_create(name=name)
        mapping.targets.all().delete()
        MappingTarget.objects.create(mapping=mapping, gemini_model=target)
    user = User.objects.create_user("ada")
    _, token = issue_token(user)
    forget_mappings()
    return Site(gemini, user, token)


@pytest.fixture
def image_mappings(site):
    """OpenAI's names of image models, as they are seeded."""
    import_module("compat.migrations.0005_seed_images").seed(apps, None)
    forget_mappings()
