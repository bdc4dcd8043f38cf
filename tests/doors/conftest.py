"""The whole app in this process before a scripted Gemini, and one client of it for every door, whole and streamed."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from accounts import metering, pool
from accounts.contributing import contribute_many
from accounts.in_db import in_db
from accounts.issuing import issue_token
from accounts.models import UsageRecord, User
from compat.models import MappingTarget, ModelMapping
from tests.doors.door import Asked, Door, Told
from tests.doors.every import DOORS
from tests.limits.app import Answered, ask
from tests.limits.conftest import gemini, one_gemini
from tests.scripted_gemini import ScriptedGemini
from tests.surface.conftest import database_threads, forget_everything, permissions_afterwards

__all__ = ["database_threads", "gemini", "one_gemini", "permissions_afterwards"]

KEYS = tuple(f"fake-key-of-the-doors-{letter * 3}" for letter in "abc")


class Client:
    """Somebody with a token who asks at one door, whole or streamed."""

    def __init__(self, door: Door, stream: bool, user: User, token: str) -> None:
        self.door = door
        self.stream = stream
        self.user = user
        self.token: str | None = token

    def __str__(self) -> str:
        return f"{self.door}-{'stream' if self.stream else 'whole'}"

    def request(self, model: str = "", **members: Any) -> Asked:
        """A request of this door's; see Door.ask."""
        return self.door.ask(model or self.door.model, stream=self.stream, **members)

    async def ask(self, model: str = "", **members: Any) -> Told:
        """Ask, and read the answer as the door's clients do."""
        return self.door.read(await self.send(self.request(model, **members)))

    async def send(self, asked: Asked, headers: dict[str, str] | None = None, **how: Any) -> httpx.Response:
        """Send any request with the token; the answer as it came. `how` is that of tests.limits.app.ask."""
        credentials = {} if self.token is None else self.door.credentials(self.token)
        sent = {"content-type": asked.content_type, **credentials, **(headers or {})}
        answered = await ask(asked.path, asked.content, headers=tuple(sent.items()), query=asked.query, **how)
        return httpx.Response(answered.status, headers=answered.headers, content=answered.body)

    def begin(self, **members: Any) -> "Visit":
        """Ask, and stay free to leave before the answer is whole."""
        return Visit(self, self.request(**members))

    async def issue(self, **about: Any) -> None:
        """Use a new token from now on; see accounts.issuing.issue_token."""
        _, self.token = await in_db(issue_token, self.user, **about)


class Visit:
    """A request that is under way."""

    def __init__(self, client: Client, asked: Asked) -> None:
        self.answered = Answered()
        self._leave = asyncio.Event()
        self._task = asyncio.create_task(client.send(asked, answered=self.answered, leave=self._leave))

    async def leave(self) -> None:
        """Close the connection; the app has done with the request afterwards."""
        self._leave.set()
        await asyncio.wait_for(self._task, 5)

    async def end(self) -> httpx.Response:
        """The answer when it is whole."""
        return await asyncio.wait_for(self._task, 10)


async def until(look: Callable[[], Any], seconds: float = 8.0) -> None:
    """Wait until what it looks for is there."""
    async with asyncio.timeout(seconds):
        while not look():
            await asyncio.sleep(0.01)


async def records() -> list[UsageRecord]:
    """Every usage record so far."""
    await metering.flush()
    return await in_db(lambda: list(UsageRecord.objects.order_by("created")))


async def record() -> UsageRecord:
    """The only one."""
    (one,) = await records()
    return one


def map_name(name: str, *targets: str) -> None:
    """A public name for these Gemini models."""
    mapping, _ = ModelMapping.objects.get_or_create(name=name)
    mapping.targets.all().delete()
    for position, target in enumerate(targets):
        MappingTarget.objects.create(mapping=mapping, gemini_model=target, position=position)


@pytest.fixture
def site(
    permissions_afterwards: None,
    database_threads: None,
    no_connection_kept: None,
    gemini: ScriptedGemini,
    tmp_path: Any,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """The app with three keys that no quota is known of. Retries follow at once, and nobody waits in line for long."""
    settings.DATA_DIR = tmp_path
    settings.GEMINI_BASE_URL = gemini.url
    settings.REDIS_URL = ""
    settings.SIMULATOR = settings.OPEN_ACCESS = False
    settings.UNKNOWN_MODELS = "refuse"
    settings.KEY_DEADLINE_SECONDS = 0.5
    monkeypatch.setattr("compat.relay.attempts.random.random", lambda: -0.5)
    forget_everything()
    contribute_many(KEYS, source="operator", paid=True)
    pool.reset()
    yield
    forget_everything()


@pytest.fixture
def unhurried(site: None, settings: Any) -> None:
    """Time for another key on a busy machine as well; nothing of these tests waits for it."""
    settings.KEY_DEADLINE_SECONDS = 10


EVERY_WAY = [(door, stream) for door in DOORS for stream in (False, True) if door.streams or not stream]


def _named(ways: list[tuple[Door, bool]]) -> dict[str, Any]:
    return {"params": ways, "ids": [f"{door}-{'stream' if stream else 'whole'}" for door, stream in ways]}


@pytest.fixture(**_named(EVERY_WAY))
def client(request: pytest.FixtureRequest, ada: User) -> Client:
    """Ada at every door, whole and streamed."""
    return Client(*request.param, ada, issue_token(ada)[1])


@pytest.fixture(**_named([way for way in EVERY_WAY if way[0].spends]))
def spender(request: pytest.FixtureRequest, ada: User) -> Client:
    """Ada at every door whose answers cost tokens, whole and streamed."""
    return Client(*request.param, ada, issue_token(ada)[1])


@pytest.fixture(**_named([way for way in EVERY_WAY if way[0].talks]))
def talker(request: pytest.FixtureRequest, ada: User) -> Client:
    """Ada at every door that answers in words, whole and streamed."""
    return Client(*request.param, ada, issue_token(ada)[1])


@pytest.fixture(**_named([way for way in EVERY_WAY if way[0].calls_functions]))
def agent(request: pytest.FixtureRequest, ada: User) -> Client:
    """Ada at every door that knows functions, whole and streamed."""
    return Client(*request.param, ada, issue_token(ada)[1])


@pytest.fixture(**_named([way for way in EVERY_WAY if way[1]]))
def streamer(request: pytest.FixtureRequest, ada: User) -> Client:
    """Ada at every door that streams, streamed."""
    return Client(*request.param, ada, issue_token(ada)[1])


@pytest.fixture(**_named([(door, False) for door in DOORS]))
def whole(request: pytest.FixtureRequest, ada: User) -> Client:
    """Ada at every door, whole: for what is decided before anybody knows whether it is a stream."""
    return Client(*request.param, ada, issue_token(ada)[1])


@pytest.fixture
def ada(site: None) -> User:
    return User.objects.create_user("ada")
