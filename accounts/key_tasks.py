"""Imports and checks of thousands of keys: step by step in a thread, with the count of each step in the database.

A step is a transaction, so a process that dies leaves whole steps. The text of an import is nowhere but in memory: after
that it is imported again, and what is in already counts as a duplicate.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from threading import Thread
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.contributing import GOOD, Particulars, admit_key, contribute_many, request_check
from accounts.key_lines import Line
from accounts.models import ContributedKey, KeyTask, User

logger = logging.getLogger(__name__)

LETTERS = {"a": "added", "d": "duplicate", "m": "malformed", "e": "empty"}
"""The verdicts on a line, by the letter that is kept."""
_LINES_A_STEP = 200
_KEYS_A_STEP = 20
_KEPT_TASKS = 50

Step = Callable[[], Sequence[str]]
"""Does a part of the work and gives a verdict for each line or key of it."""


def start_import(lines: Sequence[Line], user: User, particulars: Particulars, *, checked: bool) -> KeyTask:
    """Take the keys of these lines in; with `checked` each is asked about before it is leased."""
    if checked:
        particulars = {**particulars, "state": ContributedKey.State.RECEIVED}
    task = _new(KeyTask.Kind.IMPORT, user, len(lines))
    added: list[UUID] = []

    def steps() -> Iterator[Step]:
        for start in range(0, len(lines), _LINES_A_STEP):
            part = lines[start : start + _LINES_A_STEP]
            yield lambda part=part: _take_in(part, particulars, added)  # type: ignore[misc]

    def work() -> None:
        run(task.pk, steps())
        if checked and added:
            check = _new(KeyTask.Kind.CHECK, user, len(added))
            KeyTask.objects.filter(pk=task.pk).update(next=check)
            run(check.pk, _check_steps(added))

    _spawn(work)
    return task


def start_check(key_ids: Sequence[UUID], user: User) -> KeyTask:
    """Ask the upstream about these keys, by calls that cost nothing."""
    task = _new(KeyTask.Kind.CHECK, user, len(key_ids))
    _spawn(lambda: run(task.pk, _check_steps(key_ids)))
    return task


def run(task_id: UUID, steps: Iterable[Step]) -> None:
    """Take step after step and count its verdicts; the task is finished after the last."""
    counts: Counter[str] = Counter()
    letter_of = {verdict: letter for letter, verdict in LETTERS.items()}
    task = KeyTask.objects.filter(pk=task_id)
    for step in steps:
        verdicts = step()
        counts.update(verdicts)
        letters = "".join(letter_of.get(verdict, "") for verdict in verdicts)
        known = KeyTask.objects.only("letters").get(pk=task_id).letters
        task.update(
            done=F("done") + len(verdicts), counts=dict(counts), letters=known + letters, updated=timezone.now()
        )
    task.update(finished=timezone.now(), updated=timezone.now())


def _take_in(lines: Sequence[Line], particulars: Particulars, added: list[UUID]) -> list[str]:
    """The verdict on each line. A second column is the project, where it is filled in."""
    verdicts: list[str] = []
    with transaction.atomic():
        for project, part in groupby(lines, key=lambda line: line.project):
            same = list(part)
            known: Particulars = {**particulars, "project": project} if project else particulars
            texts = ["" if line.is_malformed else line.key for line in same]
            for line, made in zip(same, contribute_many(texts, **known), strict=True):
                is_empty = not line.key and not line.is_malformed
                verdicts.append("empty" if is_empty else made.verdict)
                if made.verdict == "added" and made.key is not None:
                    added.append(made.key.pk)
    return verdicts


def _check_steps(key_ids: Sequence[UUID]) -> Iterator[Step]:
    for start in range(0, len(key_ids), _KEYS_A_STEP):
        part = key_ids[start : start + _KEYS_A_STEP]
        yield lambda part=part: _check(part)  # type: ignore[misc]


def _check(key_ids: Sequence[UUID]) -> list[str]:
    """What the upstream says of each; a received key that is good is taken into use."""
    keys = list(ContributedKey.objects.filter(pk__in=key_ids))
    found = request_check(keys) or {}
    verdicts = [found.get(key_id, "gone or not asked") for key_id in key_ids]
    for key_id, verdict in found.items():
        if verdict == GOOD:
            admit_key(key_id)
    return verdicts


def _new(kind: KeyTask.Kind, user: User, total: int) -> KeyTask:
    """A task's row; the oldest of many are forgotten."""
    task = KeyTask.objects.create(kind=kind, started_by=user, total=total)
    newest = KeyTask.objects.values_list("pk", flat=True)[:_KEPT_TASKS]
    KeyTask.objects.exclude(pk__in=list(newest)).delete()
    return task


def _spawn(work: Callable[[], None]) -> None:
    """Do the work in a thread of its own, which ends with the process."""
    Thread(target=_work, args=(work,), name="key-task", daemon=True).start()


def _work(work: Callable[[], None]) -> None:
    try:
        work()
    except DatabaseError:
        # Its page says that it was cut off, and what to do.
        logger.warning("a task with many keys was cut off: the database does not answer")
    finally:
        connection.close()
