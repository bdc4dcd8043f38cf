"""Finished requests into the database: a usage record each and its part of the day's totals, in one transaction."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, connections, models, transaction

from accounts.metering.lines import Admission, Finished, Settlement
from accounts.models import IssuedToken, UsageHour, UsageRecord, UsageTotal, User

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What the columns hold. A count beyond is nonsense, and must not stop the records that are in the same batch.
_MOST_TOKENS = 10**12
_MOST_MILLISECONDS = 2**31 - 1
_MOST_SMALL = 2**15 - 1
_MOST_COST = Decimal(999_999)
_COST_STEP = Decimal("1e-8")
_TRIES = 5

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
_COUNTS = TOTAL_SUMS[2:8]
HOUR_KEY = ("hour",)
HOUR_SUMS = ("requests", "errors", "total_tokens", "cost")

Row: TypeAlias = dict[str, Any]


def store(batch: Sequence[Finished]) -> None:
    """Bring `batch` into the database: a record a request, and each id counted once in the totals, ever.

    Ids that are already there are left alone. Two processes may store the same batch at the same time: the primary
    key lets one of them win, the other starts again and finds nothing left to do. A user or token deleted in the
    meantime becomes null. Raises django.db.Error, and then nothing was stored.
    """
    known: set[uuid.UUID] = set()
    for _ in range(_TRIES):
        try:
            _store(batch, known)
        except IntegrityError as error:
            # Rare enough (a replay, a lost race, a deletion at this moment) to ask only now which ids are there.
            refusal = error
            ids = [uuid.UUID(admission.id) for admission, _ in batch]
            known = set(UsageRecord.objects.filter(pk__in=ids).values_list("pk", flat=True))
        else:
            return
    raise refusal


def owner_of(user: int, token: int | None) -> str:
    """The text that totals are kept under: `user:token` by number."""
    return f"{user}:{token or ''}"


@transaction.atomic(durable=True)
def _store(batch: Sequence[Finished], known: set[uuid.UUID]) -> None:
    unique = {uuid.UUID(finished[0].id): finished for finished in batch}
    users = _existing(User, (admission.user for admission, _ in batch))
    tokens = _existing(IssuedToken, (admission.token for admission, _ in batch))
    rows = [_record(id_, *finished, users, tokens) for id_, finished in unique.items() if id_ not in known]
    if not rows:
        return
    # executemany: bulk_create takes three times the processor time on SQLite, of the process that serves requests.
    with connection.cursor() as cursor:
        cursor.executemany(_insert(UsageRecord), _prepared(UsageRecord, rows))
        cursor.executemany(_upsert(UsageTotal, TOTAL_KEY, TOTAL_SUMS), _prepared(UsageTotal, _totals(rows)))
        cursor.executemany(_upsert(UsageHour, HOUR_KEY, HOUR_SUMS), _prepared(UsageHour, _hours(rows)))


def _existing(model: type[User | IssuedToken], ids: Iterable[int | None]) -> set[int]:
    wanted = {id_ for id_ in ids if id_ is not None}
    return set(model._default_manager.filter(pk__in=wanted).values_list("pk", flat=True))


def _record(id_: uuid.UUID, admission: Admission, settlement: Settlement, users: set[int], tokens: set[int]) -> Row:
    return {
        "id": id_,
        "created": _EPOCH + timedelta(microseconds=admission.created),
        "owner": owner_of(admission.user, admission.token),
        "user_id": admission.user if admission.user in users else None,
        "token_id": admission.token if admission.token in tokens else None,
        "sub_user": admission.sub_user,
        "endpoint": admission.endpoint,
        "stream": admission.stream,
        "model": admission.model,
        "gemini_model": settlement.gemini_model,
        "status": _within(settlement.status, _MOST_SMALL),
        "error_code": settlement.error_code,
        "attempts": _within(settlement.attempts, _MOST_SMALL),
        **{name: _within(count, _MOST_TOKENS) for name, count in zip(_COUNTS, settlement.counts, strict=True)},
        "counts_from": settlement.counts_from,
        "cost": min(max(Decimal(settlement.cost), Decimal(0)), _MOST_COST).quantize(_COST_STEP),
        "queue_ms": _within(settlement.queue_ms, _MOST_MILLISECONDS),
        "first_byte_ms": _within(settlement.first_byte_ms, _MOST_MILLISECONDS),
        "total_ms": _within(settlement.total_ms, _MOST_MILLISECONDS),
        "tried": settlement.tried or None,
    }


def _within(number: int, most: int) -> int:
    return min(max(number, 0), most)


def _totals(rows: Iterable[Row]) -> list[Row]:
    """The sums of `rows` by day, owner and models.

    Sorted, so that two processes take the rows of the table in one order and neither waits for the other in a circle.
    """
    totals: dict[tuple[date, str, str, str], Row] = {}
    for row in rows:
        key = (row["created"].date(), row["owner"], row["model"], row["gemini_model"])
        total = totals.setdefault(key, dict.fromkeys(TOTAL_SUMS, 0))
        total |= {"user_id": row["user_id"], "token_id": row["token_id"]}
        total["requests"] += 1
        total["errors"] += row["status"] >= 400
        for name in (*_COUNTS, "cost"):
            total[name] += row[name]
    return [dict(zip(TOTAL_KEY, key, strict=True)) | {"rows_purged": False} | totals[key] for key in sorted(totals)]


def _hours(rows: Iterable[Row]) -> list[Row]:
    """The sums of `rows` by hour, whoever asked; sorted as the totals are."""
    hours: dict[datetime, Row] = {}
    for row in rows:
        hour = hours.setdefault(row["created"].replace(minute=0, second=0, microsecond=0), dict.fromkeys(HOUR_SUMS, 0))
        hour["requests"] += 1
        hour["errors"] += row["status"] >= 400
        hour["total_tokens"] += row["total_tokens"]
        hour["cost"] += row["cost"]
    return [{"hour": hour} | hours[hour] for hour in sorted(hours)]


def _prepared(model: type[models.Model], rows: Iterable[Row]) -> list[list[Any]]:
    """The values of `rows` in the order of the columns, as this database takes them."""
    database = connections[DEFAULT_DB_ALIAS]
    plain = (bool, int, str, type(None))
    columns = [(field.attname, field.get_db_prep_save) for field in _fields(model)]
    return [
        [value if isinstance(value := row[name], plain) else adapt(value, database) for name, adapt in columns]
        for row in rows
    ]


@cache
def _fields(model: type[models.Model]) -> tuple["models.Field[Any, Any]", ...]:
    """The columns that an insert fills: all but a number that the database gives."""
    return tuple(field for field in model._meta.local_concrete_fields if not isinstance(field, models.AutoField))


@cache
def _insert(model: type[models.Model]) -> str:
    """INSERT of one row of `model`: every name in it is the model's own, every value a parameter."""
    columns = ", ".join(f'"{field.column}"' for field in _fields(model))
    places = ", ".join(["%s"] * len(_fields(model)))
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({places})'  # noqa: S608


@cache
def _upsert(model: type[models.Model], key: tuple[str, ...], sums: tuple[str, ...]) -> str:
    """The same, added to the row of that key when there is one. SQLite and PostgreSQL read it alike."""
    table = model._meta.db_table
    columns = ", ".join(f'"{name}"' for name in key)
    added = ", ".join(f'"{name}" = "{table}"."{name}" + excluded."{name}"' for name in sums)
    return f"{_insert(model)} ON CONFLICT ({columns}) DO UPDATE SET {added}"
