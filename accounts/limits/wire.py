"""The way to Redis: scripts asked in the same moment go out together, and while Redis is away nobody waits for it."""

import asyncio
import contextvars
import hashlib
import logging
from collections import deque
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

logger = logging.getLogger(__name__)

# Redis answers in a millisecond or is not well; redis-py's own defaults would hold a request for minutes.
ANSWER_SECONDS = 0.25
PROBE_SECONDS = 1.0
FAILURES = 3
_BATCH = 200
_UNSENT_AT_MOST = 100_000
_FOLDER = Path(__file__).parent / "lua"


class Away(Exception):
    """Redis does not answer, or not as it should."""


class Script:
    """One script of the folder lua/, with what all of them begin with."""

    def __init__(self, name: str) -> None:
        self.text = (_FOLDER / "common.lua").read_text() + (_FOLDER / f"{name}.lua").read_text()

    @cached_property
    def digest(self) -> str:
        """What Redis knows it by."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class _Errand(NamedTuple):
    script: Script
    keys: Sequence[str]
    argument: bytes
    answer: asyncio.Future[Any] | None
    """None: nobody waits, and it is tried again until it gets through."""


class Wire:
    """One loop's connection to one Redis, with a breaker: after three failures it is left alone and probed each second."""

    def __init__(self, url: str) -> None:
        self.away = False
        self.returns = 0
        """How often Redis came back."""
        self._redis = Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=15,
            max_connections=4,
        )
        self._waiting: deque[_Errand] = deque()
        self._unsent: deque[_Errand] = deque(maxlen=_UNSENT_AT_MOST)
        self._failures = 0
        self._courier: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[None] | None = None

    def ask(self, script: Script, keys: Sequence[str], argument: bytes) -> "asyncio.Future[Any]":
        """The future answer of a script, or Away. While Redis is known to be away that is raised at once."""
        if self.away:
            raise Away
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._send(_Errand(script, keys, argument, answer))
        return answer

    def tell(self, script: Script, keys: Sequence[str], argument: bytes) -> None:
        """Run a script that nobody waits for; while Redis is away it is kept. It must bear being run twice."""
        errand = _Errand(script, keys, argument, None)
        if self.away:
            self._unsent.append(errand)
        else:
            self._send(errand)

    async def close(self) -> None:
        """Give the connections up."""
        for task in (self._courier, self._probe):
            if task is not None:
                task.cancel()
        await self._redis.aclose()

    def _send(self, errand: _Errand) -> None:
        self._waiting.append(errand)
        if self._courier is None or self._courier.done():
            # A context of its own: the request that came first is not the only one it runs for.
            self._courier = asyncio.get_running_loop().create_task(self._carry(), context=contextvars.Context())

    async def _carry(self) -> None:
        while self._waiting and not self.away:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            try:
                async with asyncio.timeout(2 * ANSWER_SECONDS):
                    answers = await self._execute(batch)
            except (RedisError, OSError, TimeoutError) as error:
                self._failed(batch, error)
            else:
                self._failures = 0
                for errand, answer in zip(batch, answers, strict=True):
                    self._answer(errand, answer)

    async def _execute(self, batch: list[_Errand]) -> list[Any]:
        answers = await self._pipeline(batch)
        missing = {errand.script for errand, answer in zip(batch, answers, strict=True) if _is_unknown(answer)}
        if missing:
            for script in missing:
                await self._redis.script_load(script.text)
            again = [place for place, answer in enumerate(answers) if _is_unknown(answer)]
            for place, answer in zip(again, await self._pipeline([batch[place] for place in again]), strict=True):
                answers[place] = answer
        return answers

    async def _pipeline(self, batch: list[_Errand]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for errand in batch:
                pipeline.evalsha(errand.script.digest, len(errand.keys), *errand.keys, errand.argument)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
            return answers

    def _answer(self, errand: _Errand, answer: Any) -> None:
        failed = isinstance(answer, Exception)
        if failed:
            logger.error("Redis refused a script of the limits: %s", answer)
        if errand.answer is None or errand.answer.done():
            return
        if failed:
            errand.answer.set_exception(Away())
        else:
            errand.answer.set_result(answer)

    def _failed(self, batch: list[_Errand], error: Exception) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self.away = True
            logger.warning("Redis does not answer (%s): each process keeps limits by itself.", type(error).__name__)
            batch += self._waiting
            self._waiting.clear()
            self._probe = asyncio.get_running_loop().create_task(self._wait_for_return(), context=contextvars.Context())
        for errand in batch:
            if errand.answer is None:
                self._unsent.append(errand)
            elif not errand.answer.done():
                errand.answer.set_exception(Away())
        if not self.away and self._unsent:
            asyncio.get_running_loop().call_later(ANSWER_SECONDS, self._resend)

    async def _wait_for_return(self) -> None:
        while self.away:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                async with asyncio.timeout(2 * ANSWER_SECONDS):
                    await self._redis.ping()
            except (RedisError, OSError, TimeoutError):
                continue
            self.away, self._failures = False, 0
            self.returns += 1
            logger.warning("Redis answers again: limits are shared.")
        self._resend()

    def _resend(self) -> None:
        while self._unsent and not self.away:
            self._send(self._unsent.popleft())


def _is_unknown(answer: Any) -> bool:
    return isinstance(answer, NoScriptError)
