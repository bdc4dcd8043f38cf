"""Batches of users: made, found by their owner alone, and run by one process at a time, which holds a lease on each.

A line counts when its result is written down, in the same transaction, and only by whoever holds the lease: so a process
that is killed, or thought dead, neither loses a result nor brings one twice. Everything here asks the database.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from accounts import files
from accounts.metering import NO_COUNTS, TokenCounts
from accounts.models import Batch, BatchResult
from accounts.one_at_a_time import wait_for_others_of
from accounts.sealing import Unsealable, seal_bytes, unseal_bytes

Status = Batch.Status

LEASE_SECONDS = 15.0
WINDOW = timedelta(hours=24)
MOST_OPEN = 100
"""Batches of one user that have not ended."""
_RUNNING = (Status.VALIDATING, Status.IN_PROGRESS, Status.FINALIZING, Status.CANCELLING)
ENDED = (Status.COMPLETED, Status.FAILED, Status.EXPIRED, Status.CANCELLED)
_AT_ONCE_OF_A_USER = 4
_MODEL_LENGTH = Batch._meta.get_field("model").max_length or 0
_RESULTS_AT_ONCE = 500
_BYTES_AT_ONCE = 16 * 1024 * 1024


class TooMany(Exception):
    """The user has as many open batches as one may have."""


class CannotCancel(Exception):
    """The batch has ended, or is about to."""


class LeaseLost(Exception):
    """Another process runs the batch now, or it is gone."""


class Result(NamedTuple):
    """What a line brought: a line of the output file, or of the errors."""

    number: int
    answered: bool
    line: bytes
    counts: TokenCounts = NO_COUNTS
    """What it used."""


@transaction.atomic
def create(
    user_id: int,
    token_id: int | None,
    *,
    endpoint: str,
    input_file: str,
    metadata: dict[str, str] | None = None,
    output_seconds: int | None = None,
) -> Batch:
    """A new batch, which a process will take up. Raises TooMany."""
    wait_for_others_of(user_id)
    if of_user(user_id).filter(status__in=_RUNNING).count() >= MOST_OPEN:
        raise TooMany
    batch_id, now = f"batch_{uuid.uuid4().hex[:24]}", timezone.now()
    return Batch.objects.create(
        id=batch_id,
        user_id=user_id,
        token_id=token_id,
        open_access=token_id is None,
        endpoint=endpoint,
        input_file=input_file,
        output_seconds=output_seconds,
        metadata=seal_bytes(batch_id, json.dumps(metadata).encode()),
        created=now,
        expires=now + WINDOW,
    )


def of_user(user_id: int) -> QuerySet[Batch]:
    """The batches of a user."""
    return Batch.objects.filter(user=user_id)


def metadata_of(batch: Batch) -> dict[str, str] | None:
    """The client's own words about it; None where there are none, or their encryption key is gone."""
    try:
        words: dict[str, str] | None = json.loads(unseal_bytes(batch.pk, bytes(batch.metadata)))
    except Unsealable:
        return None
    return words


def cancel(user_id: int, batch_id: str) -> Batch | None:
    """Have the user's own batch stopped; None when there is none. Raises CannotCancel."""
    mine = of_user(user_id).filter(pk=batch_id)
    stoppable = mine.filter(status__in=(Status.VALIDATING, Status.IN_PROGRESS))
    stopped = stoppable.update(status=Status.CANCELLING, cancelling_at=timezone.now())
    batch = mine.first()
    if batch is not None and not stopped and batch.status != Status.CANCELLING:
        raise CannotCancel
    return batch


# --- Of the process that runs it -----------------------------------------------------------------------------


def claim(worker: str) -> Batch | None:
    """Take the lease of a batch that is to be run and that nobody runs: the oldest. None when there is none."""
    now = timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    busy = Batch.objects.filter(status__in=_RUNNING, leased_until__gte=now).values("user").annotate(count=Count("pk"))
    full = busy.filter(count__gte=_AT_ONCE_OF_A_USER).values("user")
    waiting = Batch.objects.filter(free, status__in=_RUNNING).exclude(user__in=full).order_by("created")
    for batch_id in waiting.values_list("pk", flat=True)[:10]:
        taken = Batch.objects.filter(free, pk=batch_id, status__in=_RUNNING)
        if taken.update(worker=worker, leased_until=now + timedelta(seconds=LEASE_SECONDS)):
            return Batch.objects.get(pk=batch_id)
    return None


def renew(batch_id: str, worker: str) -> str:
    """Hold the lease on, and give the status. Raises LeaseLost."""
    _hold(batch_id, worker, leased_until=timezone.now() + timedelta(seconds=LEASE_SECONDS))
    return str(Batch.objects.values_list("status", flat=True).get(pk=batch_id))


def release(batch_id: str, worker: str) -> None:
    """Let another process take it up at once."""
    Batch.objects.filter(pk=batch_id, worker=worker).update(leased_until=None)


def begin(batch_id: str, worker: str, total: int, model: str) -> bool:
    """Its file is in order and has so many requests; False when it was cancelled, or is run by another process.

    `model` is what all of them ask for, "" where they ask for several.
    """
    validating = Batch.objects.filter(pk=batch_id, worker=worker, status=Status.VALIDATING)
    known = {"total": total, "model": model[:_MODEL_LENGTH], "in_progress_at": timezone.now()}
    return validating.update(status=Status.IN_PROGRESS, **known) > 0


def fail(batch_id: str, worker: str, errors: list[dict[str, Any]]) -> None:
    """Its file is not in order, or gone; what was answered until then is kept. Raises LeaseLost."""
    finish(batch_id, worker, Status.FAILED, lambda done: (), errors)


def written(batch_id: str) -> set[int]:
    """The numbers of the lines whose results are written down."""
    return set(BatchResult.objects.filter(batch=batch_id).values_list("number", flat=True))


@transaction.atomic
def write(batch_id: str, worker: str, result: Result) -> None:
    """Write the result of a line down. Raises LeaseLost; then nothing is written."""
    counts = result.counts
    more = {
        "completed" if result.answered else "failed": 1,
        "prompt_tokens": counts.prompt,
        "cached_tokens": counts.cached,
        "completion_tokens": counts.completion,
        "reasoning_tokens": counts.reasoning,
        "result_bytes": len(result.line),
    }
    _hold(batch_id, worker, **{column: F(column) + count for column, count in more.items()})
    content = seal_bytes(place_of(batch_id, result.number), result.line)
    BatchResult.objects.create(batch_id=batch_id, number=result.number, answered=result.answered, content=content)


def finish(
    batch_id: str,
    worker: str,
    status: str,
    rest: Callable[[set[int]], Iterable[Result]],
    errors: Sequence[dict[str, Any]] = (),
) -> None:
    """Write the files of its results and end it with that status, and what is wrong with its file.

    `rest` gives the errors of lines without a result, by the numbers of those that have one. Raises LeaseLost.
    """
    running = Batch.objects.filter(pk=batch_id, worker=worker, status=Status.IN_PROGRESS)
    running.update(status=Status.FINALIZING, finalizing_at=timezone.now())
    unanswered = list(rest(written(batch_id)))
    with transaction.atomic():
        batch = Batch.objects.select_for_update().get(pk=batch_id)
        ended = {
            "output_file": _file(batch, "output", _lines(batch, answered=True)),
            "error_file": _file(batch, "errors", [*_lines(batch, answered=False), *(r.line for r in unanswered)]),
            "result_bytes": 0,
            "failed": F("failed") + len(unanswered),
            "errors": list(errors),
        }
        _hold(batch_id, worker, status=status, ended_at=timezone.now(), leased_until=None, **ended)
        BatchResult.objects.filter(batch=batch_id).delete()


def purge(end: datetime, at_most: int) -> int:
    """Delete so many of the batches that ended before `end`: how many."""
    over = Batch.objects.filter(ended_at__lt=end).values_list("pk", flat=True)
    ids = list(over[:at_most])
    BatchResult.objects.filter(batch__in=ids).delete()
    return Batch.objects.filter(pk__in=ids).delete()[0]


def _hold(batch_id: str, worker: str, **changes: Any) -> None:
    if not Batch.objects.filter(pk=batch_id, worker=worker, status__in=_RUNNING).update(**changes):
        raise LeaseLost(batch_id)


def _file(batch: Batch, kind: str, lines: Iterable[bytes]) -> str:
    """The id of a file of these lines; "" when there is none."""
    lives = None if batch.output_seconds is None else timedelta(seconds=batch.output_seconds)
    ended = (line + b"\n" for line in lines)
    file = files.keep(batch.user_id, f"{batch.pk}_{kind}.jsonl", "batch_output", ended, lives=lives)
    if file.bytes:
        return file.pk
    files.delete(batch.user_id, file.pk)
    return ""


def _lines(batch: Batch, *, answered: bool) -> Iterator[bytes]:
    """The lines of the results, in the order of the input."""
    rows = BatchResult.objects.filter(batch=batch.pk, answered=answered).values_list("number", "content")
    # Images are some megabytes each: not hundreds of them in memory.
    at_once = min(_RESULTS_AT_ONCE, batch.done * _BYTES_AT_ONCE // max(batch.result_bytes, 1))
    for number, content in rows.iterator(max(at_once, 1)):
        yield unseal_bytes(place_of(batch.pk, number), bytes(content))


def place_of(batch_id: str, number: int) -> str:
    """What the result of a line is sealed for."""
    return f"{batch_id}/{number}"
