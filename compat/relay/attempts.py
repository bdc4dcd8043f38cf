"""The attempts of one call: model by model, key by key, until one answers or nothing is left to try."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, TypeVar

import msgspec

from accounts import pool
from accounts.pool import Exhausted, Lease, PooledKey
from accounts.remembered_settings import settings
from compat.errors import CompatError, NoUpstreamKey, UnknownModel
from compat.gemini.failures import (
    EMPTY,
    FILE_LOST,
    TOO_LONG,
    UNREACHABLE,
    UPLOAD_TOO_SLOW,
    Blame,
    Facts,
    Failure,
    GeminiFailure,
    Next,
    Rest,
    of_upload,
    share_that_fits,
)
from compat.relay import copies
from compat.relay.gone import remember_gone, still_there
from compat.relay.job import ANSWERED, Call, Job
from compat.relay.line import is_line, turn
from compat.relay.spare import spare_slot
from compat.relay.telling import client_error, exhausted, too_large, unavailable
from compat.translation.refusals import Untranslatable
from compat.translation.repairs import REPAIRS
from compat.translation.stored_files import named_ahead, put_addresses

logger = logging.getLogger(__name__)

T = TypeVar("T")
Act = Callable[[str, str, bytes], Awaitable[T]]
"""(model, key, body) → what the attempt brought."""

_BROKEN_ATTEMPTS = 3
# Room may come earlier than was said: another process gives back, a key is contributed, a model recovers.
_LOOK_AGAIN_SECONDS = 1.0
_SHORTENED = "shortened"
_WEEK = 7 * 24 * 60 * 60.0
_encode = msgspec.json.Encoder().encode


class Attempts:
    """What was tried for one call, and what came of it."""

    _broken = 0
    _last: GeminiFailure | None = None

    def __init__(self, job: Job, call: Call) -> None:
        self._job = job
        self._call = call
        # The loop's time, which is virtual where a day is simulated.
        self._time = asyncio.get_running_loop().time
        self._deadline = self._time() + settings.KEY_DEADLINE_SECONDS
        self._waits: list[float] = []
        self._too_large: dict[str, int] = {}
        """The models for which the prompt alone is more than a minute's quota, and that quota."""
        self._tokens = job.prompt_tokens
        # Who names the same files meets the same project, for that has them or soon will.
        self._affinity = copies.affinity(job.files) if job.files else call.affinity()
        self._upload_seconds = settings.FIRST_BYTE_SECONDS
        """What is left of the time for uploads, of all attempts together."""

    async def first_success(self, act: Act[T]) -> tuple[T, Lease]:
        """What the first attempt that succeeds brings, and the lease it holds: the caller gives that back.

        When every key is out of quota it waits in line, as long as a slot will come in time. Raises CompatError when
        nothing is left to try.
        """
        targets = still_there(self._job.targets)
        await pool.ready()
        if self._job.caller.in_batch:
            return await self._when_spare(targets, act)
        # Who comes while others wait goes behind them.
        for place, model in enumerate(() if is_line(targets) else targets, 1):
            success = await self._ask(model, act, is_last=place == len(targets))
            if success is not None:
                return success
        while True:
            slot = await self._next_slot(targets)
            if slot is None:
                raise self._error()
            success = await self._ask(slot.model, act, is_last=True, lease=slot)
            if success is not None:
                return success

    async def _when_spare(self, targets: Sequence[str], act: Act[T]) -> tuple[T, Lease]:
        """The same for a request that nobody waits for: every attempt begins with a slot that was to spare."""
        success, lease = None, self._job.take_lease()
        while success is None:
            if not targets or self._broken >= _BROKEN_ATTEMPTS or (self._last and self._time() > self._deadline):
                raise self._error()
            slot = lease or await spare_slot(targets, self._tokens, self._job.files)
            lease = None
            success = await self._ask(slot.model, act, is_last=True, lease=slot)
            targets = still_there(targets)
        return success

    async def _next_slot(self, asked: Sequence[str]) -> Lease | None:
        """A lease for one of the models asked, waited for in line; None when none will come before the deadline."""
        targets = [target for target in still_there(asked) if target not in self._too_large]
        if not targets or self._broken >= _BROKEN_ATTEMPTS:
            return None
        async with turn(asked, self._deadline - self._time()) as came:
            while came:
                self._waits.clear()
                for model in targets:
                    lease = await self._lease(model, ())
                    if lease is not None:
                        return lease
                wait = min(self._waits, default=None)
                if wait is None or wait > self._deadline - self._time():
                    return None
                await asyncio.sleep(min(max(wait, 0.01), _LOOK_AGAIN_SECONDS))
        return None

    async def _lease(self, model: str, tried: Collection[PooledKey]) -> Lease | None:
        """A lease, or a note of how long it would take."""
        files = self._job.files
        holders = await copies.holders(files) if files else ()
        lease = await pool.lease(
            model, tried, self._tokens, self._affinity, spare=self._job.caller.in_batch, holders=holders
        )
        if isinstance(lease, Exhausted):
            self._waits += [] if lease.wait is None else [lease.wait]
            return None
        return lease

    async def _ask(
        self, model: str, act: Act[T], *, is_last: bool, lease: Lease | None = None
    ) -> tuple[T, Lease] | None:
        """Attempts with one model, each with another key; None when the next model is to be asked."""
        # Before any key is asked: what cannot be translated is the client's mistake alone.
        body = self._to_body(model, lease)
        tried: set[PooledKey] = set()
        repaired: set[str] = set()
        while True:
            lease = lease or await self._lease(model, tried)
            if lease is None:
                return None
            try:
                return await self._attempt(lease, body, act), lease
            except GeminiFailure as found:
                self._last = failure = found
            step, held = self._learn(lease, failure, repaired), lease
            lease = None
            match step:
                case Next.REPAIR:
                    body = REPAIRS[failure.failure.name](body)
                case Next.STOP:
                    body = self._shortened(failure, model, repaired)
                case Next.KEY if self._time() < self._deadline and self._broken < _BROKEN_ATTEMPTS:
                    tried.add(held.key)
                case Next.AGAIN if await self._once_more(failure, is_last=is_last):
                    pass
                case _:
                    return None

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

    def _to_body(self, model: str, lease: Lease | None) -> dict[str, Any]:
        try:
            return self._call.to_body(model, self._call.candidates)
        except Untranslatable:
            if lease is not None:
                pool.refund(lease)
            raise

    async def _attempt(self, lease: Lease, body: dict[str, Any], act: Act[T]) -> T:
        began = self._job.calling(lease.model)
        if self._job.files:
            body = await self._with_copies(lease, body, began)
        # store: false keeps prompts out of the logs of the project that lent the key.
        payload = _encode(body if settings.UPSTREAM_STORE or not self._call.may_be_logged else {**body, "store": False})
        try:
            brought = await act(lease.model, lease.secret, payload)
        except GeminiFailure as found:
            self._job.attempted(lease.model, found.failure.verdict, began)
            raise
        except CompatError:
            # Its request was blocked, by an upstream that works.
            self._job.attempted(lease.model, "blocked", began)
            pool.answered(lease)
            pool.give_back(lease)
            raise
        except BaseException:
            # The client left: the attempt was made all the same.
            self._job.attempted(lease.model, "left", began)
            pool.give_back(lease)
            raise
        pool.answered(lease)
        self._job.attempted(lease.model, ANSWERED, began)
        return brought

    async def _with_copies(self, lease: Lease, body: dict[str, Any], began: float) -> dict[str, Any]:
        """The body with the addresses of copies in the project of the lease; what is not there is uploaded first.

        Raises GeminiFailure, also for an upload that takes too long. The time it takes is none in which keys were looked for.
        """
        started = self._time()
        try:
            async with asyncio.timeout(self._upload_seconds):
                addresses = await copies.hold(lease.key, named_ahead(body), self._job.files)
        except (GeminiFailure, TimeoutError) as found:
            met = of_upload(found) if isinstance(found, GeminiFailure) else GeminiFailure(UPLOAD_TOO_SLOW, Facts(504))
            self._job.attempted(lease.model, met.failure.verdict, began)
            raise met from None
        except BaseException:
            # The client left, or the file was deleted: nothing was asked of the model.
            self._job.attempted(lease.model, "left", began)
            pool.refund(lease)
            raise
        finally:
            took = self._time() - started
            self._deadline += took
            self._upload_seconds -= took
        addressed: dict[str, Any] = put_addresses(body, addresses)
        return addressed

    def _learn(self, lease: Lease, found: GeminiFailure, repaired: set[str]) -> Next:
        """Tell the pool what the failure says of the key, and give what is to be done. Each repair is made once."""
        failure, facts = found.failure, found.facts
        logger.info("attempt failed: %s with %s (HTTP %d)", failure.name, lease.model, facts.http_status)
        if failure.blame is Blame.REQUEST:
            pool.give_back(lease)
            return self._mend(lease, found, repaired)
        if failure is UNREACHABLE or failure.blame is Blame.UPLOAD:
            pool.refund(lease)
            self._broken += failure.blame is Blame.UPLOAD
            return failure.next
        if failure is EMPTY:
            # It may well be the prompt's doing: neither key nor model is blamed.
            pool.answered(lease)
            pool.give_back(lease)
            return failure.next
        pool.refuse(lease, failure.name, model_at_fault=failure.blame is Blame.MODEL, used_quota=failure.used_quota)
        if failure.disables:
            _take_out(lease, failure)
        elif failure.rest is not Rest.NONE:
            return self._rest(lease, found)
        elif failure.next is Next.MODEL:
            remember_gone(lease.model)
        return failure.next

    def _mend(self, lease: Lease, found: GeminiFailure, repaired: set[str]) -> Next:
        failure = found.failure
        if failure.next is Next.REPAIR and failure.name in repaired:
            return Next.STOP
        repaired.add(failure.name)
        if failure.name == FILE_LOST:
            copies.lost(lease.key.domain, self._job.files, found.facts.text)
        return failure.next

    def _rest(self, lease: Lease, found: GeminiFailure) -> Next:
        failure, facts = found.failure, found.facts
        is_explained = pool.learn_quota(lease, facts.violations)
        limit = _minute_of_tokens(facts)
        if limit is not None and self._tokens > limit:
            # Any other key would refuse it as well, and this one is free for shorter prompts.
            self._too_large[lease.model] = limit
            return Next.MODEL
        # What the ledger knows needs no rest; and where it is our address that is refused, the keys are well.
        is_counted = failure.rest is Rest.DELAY and failure.blame is Blame.QUOTA and is_explained
        if is_counted or (failure.rest is Rest.SHORT and pool.bare_refusal(lease)):
            return failure.next
        pool.cool_down(lease, _rest_until(lease, found), failure.name, all_models=failure.blame is Blame.ADDRESS)
        return failure.next

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

    def _error(self) -> CompatError:
        """What the client is told when nothing is left to try."""
        last = self._last
        if last is not None and last.failure.client_code not in (
            "no_upstream_key",
            "pool_exhausted",
            "model_not_found",
        ):
            return client_error(last, self._job.model)
        if self._too_large:
            model, limit = next(iter(self._too_large.items()))
            return too_large(model, limit, self._tokens)
        if pool.size() == 0:
            return NoUpstreamKey(
                "There is no usable Gemini key in the pool. The operator can add one, or anybody contribute."
            )
        if not still_there(self._job.targets) or (last is not None and last.failure.client_code == "model_not_found"):
            return UnknownModel(
                f"The model `{self._job.asked}` does not exist any more: Gemini retired every model it is mapped to.",
                param="model",
            )
        return self._no_slot()

    def _no_slot(self) -> CompatError:
        waits = {target: pool.soonest(target, self._tokens) for target in self._job.targets}
        known = [wait for wait in waits.values() if wait is not None]
        if all(pool.model_rests(target) for target in waits):
            return unavailable(self._job.targets[0], min(known, default=5.0))
        if not known and self._last is not None and self._last.failure.client_code == "no_upstream_key":
            return NoUpstreamKey("No key in the pool could be used for this model.")
        return exhausted(min(known, default=None))


def _take_out(lease: Lease, failure: Failure) -> None:
    if failure.in_doubt:
        pool.suspect(lease, failure.name)
    else:
        pool.disable(lease, failure.name, whole_domain=failure.blame is Blame.PROJECT)


def _minute_of_tokens(facts: Facts) -> int | None:
    """The input tokens a minute, where the refusal says that they were exceeded."""
    return next((value for quota_id, value in facts.violations if "Token" in quota_id and value), None)


def _rest_until(lease: Lease, found: GeminiFailure) -> float:
    """The Unix time until which a quota domain rests. A daily quota ignores the short delay that comes with it."""
    now, rest = pool.now(), found.failure.rest
    if rest is Rest.DAY:
        return pool.day_rest(lease)
    if rest is Rest.WEEK:
        return now + _WEEK
    seconds = pool.short_rest(lease) if rest is Rest.SHORT else (found.facts.retry_seconds or 60.0)
    # RetryInfo is rounded down to whole seconds. Jitter, so that the keys of a burst do not come back all at once.
    return now + seconds + 1 + 0.5 * random.random()  # noqa: S311
