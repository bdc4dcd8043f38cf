"""Finished requests into the database: a usage record each and its part of the day's totals, in one transaction."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from operator import add, itemgetter
from typing import Any, NamedTuple, TypeAlias

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.timezone import make_naive

from accounts.adding_up import addition, insertion
from accounts.metering.lines import Finished
from accounts.models import IssuedToken, UsageHour, UsageRecord, UsageTotal, User

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What the columns hold. A number beyond is nonsense, and must not stop the records that are in the same batch.
_MOST_TOKENS = 10**12
_MOST_MILLISECONDS = 2**31 - 1
_MOST_SMALL = 2**15 - 1
# Costs are counted in units of their columns' last place.
_COST_DIGITS, _COST_PLACES = 18, 8
_MOST_COST = 999_999 * 10**_COST_PLACES
_TRIES = 5
# Microseconds.
_SECOND = 1_000_000
_HOUR = 3_600 * _SECOND

# The columns of the three tables, in the order in which their values are put together below.
COUNTS = (
    "prompt_tokens",
    "cached_tokens",
    "tool_prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "total_tokens",
)
TOTAL_KEY = ("day", "owner", "model", "gemini_model")
TOTAL_SUMS = ("requests", "errors", *COUNTS, "cost")
TOTAL = (*TOTAL_KEY, "user_id", "token_id", "rows_purged", *TOTAL_SUMS)
HOUR_KEY = ("hour",)
HOUR_SUMS = ("requests", "errors", "total_tokens", "cost", "paid")
HOUR = (*HOUR_KEY, *HOUR_SUMS)
NUMBERS = {
    **{"status": _MOST_SMALL, "attempts": _MOST_SMALL},
    **dict.fromkeys(COUNTS, _MOST_TOKENS),
    **dict.fromkeys(("queue_ms", "first_byte_ms", "total_ms"), _MOST_MILLISECONDS),
}
"""The numbers of a record, and the most that their columns hold."""
RECORD = (
    *("id", "created", "owner", "user_id", "token_id", "sub_user", "endpoint", "stream", "model", "gemini_model"),
    *("error_code", "counts_from", "cost", "tried", *NUMBERS),
)

Values: TypeAlias = tuple[Any, ...]
Numbers: TypeAlias = tuple[int, ...]


def store(batch: Sequence[Finished]) -> None:
    """Bring `batch` into the database: a record a request, and each id counted once in the totals, ever.

    Ids that are already there are left alone. Two processes may store the same batch at the same time: the primary
    key lets one of them win, the other starts again and finds nothing left to do. A user or token deleted in the
    meantime becomes null. Raises django.db.Error, and then nothing was stored.
    """
    known: set[str] = set()
    for _ in range(_TRIES):
        try:
            _store(batch, known)
        except IntegrityError as error:
            # Rare enough (a replay, a lost race, a deletion at this moment) to ask only now which ids are there.
            refusal = error
            ids = [uuid.UUID(admission.id) for admission, _ in batch]
            known = {id_.hex for id_ in UsageRecord.objects.filter(pk__in=ids).values_list("pk", flat=True)}
        else:
            return
    raise refusal


def owner_of(user: int, token: int | None) -> str:
    """The text that totals are kept under: `user:token` by number."""
    return f"{user}:{token or ''}"


@transaction.atomic(durable=True)
def _store(batch: Sequence[Finished], known: set[str]) -> None:
    groups = _grouped(batch, known)
    if not groups:
        return
    adapters = _adapters()
    # executemany: bulk_create takes three times the processor time on SQLite, of the process that serves requests.
    with connection.cursor() as cursor:
        cursor.executemany(insertion(UsageRecord, RECORD), _records(groups, adapters))
        cursor.executemany(addition(UsageTotal, TOTAL, TOTAL_KEY, TOTAL_SUMS), _totals(groups, adapters))
        cursor.executemany(addition(UsageHour, HOUR, HOUR_KEY, HOUR_SUMS), _hours(groups, adapters))


class _Group(NamedTuple):
    """Finished requests of one hour, one owner and one pair of models: what they share is put together once."""

    hour: int
    """Since 1970."""
    owner: str
    user: int | None
    token: int | None
    """None, both of them, when it was deleted."""
    model: str
    gemini_model: str
    finished: list[Finished]
    numbers: list[Numbers]
    """Of each of them, in the order of NUMBERS."""
    sums: Numbers
    """In the order of TOTAL_SUMS, and what of the cost paid keys answered."""


def _grouped(batch: Iterable[Finished], known: set[str]) -> list[_Group]:
    """Those of `batch` that the database does not know, each once."""
    fresh = {finished[0].id: finished for finished in batch if finished[0].id not in known}
    found: dict[tuple[int, int, int | None, str, str], list[Finished]] = defaultdict(list)
    for finished in fresh.values():
        admission, settlement = finished
        hour = admission.created // _HOUR
        found[hour, admission.user, admission.token, admission.model, settlement.gemini_model].append(finished)
    users = _existing(User, (user for _, user, _, _, _ in found))
    tokens = _existing(IssuedToken, (token for _, _, token, _, _ in found))
    groups = []
    for (hour, user, token, model, gemini_model), group in found.items():
        holder = user if user in users else None, token if token in tokens else None
        numbers = _numbers(group)
        sums = _sums(group, numbers)
        groups.append(_Group(hour, owner_of(user, token), *holder, model, gemini_model, group, numbers, sums))
    return groups


def _existing(model: type[User | IssuedToken], ids: Iterable[int | None]) -> set[int]:
    wanted = {id_ for id_ in ids if id_ is not None}
    return set(model._default_manager.filter(pk__in=wanted).values_list("pk", flat=True))


def _numbers(group: Iterable[Finished]) -> list[Numbers]:
    """The numbers of each, within what their columns hold; almost always they are already."""
    numbers: list[Numbers] = [
        (
            settlement.status,
            settlement.attempts,
            *settlement.counts,
            settlement.queue_ms,
            settlement.first_byte_ms,
            settlement.total_ms,
        )
        for _, settlement in group
    ]
    for column, most in zip(zip(*numbers, strict=True), NUMBERS.values(), strict=True):
        if min(column) < 0 or max(column) > most:
            return [tuple(map(_within, row, NUMBERS.values())) for row in numbers]
    return numbers


def _sums(group: Sequence[Finished], numbers: Iterable[Numbers]) -> Numbers:
    statuses, _, *others = zip(*numbers, strict=True)
    return (
        len(group),
        sum(status >= 400 for status in statuses),
        *map(sum, others[: len(COUNTS)]),
        sum(_cost(settlement.cost) for _, settlement in group),
        sum(_cost(settlement.paid) for _, settlement in group),
    )


def _within(number: int, most: int) -> int:
    return min(max(number, 0), most)


@lru_cache(maxsize=4096)
def _cost(dollars: str) -> int:
    """In units of the last place of a cost's column."""
    return _within(round(Decimal(dollars).scaleb(_COST_PLACES)), _MOST_COST)


def _records(groups: Iterable[_Group], to: "_Adapters") -> list[Values]:
    """The values of RECORD, as this database takes them.

    Written out, not left to the model's fields, which take twice as long: every request pays for its row.
    """
    return [
        (
            to.id(admission.id),
            to.time(admission.created),
            group.owner,
            group.user,
            group.token,
            admission.sub_user,
            admission.endpoint,
            admission.stream,
            group.model,
            group.gemini_model,
            settlement.error_code,
            settlement.counts_from,
            to.cost(_cost(settlement.cost)),
            to.json(settlement.tried) if settlement.tried else None,
            *numbers,
        )
        for group in groups
        for (admission, settlement), numbers in zip(group.finished, group.numbers, strict=True)
    ]


def _totals(groups: Iterable[_Group], to: "_Adapters") -> list[Values]:
    """The values of TOTAL: sums by day, owner and models.

    Sorted, so that two processes take the rows of the table in one order and neither waits for the other in a circle.
    """
    holders = {group.owner: (group.user, group.token) for group in groups}
    added = _added(((group.hour // 24, group.owner, group.model, group.gemini_model), group.sums) for group in groups)
    return [
        (to.day(day), owner, *models, *holders[owner], False, *sums, to.cost(cost))
        for (day, owner, *models), (*sums, cost, _) in added
    ]


def _hours(groups: Iterable[_Group], to: "_Adapters") -> list[Values]:
    """The values of HOUR: sums by hour, whoever asked; sorted as the totals are."""
    return [
        (to.time(hour * _HOUR), requests, errors, tokens, to.cost(cost), to.cost(paid))
        for (hour,), (requests, errors, *_, tokens, cost, paid) in _added(
            ((group.hour,), group.sums) for group in groups
        )
    ]


def _added(parts: Iterable[tuple[Values, Numbers]]) -> list[tuple[Values, Numbers]]:
    """The sums of each key, sorted by key."""
    sums: dict[Values, Numbers] = {}
    for key, part in parts:
        sums[key] = tuple(map(add, sums[key], part)) if key in sums else part
    return sorted(sums.items(), key=itemgetter(0))


class _Adapters(NamedTuple):
    """From Python's values to those that this database's driver takes; a model's fields do the same, but slower."""

    id: Callable[[str], Any]
    """Of a UUID in hex."""
    time: Callable[[int], Any]
    """Of microseconds of Unix time."""
    day: Callable[[int], Any]
    """Of days since 1970."""
    cost: Callable[[int], Any]
    """Of units of its last place."""
    json: Callable[[Any], Any]


def _adapters() -> _Adapters:
    database = connections[DEFAULT_DB_ALIAS]
    ops, tried = database.ops, UsageRecord._meta.get_field("tried")
    return _Adapters(
        uuid.UUID if database.features.has_native_uuid_field else str,
        _time_adapter(database),
        lambda days: ops.adapt_datefield_value((_EPOCH + timedelta(days=days)).date()),
        cache(
            lambda units: ops.adapt_decimalfield_value(Decimal(units).scaleb(-_COST_PLACES), _COST_DIGITS, _COST_PLACES)
        ),
        lambda value: tried.get_db_prep_save(value, database),
    )


def _time_adapter(database: BaseDatabaseWrapper) -> Callable[[int], Any]:
    adapt = database.ops.adapt_datetimefield_value
    if database.features.supports_timezones:
        return lambda microseconds: adapt(_EPOCH + timedelta(microseconds=microseconds))
    # A column without time zones holds a text. That of a second is made once, and each of its microseconds put behind it.
    epoch = make_naive(_EPOCH, database.timezone)

    @cache
    def to_second(seconds: int) -> str:
        return str(adapt(epoch + timedelta(seconds=seconds)))

    def to_time(microseconds: int) -> str:
        seconds, rest = divmod(microseconds, _SECOND)
        return f"{to_second(seconds)}.{rest:06}" if rest else to_second(seconds)

    return to_time
