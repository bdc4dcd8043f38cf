"""Finished requests into the database: a usage record each and its part of the day's totals, in one transaction."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, connections, transaction
from django.utils.timezone import make_naive
from msgspec.structs import replace

from accounts.adding_up import addition, insertion
from accounts.metering.lines import Finished, Settlement, TokenCounts
from accounts.models import IssuedToken, UsageHour, UsageRecord, UsageTotal, User

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What the columns hold. A count beyond is nonsense, and must not stop the records that are in the same batch.
_MOST_TOKENS = 10**12
_MOST_MILLISECONDS = 2**31 - 1
_MOST_SMALL = 2**15 - 1
_MOST_COST = Decimal(999_999)
_COST_STEP = Decimal("1e-8")
# Of the sums: a record's cost has fewer digits.
_COST_DIGITS, _COST_PLACES = 18, 8
_TRIES = 5
# Microseconds.
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR

# The columns of the three tables, in the order in which their values are put together below.
TOTAL_KEY = ("day", "owner", "model", "gemini_model")
TOTAL_SUMS = (
    "requests",
    "errors",
    "prompt_tokens",
    "cached_tokens",
    "tool_prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "total_tokens",
    "cost",
)
TOTAL = (*TOTAL_KEY, "user_id", "token_id", "rows_purged", *TOTAL_SUMS)
HOUR_KEY = ("hour",)
HOUR_SUMS = ("requests", "errors", "total_tokens", "cost", "paid")
HOUR = (*HOUR_KEY, *HOUR_SUMS)
RECORD = (
    *("id", "created", "owner", "user_id", "token_id", "sub_user", "endpoint", "stream", "model"),
    *("gemini_model", "status", "error_code", "attempts", *TOTAL_SUMS[2:8], "counts_from"),
    *("cost", "queue_ms", "first_byte_ms", "total_ms", "tried"),
)

Values: TypeAlias = tuple[Any, ...]


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
    users = _existing(User, (admission.user for admission, _ in batch))
    tokens = _existing(IssuedToken, (admission.token for admission, _ in batch))
    unique = {admission.id: (admission, _bounded(settlement)) for admission, settlement in batch}
    fresh = [finished for id_, finished in unique.items() if id_ not in known]
    if not fresh:
        return
    # executemany: bulk_create takes three times the processor time on SQLite, of the process that serves requests.
    with connection.cursor() as cursor:
        cursor.executemany(insertion(UsageRecord, RECORD), _records(fresh, users, tokens))
        cursor.executemany(addition(UsageTotal, TOTAL, TOTAL_KEY, TOTAL_SUMS), _totals(fresh, users, tokens))
        cursor.executemany(addition(UsageHour, HOUR, HOUR_KEY, HOUR_SUMS), _hours(fresh))


def _existing(model: type[User | IssuedToken], ids: Iterable[int | None]) -> set[int]:
    wanted = {id_ for id_ in ids if id_ is not None}
    return set(model._default_manager.filter(pk__in=wanted).values_list("pk", flat=True))


def _bounded(settlement: Settlement) -> Settlement:
    """The same, with every number within what its column holds; almost always it is already."""
    times = (settlement.queue_ms, settlement.first_byte_ms, settlement.total_ms)
    small = (settlement.status, settlement.attempts)
    counts = settlement.counts
    if (
        min(*times, *small, *counts) >= 0
        and max(times) <= _MOST_MILLISECONDS
        and max(small) <= _MOST_SMALL
        and max(counts) <= _MOST_TOKENS
    ):
        return settlement
    return replace(
        settlement,
        status=_within(settlement.status, _MOST_SMALL),
        attempts=_within(settlement.attempts, _MOST_SMALL),
        counts=TokenCounts(*(_within(count, _MOST_TOKENS) for count in counts)),
        queue_ms=_within(settlement.queue_ms, _MOST_MILLISECONDS),
        first_byte_ms=_within(settlement.first_byte_ms, _MOST_MILLISECONDS),
        total_ms=_within(settlement.total_ms, _MOST_MILLISECONDS),
    )


def _within(number: int, most: int) -> int:
    return min(max(number, 0), most)


@lru_cache(maxsize=4096)
def _cost(text: str) -> Decimal:
    return min(max(Decimal(text), Decimal(0)), _MOST_COST).quantize(_COST_STEP)


def _records(batch: Iterable[Finished], users: set[int], tokens: set[int]) -> list[Values]:
    """The values of RECORD, as this database takes them.

    Written out, not left to the model's fields, which take twice as long: every request pays for its row.
    """
    to_id, to_time, to_cost, to_json = _adapters()
    return [
        (
            to_id(admission.id),
            to_time(admission.created),
            owner_of(admission.user, admission.token),
            admission.user if admission.user in users else None,
            admission.token if admission.token in tokens else None,
            admission.sub_user,
            admission.endpoint,
            admission.stream,
            admission.model,
            settlement.gemini_model,
            settlement.status,
            settlement.error_code,
            settlement.attempts,
            *settlement.counts,
            settlement.counts_from,
            to_cost(_cost(settlement.cost)),
            settlement.queue_ms,
            settlement.first_byte_ms,
            settlement.total_ms,
            to_json(settlement.tried) if settlement.tried else None,
        )
        for admission, settlement in batch
    ]


def _totals(batch: Iterable[Finished], users: set[int], tokens: set[int]) -> list[Values]:
    """The values of TOTAL: sums by day, owner and models.

    Sorted, so that two processes take the rows of the table in one order and neither waits for the other in a circle.
    """
    groups: dict[tuple[int, str, str, str], list[Finished]] = defaultdict(list)
    for finished in batch:
        admission, settlement = finished
        owner = owner_of(admission.user, admission.token)
        groups[admission.created // _DAY, owner, admission.model, settlement.gemini_model].append(finished)
    to_day, to_cost = connection.ops.adapt_datefield_value, _adapters().cost
    totals: list[Values] = []
    for (day, *names), group in sorted(groups.items(), key=itemgetter(0)):
        who = group[0][0]
        ended = [settlement for _, settlement in group]
        totals.append(
            (
                to_day((_EPOCH + timedelta(days=day)).date()),
                *names,
                who.user if who.user in users else None,
                who.token if who.token in tokens else None,
                False,
                len(ended),
                _errors(ended),
                *map(sum, zip(*(settlement.counts for settlement in ended), strict=True)),
                to_cost(_sum(settlement.cost for settlement in ended)),
            )
        )
    return totals


def _hours(batch: Iterable[Finished]) -> list[Values]:
    """The values of HOUR: sums by hour, whoever asked; sorted as the totals are."""
    groups: dict[int, list[Settlement]] = defaultdict(list)
    for admission, settlement in batch:
        groups[admission.created // _HOUR].append(settlement)
    _, to_time, to_cost, _ = _adapters()
    return [
        (
            to_time(hour * _HOUR),
            len(ended),
            _errors(ended),
            sum(settlement.counts.total for settlement in ended),
            to_cost(_sum(settlement.cost for settlement in ended)),
            to_cost(_sum(settlement.paid for settlement in ended)),
        )
        for hour, ended in sorted(groups.items())
    ]


def _errors(ended: Iterable[Settlement]) -> int:
    return sum(settlement.status >= 400 for settlement in ended)


def _sum(costs: Iterable[str]) -> Decimal:
    return sum(map(_cost, costs), Decimal(0))


class _Adapters(NamedTuple):
    """From Python's values to those that this database's driver takes; a model's fields do the same, but slower."""

    id: Callable[[str], Any]
    """Of a UUID in hex."""
    time: Callable[[int], Any]
    """Of microseconds of Unix time."""
    cost: Callable[[Decimal], Any]
    json: Callable[[Any], Any]


def _adapters() -> _Adapters:
    database = connections[DEFAULT_DB_ALIAS]
    adapt_time, tried = database.ops.adapt_datetimefield_value, UsageRecord._meta.get_field("tried")
    # Where a column holds no time zone, Django takes it away again: for each time anew, at four fifths of what one costs.
    epoch = _EPOCH if database.features.supports_timezones else make_naive(_EPOCH, database.timezone)
    return _Adapters(
        uuid.UUID if database.features.has_native_uuid_field else str,
        lambda microseconds: adapt_time(epoch + timedelta(microseconds=microseconds)),
        cache(lambda cost: database.ops.adapt_decimalfield_value(cost, _COST_DIGITS, _COST_PLACES)),
        lambda value: tried.get_db_prep_save(value, database),
    )
