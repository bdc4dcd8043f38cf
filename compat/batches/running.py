"""Runs batches in this event loop: each in a task, with several lines at once."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import islice

import msgspec
from django.db import Error as AnyDatabaseError
from django.utils import timezone

from accounts import batches, files
from accounts.batches import LeaseLost, Result, Status
from accounts.in_db import in_db
from accounts.models import Batch, StoredFile
from accounts.sealing import Unsealable
from compat.batches.answering import answer, unanswered
from compat.batches.waking import nap
from compat.schemas.batches import BatchError
from compat.translation.batch_lines import Checked, Numbered, check_lines, read_lines

logger = logging.getLogger(__name__)

_BATCHES_AT_ONCE = 20
_LOOK_SECONDS = 5.0
_READ_AT_ONCE = 100
_DELETED = BatchError("file_not_found", "Its input file was deleted.", None, None)
_OVER: dict[str, tuple[str, str]] = {
    Status.EXPIRED: ("batch_expired", "The batch was not finished within its time."),
    Status.CANCELLED: ("batch_cancelled", "The batch was cancelled before this line was answered."),
}
_FULL = "files_full", "Your files take all the room there is: delete some, and ask this line again in another batch."


class Stopped(Exception):
    """The batch is cancelled, or its time is over: its argument is the status in which it ends."""


async def run_for_good(lines: int) -> None:
    """Take up batches, so many lines of each at once, until the task is cancelled. Whatever fails is taken up again."""
    worker, running = secrets.token_hex(8), set[asyncio.Task[None]]()
    try:
        while True:
            batch = await _claim(worker) if len(running) < _BATCHES_AT_ONCE else None
            if batch is None:
                await nap(_LOOK_SECONDS)
                continue
            task = asyncio.create_task(Run(batch, worker, lines).run())
            running.add(task)
            task.add_done_callback(running.discard)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _claim(worker: str) -> Batch | None:
    try:
        return await in_db(batches.claim, worker)
    except AnyDatabaseError:
        logger.warning("batches wait: the database does not answer")
        return None


class Run:
    """One batch, from wherever it is to its end."""

    def __init__(self, batch: Batch, worker: str, lines: int) -> None:
        self._batch = batch
        self._worker = worker
        self._lines = lines
        self._checked = batch.in_progress_at is not None
        """Whether every line of its file is in order."""

    async def run(self) -> None:
        """Run it. Where the lease is lost, or the database away, another run goes on where this one was."""
        try:
            await self._run()
        except LeaseLost:
            pass
        except AnyDatabaseError:
            logger.warning("a batch waits: the database does not answer")
        except Exception:
            logger.exception("a batch broke; it is taken up again")
            await asyncio.sleep(_LOOK_SECONDS)
        finally:
            with contextlib.suppress(AnyDatabaseError):
                await asyncio.shield(in_db(batches.release, self._batch.pk, self._worker))

    async def _run(self) -> None:
        batch = self._batch
        file = await in_db(files.find, batch.user_id, batch.input_file)
        if file is None:
            await self._fail([_DELETED])
            return
        try:
            if self._checked or await self._check(file):
                status = await self._answer_all(file)
                await in_db(batches.finish, batch.pk, self._worker, status, self._rest(file, status))
        except files.Gone:
            await self._fail([_DELETED])
        except Unsealable:
            message = "Its input file cannot be read any more: the encryption key that it was kept under is gone."
            await self._fail([BatchError("file_unreadable", message, None, None)])

    async def _check(self, file: StoredFile) -> bool:
        """True when the batch goes on: its file is in order, or nobody wants it any more."""
        found = await in_db(_checked, file, self._batch.endpoint)
        if found.errors:
            await self._fail(found.errors)
            return False
        self._checked = await in_db(batches.begin, self._batch.pk, self._worker, found.total, found.model)
        return True

    async def _fail(self, errors: list[BatchError]) -> None:
        await in_db(batches.fail, self._batch.pk, self._worker, msgspec.to_builtins(errors))

    async def _answer_all(self, file: StoredFile) -> str:
        """Answer the lines that have no result yet; the status in which the batch ends. Raises LeaseLost."""
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch())
                if self._checked:
                    await self._answer_lines(file)
                    watch.cancel()
        except ExceptionGroup as several:
            first = _first_of(several)
            if isinstance(first, Stopped):
                return str(first)
            raise first from None
        return Status.COMPLETED

    async def _answer_lines(self, file: StoredFile) -> None:
        places = asyncio.Semaphore(self._lines)
        async with asyncio.TaskGroup() as group:
            async for line in self._open_lines(file):
                await places.acquire()
                # Not in the task itself: one that is cancelled before it begins does nothing at all.
                group.create_task(self._answer(line)).add_done_callback(lambda _: places.release())

    async def _watch(self) -> None:
        """Hold the lease; raise Stopped when the batch is to end."""
        while True:
            if await in_db(batches.renew, self._batch.pk, self._worker) == Status.CANCELLING:
                raise Stopped(Status.CANCELLED)
            if timezone.now() >= self._batch.expires:
                raise Stopped(Status.EXPIRED)
            await asyncio.sleep(batches.LEASE_SECONDS / 10)

    async def _answer(self, line: Numbered) -> None:
        # Asked before it costs anything; what the lines on their way bring is kept even so.
        if await in_db(files.has_room, self._batch.user_id, 1):
            result = await answer(self._batch, line)
        else:
            result = unanswered(line, *_FULL)
        await in_db(batches.write, self._batch.pk, self._worker, result)

    async def _open_lines(self, file: StoredFile) -> AsyncIterator[Numbered]:
        """The lines without a result."""
        done = await in_db(batches.written, self._batch.pk)
        lines = read_lines(files.lines(file), self._batch.endpoint)
        while some := await in_db(_next, lines):
            for line in some:
                if line.number not in done:
                    yield line

    def _rest(self, file: StoredFile, status: str) -> Callable[[set[int]], Iterable[Result]]:
        """The errors of the lines that have no result when the batch ends so."""

        def rest(done: set[int]) -> Iterator[Result]:
            if self._checked and status in _OVER:
                for line in read_lines(files.lines(file), self._batch.endpoint):
                    if line.number not in done:
                        yield unanswered(line, *_OVER[status])

        return rest


def _first_of(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _next(lines: Iterator[Numbered]) -> list[Numbered]:
    return list(islice(lines, _READ_AT_ONCE))


def _checked(file: StoredFile, endpoint: str) -> Checked:
    return check_lines(files.lines(file), endpoint)
