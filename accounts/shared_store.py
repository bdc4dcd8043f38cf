"""The way to Redis: scripts asked in the same moment go out together, and while Redis is away nobody waits for it."""

import asyncio
import contextvars
import hashlib
import logging
from collections import deque
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from accounts.redis_connection import Connection, Refused, command, connect, place_of

logger = logging.getLogger(__name__)

# Redis answers in a millisecond or is not well; redis-py's own defaults would hold a request for minutes.
ANSWER_SECONDS = 0.25
PROBE_SECONDS = 1.0
FAILURES = 3
_READ_AT_ONCE = 16 * 1024  # bytes
"""What Redis reads of one connection before it looks at the others.

Of a larger batch that it had not read when it fell silent it would run the rest later: behind what undoes it, which by
then comes on the next connection.
"""
_UNSENT_AT_MOST = 100_000
_PROBE = command(b"SET", b"tumbler:probe", b"", b"PX", b"1000")


class Away(Exception):
    """Redis does not answer, or not as it should."""


class Script:
    """A Lua script and the name that Redis gives it."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def digest(self) -> bytes:
        """What Redis knows it by."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest().encode()

    def run(self, keys: Sequence[str], argument: bytes) -> bytes:
        """The command that runs it."""
        return command(b"EVALSHA", self.digest, b"%d" % len(keys), *[key.encode() for key in keys], argument)


class _Errand(NamedTuple):
    script: Script
    run: bytes
    """The command."""
    answer: asyncio.Future[Any] | None
    """None: nobody waits."""
    kept: bool
    """Whether it is tried again until it gets through."""
    asked: float
    """The loop's time."""


class Wire:
    """One loop's connection to one Redis, with a breaker: after three failures it is left alone and probed each second."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.away = False
        self.returns = 0
        """How often Redis came back."""
        self._place = place_of(url)
        self._connection: Connection | None = None
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Errand] = deque()
        self._unsent: deque[_Errand] = deque(maxlen=_UNSENT_AT_MOST)
        self._resending = False
        self._failures = 0
        self._courier: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[None] | None = None

    @property
    def is_well(self) -> bool:
        """True while the last answer came."""
        return not self.away and self._failures == 0

    def ask(self, script: Script, keys: Sequence[str], argument: bytes) -> "asyncio.Future[Any]":
        """The future answer of a script; Away when none came within 250 ms.

        The script may have run all the same, or may run later: who asked must undo it then. While Redis is known to be
        away, Away is raised at once and nothing was sent.
        """
        if self.away:
            raise Away
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._send(_Errand(script, script.run(keys, argument), answer, kept=False, asked=self._loop.time()))
        return answer

    def tell(self, script: Script, keys: Sequence[str], argument: bytes, *, kept: bool = True) -> None:
        """Run a script that nobody waits for. While Redis is away it is `kept`, if it bears being run twice and late."""
        errand = _Errand(script, script.run(keys, argument), None, kept=kept, asked=self._loop.time())
        if kept and (self.away or self._unsent):
            self._unsent.append(errand)  # behind those that were told before it
        elif not self.away:
            self._send(errand)

    async def drained(self) -> None:
        """Wait until everything told so far has gone out, also what has to be told again: for tests and benchmarks."""
        while True:
            while self._courier is not None and not self._courier.done():
                await asyncio.wait((self._courier,))
            if not self.is_behind:
                return
            await asyncio.sleep(ANSWER_SECONDS)

    @property
    def is_behind(self) -> bool:
        """True while something that was told has still to be told again."""
        return bool(self._unsent)

    async def close(self) -> None:
        """Give the connections up."""
        for task in (self._courier, self._probe):
            if task is not None:
                task.cancel()
                await asyncio.wait((task,))
        if self._connection is not None:
            self._connection.close()

    def _send(self, errand: _Errand) -> None:
        self._waiting.append(errand)
        self._start()

    def _start(self) -> None:
        if self._courier is None or self._courier.done():
            # A context of its own: the request that came first is not the only one it runs for. It alone reads the
            # connection, so that a client who leaves cannot make somebody else's answer theirs.
            self._courier = self._loop.create_task(self._carry(), context=contextvars.Context())

    async def _carry(self) -> None:
        while batch := self._next_batch():
            # They are in the order in which they were asked: the first that waits has waited longest.
            asked = next((errand.asked for errand in batch if errand.answer is not None), self._loop.time())
            try:
                answers = await self._run(batch, asked + ANSWER_SECONDS)
            except (OSError, Refused) as error:
                self._failed(batch, error)
            else:
                self._answered(batch, answers)

    def _next_batch(self) -> list[_Errand]:
        """Those that wait, in their order; where there is room, what could not be told before. One may be any size."""
        batch: list[_Errand] = []
        if self.away:
            return batch
        room = _READ_AT_ONCE
        for line in (self._waiting, self._unsent) if self._resending else (self._waiting,):
            while line and (not batch or len(line[0].run) <= room):
                batch.append(line.popleft())
                room -= len(batch[-1].run)
        return batch

    async def _run(self, batch: list[_Errand], due: float) -> list[Any]:
        answers = await self._ask([errand.run for errand in batch], due)
        unknown = [place for place, answer in enumerate(answers) if _is_unknown(answer)]
        if unknown:
            texts = {batch[place].script.text for place in unknown}
            await self._ask([command(b"SCRIPT", b"LOAD", text.encode()) for text in texts], due)
            # What was told after the first of them is told again, for it may depend on it.
            rest = range(unknown[0], len(batch))
            again = [place for place in rest if place in unknown or batch[place].kept]
            for place, answer in zip(again, await self._ask([batch[place].run for place in again], due), strict=True):
                answers[place] = answer
        return answers

    async def _ask(self, commands: list[bytes], due: float) -> list[Any]:
        """The replies to some commands by the loop's time `due`. Raises OSError and Refused."""
        if self._connection is None or self._connection.is_closed:
            self._connection = await connect(self._place, due)
        return await self._connection.ask(commands, due)

    def _answered(self, batch: list[_Errand], answers: list[Any]) -> None:
        refused = [answer for answer in answers if isinstance(answer, Refused)]
        if refused:
            # It is full, still loading, or a replica: the same to everybody who asks.
            logger.error("Redis refused %d of %d scripts: %s", len(refused), len(batch), refused[0])
            self._count_failure(refused[0])
        else:
            self._failures = 0
        for errand, answer in zip(batch, answers, strict=True):
            if errand.answer is None or errand.answer.done():
                continue
            if isinstance(answer, Refused):
                errand.answer.set_exception(Away())
            else:
                errand.answer.set_result(answer)

    def _failed(self, batch: list[_Errand], error: Exception) -> None:
        self._resending = False
        self._count_failure(error)
        # Those who came meanwhile have waited as well, and would wait for the same.
        batch += self._waiting
        self._waiting.clear()
        for errand in batch:
            if errand.answer is not None and not errand.answer.done():
                errand.answer.set_exception(Away())
        # In front of those that were told after them.
        self._unsent.extendleft(reversed([errand for errand in batch if errand.kept]))
        if self._unsent and not self.away:
            self._loop.call_later(ANSWER_SECONDS, self._resend)

    def _count_failure(self, error: Exception) -> None:
        self._failures += 1
        if self._failures >= FAILURES and not self.away:
            self.away = True
            logger.warning("Redis does not answer (%s): each process goes on by itself.", type(error).__name__)
            self._probe = self._loop.create_task(self._wait_for_return(), context=contextvars.Context())

    async def _wait_for_return(self) -> None:
        while self.away:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                [answer] = await self._ask([_PROBE], self._loop.time() + ANSWER_SECONDS)
            except (OSError, Refused):
                continue
            if isinstance(answer, Refused):
                continue
            self.away, self._failures = False, 0
            self.returns += 1
            logger.warning("Redis answers again: the processes count together.")
        self._resend()

    def _resend(self) -> None:
        self._resending = True
        self._start()


def _is_unknown(answer: Any) -> bool:
    return isinstance(answer, Refused) and answer.name == "NOSCRIPT"


_wires: "WeakKeyDictionary[asyncio.AbstractEventLoop, Wire]" = WeakKeyDictionary()


def wire_to(url: str) -> Wire:
    """This event loop's connection to the Redis at `url` (a connection belongs to the loop it was made in)."""
    loop = asyncio.get_running_loop()
    wire = _wires.get(loop)
    if wire is None or wire.url != url:
        wire = _wires[loop] = Wire(url)
    return wire


def is_away() -> bool:
    """True while Redis is known not to answer: for pages, which run outside the event loop."""
    return any(wire.away for wire in list(_wires.values()))


async def close_wire() -> None:
    """Give this event loop's connection up: for tests and commands, whose loops end."""
    wire = _wires.pop(asyncio.get_running_loop(), None)
    if wire is not None:
        await wire.close()
