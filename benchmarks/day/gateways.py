"""Who plays the day: this project's pool and attempts as they are, and two simpler ways to share keys."""

import asyncio
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from unittest.mock import patch
from uuid import UUID

import msgspec

from accounts import pool
from accounts.callers import Caller
from accounts.limits.holders import NO_LIMITS
from accounts.pool import PooledKey, clock, storage
from accounts.pool.news import Place, Rest, Unwritten
from accounts.pool.pacific import quota_day
from accounts.pool.quotas import Quota
from accounts.pool.storage import Findings
from accounts.secret import Secret
from benchmarks.day import virtual_time
from benchmarks.day.trace import Day, Request
from benchmarks.day.upstream import Upstream
from compat.errors import CompatError
from compat.gemini.failures import GeminiFailure
from compat.relay import Call, Job, upstream, whole
from compat.simulator.keys import read_key

# The tier table as it is seeded (accounts/migrations/0014_seed_tier_quotas.py).
_TIERS = [("gemini-*", False, Quota(tpm=250_000))]

_ANYBODY = Caller(0, None, "anybody", (), NO_LIMITS, NO_LIMITS, None)

Ask = Callable[[Request], Awaitable[str]]
"""Serves one request; gives the code of the client's error, empty for an answer."""


class Ended(NamedTuple):
    """How one request ended."""

    request: Request
    waited: float
    """Seconds from the request to its end, without the time of the answer itself."""
    error: str
    had_slot: bool
    """The client saw an error although a key would have answered."""


@dataclass
class Played:
    """The day of one gateway."""

    day: Day
    upstream: Upstream
    ended: list[Ended] = field(default_factory=list)
    learned: dict[Place, Quota] = field(default_factory=dict)
    """The limits that this project's pool knew in the end."""


def play(day: Day, make: Callable[[Day, Upstream], Ask]) -> Played:
    """Let every request of the day come at its time."""
    return virtual_time.run(_play(day, make))


async def _play(day: Day, make: Callable[[Day, Upstream], Ask]) -> Played:
    played = Played(day, Upstream(day))
    ask, now = make(day, played.upstream), asyncio.get_running_loop().time

    async def client(request: Request) -> None:
        error = await ask(request)
        had_slot = bool(error) and played.upstream.has_slot(request)
        waited = now() - request.at - (0.0 if error else request.seconds)
        played.ended.append(Ended(request, waited, error, had_slot))

    async with asyncio.TaskGroup() as clients:
        for request in day.requests:
            await asyncio.sleep(request.at - now())
            clients.create_task(client(request))
    return played


# --- this project ------------------------------------------------------------------------------------------------


class Database:
    """What the pool exchanges with once a second: in memory, for there is no thread in virtual time."""

    def __init__(self, keys: Iterable[PooledKey], quotas: dict[Place, Quota]) -> None:
        self._keys = {key.id: key for key in keys}
        self._domains = {key.id: key.domain for key in self._keys.values()}
        self._rests: dict[Place, Rest] = {}
        self.quotas = quotas
        self._used: Counter[tuple[Place, Any]] = Counter()

    async def in_db(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """In the place of accounts.in_db. No process was there before, so there is nothing to restore."""
        return self._exchange(*arguments) if act is storage.exchange else {}

    def _exchange(self, unwritten: Unwritten, known: object, stamp: object, since: object) -> Findings:
        """As accounts.pool.storage.exchange."""
        for (key_id, model, day), counts in unwritten.days.items():
            self._used[(self._domains[key_id], model), day] += counts.requests - counts.refusals
        gone = unwritten.disabled | unwritten.suspected
        self._keys = {key_id: key for key_id, key in self._keys.items() if key_id not in gone}
        self._rests |= unwritten.rests
        self.quotas |= unwritten.quotas
        today = quota_day(pool.now())
        return Findings(
            None if stamp == len(self._keys) else list(self._keys.values()),
            len(self._keys),
            _TIERS,
            dict(self.quotas),
            {place: used for (place, day), used in self._used.items() if day == today},
            {place: rest for place, rest in self._rests.items() if rest.until > pool.now()},
            cleared=[],
            has_suspects=False,
        )


def _pooled(day: Day) -> list[PooledKey]:
    return [
        PooledKey(UUID(int=number), Secret(text), f"project:{read_key(text).project}", paid=False)
        for number, text in enumerate(day.keys)
    ]


def play_tumbler(day: Day, learned: dict[Place, Quota] | None = None) -> Played:
    """accounts.pool and compat.relay as they serve a request, between the simulated Gemini and a database in memory.

    The limits that were `learned` on a day before are known at the start; the others are learned on the way.
    """
    database = Database(_pooled(day), dict(learned or {}))
    random.seed(1)
    with ExitStack() as changed:
        changed.enter_context(patch("accounts.pool.exchanging.in_db", database.in_db))
        changed.callback(setattr, clock, "source", clock.source)
        changed.callback(pool.reset)
        pool.reset()
        pool._shared.pool._rng.seed(1)
        played = play(day, _tumbler)
    played.learned = database.quotas
    return played


def _tumbler(day: Day, gemini: Upstream) -> Ask:
    clock.source = lambda: day.starts + gemini.now()
    upstream._clients[asyncio.get_running_loop()] = gemini  # type: ignore[assignment]

    async def ask(request: Request) -> str:
        body = _body(request)
        call = Call(0, 1, lambda model, candidates: body, lambda: request.conversation)
        job = Job(_ANYBODY, "chat/completions", request.model, (request.model,), (call,), stream=False)
        job.prompt_characters = lambda: request.characters
        try:
            await whole.complete(job)
        except CompatError as error:
            return error.code or error.type
        return ""

    return ask


def _body(request: Request) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": str(request.number)}]}]}


# --- the others ----------------------------------------------------------------------------------------------------

_TRIES = 4
_CHECK_EVERY = 3600.0


def round_robin(day: Day, gemini: Upstream) -> Ask:
    """Keys in turn; one that failed three times is out until an hourly check answers; three tries more a request."""
    turn, strikes = itertools.cycle(day.keys), Counter[str]()

    def next_key() -> str:
        # When every key is out, the next is taken all the same.
        return next((key for key in itertools.islice(turn, len(day.keys)) if strikes[key] < 3), next(turn))

    async def check() -> None:
        while gemini.now() < day.seconds:
            await asyncio.sleep(_CHECK_EVERY)
            for key in [key for key in day.keys if strikes[key]]:
                try:
                    await gemini.receive(day.requests[0].model, key, 5)
                except GeminiFailure:
                    continue
                strikes[key] = 0

    async def ask(request: Request) -> str:
        def struck(key: str) -> None:
            strikes[key] += 1

        return await _tries(gemini, request, next_key, struck)

    background = asyncio.get_running_loop().create_task(check())
    gemini.background = background  # the loop itself holds tasks only weakly
    return ask


def fixed_cooldown(day: Day, gemini: Upstream) -> Ask:
    """A key by chance among those that did not fail for this model within five seconds; three tries more a request."""
    rests: defaultdict[str, dict[str, float]] = defaultdict(dict)
    rng = random.Random(1)

    async def ask(request: Request) -> str:
        def next_key() -> str | None:
            resting, now = rests[request.model], gemini.now()
            return rng.choice([key for key in day.keys if resting.get(key, 0.0) <= now] or [None])

        def cool_down(key: str) -> None:
            rests[request.model][key] = gemini.now() + 5.0

        return await _tries(gemini, request, next_key, cool_down)

    return ask


async def _tries(
    gemini: Upstream, request: Request, next_key: Callable[[], str | None], failed: Callable[[str], None]
) -> str:
    payload, error = msgspec.json.encode(_body(request)), "no key"
    for _ in range(_TRIES):
        key = next_key()
        if key is None:
            break
        try:
            await gemini.generate(request.model, key, payload)
        except GeminiFailure as failure:
            failed(key)
            error = failure.failure.name
        else:
            return ""
    return error
