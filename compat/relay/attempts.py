"""The attempts of one call: model by model, key by key, until one answers or nothing is left to try."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from accounts import pool
from accounts.pool import Exhausted, Lease, PooledKey
from accounts.remembered_settings import settings
from compat.errors import CompatError
from compat.gemini.failures import FILE_LOST, TOO_LONG, Blame, GeminiFailure, Next, share_that_fits
from compat.relay.calls import Call
from compat.relay.files import NamedFiles
from compat.relay.gone import still_there
from compat.relay.job import ANSWERED, Job
from compat.relay.learning import learn, limit_below
from compat.relay.line import is_line, turn
from compat.relay.spare import spare_slot
from compat.relay.telling import client_error, nothing_left
from compat.translation.refusals import Untranslatable
from compat.translation.repairs import REPAIRS

T = TypeVar("T")
Act = Callable[[str, str, bytes], Awaitable[T]]
"""(model, key, body) → what the attempt brought. Raises GeminiFailure, and CompatError for a prompt that was blocked."""
Refuse = Callable[[Job, Call, T], None]
"""Raises the same for what an attempt brought that is of no use."""

_BROKEN_ATTEMPTS = 3
# Room may come earlier than was said: another process gives back, a key is contributed, a model recovers.
_LOOK_AGAIN_SECONDS = 1.0
_SHORTENED = "shortened"
_encode = msgspec.json.Encoder().encode


class Attempts(Generic[T]):
    """What was tried for one call, and what came of it."""

    _broken = 0
    _last: GeminiFailure | None = None

    def __init__(self, job: Job, call: Call, act: Act[T], refuse: Refuse[T] | None = None) -> None:
        self._job = job
        self._call = call
        self._act = act
        self._refuse = refuse
        self._files = NamedFiles(job.files) if job.files else None
        self._affinity = call.affinity() if self._files is None else self._files.affinity
        # The loop's time, which is virtual where a day is simulated.
        self._time = asyncio.get_running_loop().time
        self._began = self._time()
        self._deadline = self._began + settings.KEY_DEADLINE_SECONDS
        self._too_large: dict[str, int] = {}
        """The models for which the prompt alone is more than a minute's quota, and that quota."""

    async def first_success(self) -> tuple[T, Lease]:
        """What the first attempt that succeeds brings, and the lease it holds: the caller gives that back.

        When every key is out of quota it waits in line, as long as a slot will come in time. Raises CompatError when
        nothing is left to try.
        """
        targets = still_there(self._job.targets)
        if not pool.is_fresh(self._began):
            await pool.ready()
        if self._job.caller.in_batch:
            return await self._when_spare(targets)
        # Who comes while others wait goes behind them.
        for place, model in enumerate(() if is_line(targets) else targets, 1):
            success = await self._ask(model, is_last=place == len(targets))
            if success is not None:
                return success
        while (slot := await self._next_slot(targets)) is not None:
            success = await self._ask(slot.model, is_last=True, lease=slot)
            if success is not None:
                return success
        raise self._nothing_left()

    async def _when_spare(self, targets: Sequence[str]) -> tuple[T, Lease]:
        """The same for a request that nobody waits for: every attempt begins with a slot that was to spare."""
        success, lease = None, self._job.take_lease()
        while success is None:
            if not targets or self._broken >= _BROKEN_ATTEMPTS or (self._last and self._time() > self._deadline):
                raise self._nothing_left()
            slot = lease or await spare_slot(targets, self._job.prompt_tokens, self._job.files)
            lease = None
            success = await self._ask(slot.model, is_last=True, lease=slot)
            targets = still_there(targets)
        return success

    async def _next_slot(self, asked: Sequence[str]) -> Lease | None:
        """A lease for one of the models asked, waited for in line; None when none will come before the deadline."""
        targets = [target for target in still_there(asked) if target not in self._too_large]
        if not targets or self._broken >= _BROKEN_ATTEMPTS:
            return None
        async with turn(asked, self._deadline - self._time()) as came:
            while came:
                waits: list[float] = []
                for model in targets:
                    lease = await self._lease(model, ())
                    if isinstance(lease, Lease):
                        return lease
                    waits += [] if lease.wait is None else [lease.wait]
                wait = min(waits, default=None)
                if wait is None or wait > self._deadline - self._time():
                    return None
                await asyncio.sleep(min(max(wait, 0.01), _LOOK_AGAIN_SECONDS))
        return None

    def _lease_at_once(self, model: str, tried: Collection[PooledKey]) -> Lease | Exhausted | None:
        """As `_lease`, where nothing has to be waited for."""
        if self._files is not None or self._job.caller.in_batch:
            return None
        return pool.lease_at_once(model, tried, self._job.prompt_tokens, self._affinity)

    async def _lease(self, model: str, tried: Collection[PooledKey]) -> Lease | Exhausted:
        job, holders = self._job, await self._files.holders() if self._files is not None else ()
        return await pool.lease(
            model, tried, job.prompt_tokens, self._affinity, spare=job.caller.in_batch, holders=holders
        )

    async def _ask(self, model: str, *, is_last: bool, lease: Lease | None = None) -> tuple[T, Lease] | None:
        """Attempts with one model, each with another key; None when the next model is to be asked."""
        # Before any key is asked: what cannot be translated is the client's mistake alone.
        body = self._to_body(model, lease)
        tried: set[PooledKey] = set()
        repaired: set[str] = set()
        while True:
            slot = lease or self._lease_at_once(model, tried) or await self._lease(model, tried)
            if isinstance(slot, Exhausted):
                return None
            try:
                return await self._attempt(slot, body), slot
            except GeminiFailure as found:
                self._last = failure = found
            lease = None
            learn(slot, failure, self._job.prompt_tokens)
            match self._next(slot, failure, repaired):
                case Next.REPAIR:
                    body = REPAIRS[failure.failure.name](body)
                case Next.STOP:
                    body = self._shortened(failure, model, repaired)
                case Next.KEY if self._time() < self._deadline and self._broken < _BROKEN_ATTEMPTS:
                    tried.add(slot.key)
                case Next.AGAIN if await self._once_more(failure, is_last=is_last):
                    pass
                case _:
                    return None

    def _to_body(self, model: str, lease: Lease | None) -> dict[str, Any]:
        try:
            return self._call.to_body(model, self._call.candidates)
        except Untranslatable:
            if lease is not None:
                pool.refund(lease)
            raise

    def _next(self, lease: Lease, found: GeminiFailure, repaired: set[str]) -> Next:
        """What is to be done about a failure. Each repair is made once."""
        failure = found.failure
        if failure.next is Next.REPAIR and failure.name in repaired:
            return Next.STOP
        repaired.add(failure.name)
        if self._files is not None and failure.name == FILE_LOST:
            self._files.lost(lease, found)
        if failure.blame is Blame.UPLOAD:
            self._broken += 1
        limit = limit_below(self._job.prompt_tokens, found.facts)
        if limit is not None:
            self._too_large[lease.model] = limit
            return Next.MODEL
        return failure.next

    def _shortened(self, found: GeminiFailure, model: str, repaired: set[str]) -> dict[str, Any]:
        """Once the body with less of its conversation, where that was too long and may be cut. Raises CompatError."""
        may_be_cut = found.failure.name == TOO_LONG and _SHORTENED not in repaired
        if not may_be_cut or self._job.to_shorter is None:
            raise client_error(found, model)
        repaired.add(_SHORTENED)
        shorter = self._job.to_shorter(model, self._call.candidates, share_that_fits(found.facts))
        if shorter is None:
            raise client_error(found, model)
        return shorter

    async def _attempt(self, lease: Lease, body: dict[str, Any]) -> T:
        job = self._job
        began = job.calling(lease.model)
        if self._files is not None:
            body = await self._with_copies(self._files, lease, body, began)
        try:
            brought = await self._act(lease.model, lease.secret, self._payload(body))
            if self._refuse is not None:
                self._refuse(job, self._call, brought)
        except GeminiFailure as found:
            job.attempted(lease.model, found.failure.verdict, began)
            raise
        except CompatError:
            # Its request was blocked, by an upstream that works.
            job.attempted(lease.model, "blocked", began)
            pool.answered(lease)
            pool.give_back(lease)
            raise
        except BaseException:
            # The client left: the attempt was made all the same.
            job.attempted(lease.model, "left", began)
            pool.give_back(lease)
            raise
        pool.answered(lease)
        job.attempted(lease.model, ANSWERED, began)
        return brought

    def _payload(self, body: dict[str, Any]) -> bytes:
        if self._call.may_be_logged and not settings.UPSTREAM_STORE:
            # Keeps prompts out of the logs of the project that lent the key.
            body = {**body, "store": False}
        return _encode(body)

    async def _with_copies(self, files: NamedFiles, lease: Lease, body: dict[str, Any], began: int) -> dict[str, Any]:
        """The body as the project of the lease understands it. The time it takes is none in which keys were looked for."""
        started = self._time()
        try:
            return await files.addressed(body, lease)
        except GeminiFailure as found:
            self._job.attempted(lease.model, found.failure.verdict, began)
            raise
        except BaseException:
            # The client left, or the file was deleted: nothing was asked of the model.
            self._job.attempted(lease.model, "left", began)
            pool.refund(lease)
            raise
        finally:
            self._deadline += self._time() - started

    async def _once_more(self, found: GeminiFailure, *, is_last: bool) -> bool:
        """True when the same model is to be asked again, after a short wait with jitter."""
        self._broken += 1
        # Where the model is at fault the next model helps more than waiting.
        if self._broken >= _BROKEN_ATTEMPTS or (found.failure.blame is Blame.MODEL and not is_last):
            return False
        if not pool.may_retry():
            self._broken = _BROKEN_ATTEMPTS
            return False
        await asyncio.sleep(0.1 * self._broken * (0.5 + random.random()))  # noqa: S311 (jitter)
        return self._time() < self._deadline

    def _nothing_left(self) -> CompatError:
        return nothing_left(self._job, self._last, self._too_large)
