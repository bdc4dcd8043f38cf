"""Finished requests in the database: each once, the totals their sum, on SQLite and on PostgreSQL."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from accounts import metering
from accounts.metering.ledger import HOUR, RECORD, TOTAL, store
from accounts.metering.lines import TokenCounts
from accounts.models import UsageHour, UsageRecord, UsageTotal, User
from accounts.money import NANO
from tests.metering.making import NOON, finished

pytestmark = pytest.mark.usefixtures("no_thread")


def verified() -> None:
    call_command("verify_usage")


def test_a_settled_request_becomes_one_record_and_one_total(requests, ada, laptop):
    made = requests.make(completion=7, cost=NANO // 2)
    metering.flush_now()
    record = UsageRecord.objects.get()
    assert record.id.hex == made.id
    assert abs(record.created.timestamp() * 1_000_000 - made.created) < 1
    assert (record.user, record.token, record.owner) == (ada, laptop, f"{ada.pk}:{laptop.pk}")
    assert (record.endpoint, record.stream, record.model) == ("chat/completions", True, "gpt-4o-mini")
    assert (record.gemini_model, record.status, record.error_code) == ("gemini-2.5-flash", 200, "")
    assert (record.prompt_tokens, record.completion_tokens, record.total_tokens) == (10, 7, 17)
    assert (record.attempts, record.counts_from, record.cost) == (1, "upstream", Decimal("0.5"))
    assert (record.queue_ms, record.first_byte_ms, record.total_ms) == (1, 300, 900)
    total = UsageTotal.objects.get()
    assert (total.day, total.user, total.token) == (record.created.date(), ada, laptop)
    assert (total.requests, total.errors, total.total_tokens, total.cost) == (1, 0, 17, Decimal("0.5"))


def test_every_count_has_its_own_column(ada):
    store([finished(ada.pk)])
    names = ("prompt", "cached", "tool_prompt", "completion", "reasoning", "total")
    for row in (UsageRecord.objects.get(), UsageTotal.objects.get()):
        assert [getattr(row, f"{name}_tokens") for name in names] == [10, 2, 3, 5, 4, 22]


async def test_flush_works_from_the_event_loop(requests):
    requests.make()
    await metering.flush()
    assert await _in_thread(UsageRecord.objects.count) == 1


async def _in_thread(act):
    return await metering.in_db(act)


def test_the_request_path_asks_the_database_nothing(requests):
    with CaptureQueriesContext(connection) as queries:
        requests.make()
    assert len(queries) == 0


def test_storing_a_batch_ten_times_counts_it_once(ada):
    batch = [finished(ada.pk) for _ in range(7)]
    for _ in range(10):
        store(batch)
    assert UsageRecord.objects.count() == 7
    assert UsageTotal.objects.get().requests == 7


def test_a_batch_that_overlaps_with_stored_ones_adds_only_what_is_new(ada):
    batch = [finished(ada.pk) for _ in range(6)]
    store(batch[:4])
    store([*batch[2:], batch[5]])
    assert UsageTotal.objects.get().requests == UsageRecord.objects.count() == 6
    verified()


def test_writers_that_race_for_one_batch_count_it_once(ada):
    batches = [[finished(ada.pk, model=f"gpt-{n % 3}") for n in range(20)] for _ in range(8)]
    barrier = threading.Barrier(4)
    failures = []

    def race():
        try:
            for batch in batches:
                barrier.wait(10)
                store(batch)
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        finally:
            connection.close()

    racers = [threading.Thread(target=race) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert failures == []
    assert UsageRecord.objects.count() == 160
    assert sum(total.requests for total in UsageTotal.objects.all()) == 160
    verified()


def test_totals_are_kept_by_utc_day_owner_and_both_models(ada, laptop):
    bob = User.objects.create(username="bob")
    evening, night = datetime(2026, 11, 22, 23, 59, 59, 999_000, UTC), datetime(2026, 11, 23, tzinfo=UTC)
    store(
        [
            finished(ada.pk, laptop.pk, at=evening),
            finished(ada.pk, laptop.pk, at=night),
            finished(ada.pk, at=night),
            finished(bob.pk, at=night),
            finished(bob.pk, at=night, status=429, gemini_model="", error_code="pool_exhausted"),
            finished(bob.pk, at=night, model="other"),
        ]
    )
    found = UsageTotal.objects.order_by("day", "pk").values_list("day", "owner", "model", "gemini_model", "errors")
    assert sorted(found) == [
        (date(2026, 11, 22), f"{ada.pk}:{laptop.pk}", "gpt", "gemini", 0),
        (date(2026, 11, 23), f"{ada.pk}:", "gpt", "gemini", 0),
        (date(2026, 11, 23), f"{ada.pk}:{laptop.pk}", "gpt", "gemini", 0),
        (date(2026, 11, 23), f"{bob.pk}:", "gpt", "", 1),
        (date(2026, 11, 23), f"{bob.pk}:", "gpt", "gemini", 0),
        (date(2026, 11, 23), f"{bob.pk}:", "other", "gemini", 0),
    ]
    verified()


def test_a_user_or_token_deleted_meanwhile_leaves_a_record_without_one(requests, ada, laptop):
    requests.make()
    metering.flush_now()
    laptop.delete()
    requests.make()
    metering.flush_now()
    owner = f"{requests.user_id}:{requests.token_id}"
    ada.delete()
    requests.make()
    metering.flush_now()
    assert list(UsageRecord.objects.values_list("user", "token", "owner")) == [(None, None, owner)] * 3
    assert list(UsageTotal.objects.values_list("user", "token", "owner", "requests")) == [(None, None, owner, 3)]
    verified()


def test_a_request_in_a_token_less_session_is_counted_under_its_user(ada):
    store([finished(ada.pk, None)])
    assert UsageTotal.objects.get().owner == f"{ada.pk}:"


def test_nonsense_from_upstream_does_not_stop_the_batch_it_is_in(ada):
    store(
        [
            finished(ada.pk, counts=TokenCounts(prompt=-5, completion=2**80, total=2**63), attempts=10**9),
            finished(ada.pk, counts=TokenCounts(total=2**63), queue_ms=-1, total_ms=2**40, cost=-NANO),
            finished(ada.pk, model="gpt\0" + "x" * 500, gemini_model="\ud800" * 300, error_code="e" * 99),
            finished(ada.pk, cost=10**30 * NANO),
        ]
    )
    assert UsageRecord.objects.count() == 4
    assert UsageRecord.objects.filter(prompt_tokens__lt=0).count() == 0
    verified()


def test_hours_are_the_sums_of_everybody(ada):
    store([finished(ada.pk), finished(ada.pk, status=503)])
    store([finished(ada.pk)])
    records = UsageRecord.objects.all()
    hours = {record.created.replace(minute=0, second=0, microsecond=0) for record in records}
    assert set(UsageHour.objects.values_list("hour", flat=True)) == hours
    sums = UsageHour.objects.aggregate(*map(Sum, ("requests", "errors", "total_tokens", "cost", "paid")))
    assert (sums["requests__sum"], sums["errors__sum"]) == (3, 1)
    assert sums["total_tokens__sum"] == sum(record.total_tokens for record in records)
    assert sums["cost__sum"] == sum(record.cost for record in records)
    assert sums["paid__sum"] == Decimal("0.00007035"), "a record does not tell whether its key was paid; the hour does"


def test_a_record_tells_the_microsecond_at_which_it_was_admitted(ada):
    moments = [NOON + timedelta(microseconds=after) for after in (0, 1, 999_999, 1_000_000)]
    store([finished(ada.pk, at=moment) for moment in moments])
    assert list(UsageRecord.objects.order_by("created").values_list("created", flat=True)) == moments
    assert UsageRecord.objects.filter(created__gt=NOON).count() == 3


@pytest.mark.parametrize("told", ["0.00012345", "0.000123454", "123450e-9", "1.2345E-4"])
def test_a_cost_is_the_same_however_a_version_wrote_it_down(ada, told):
    admitted, settled = finished(ada.pk)
    store([(admitted, replace(settled, cost=told))])
    assert UsageRecord.objects.get().cost == UsageTotal.objects.get().cost == Decimal("0.00012345")


def test_costs_are_added_without_losing_a_digit(ada):
    store([finished(ada.pk, cost=10) for _ in range(300)])
    store([finished(ada.pk, cost=25 * NANO // 2) for _ in range(2)])
    assert UsageTotal.objects.get().cost == Decimal("25.00000300")


def test_a_batch_that_fails_midway_leaves_nothing_behind(ada, monkeypatch):
    batch = [finished(ada.pk) for _ in range(3)]
    with monkeypatch.context() as broken:
        broken.setattr("accounts.metering.ledger.addition", lambda *_: "INSERT INTO nowhere" + " %s" * 16)
        with pytest.raises(DatabaseError):
            store(batch)
    assert UsageRecord.objects.count() == 0
    store(batch)
    assert UsageTotal.objects.get().requests == 3


@pytest.mark.parametrize(("model", "columns"), [(UsageRecord, RECORD), (UsageTotal, TOTAL), (UsageHour, HOUR)])
def test_every_column_is_filled(model, columns):
    given_by_the_database = {"id"} - set(columns)
    assert {field.column for field in model._meta.local_concrete_fields} - given_by_the_database == set(columns)


def test_nothing_is_stored_inside_a_transaction_that_may_be_undone(requests):
    requests.make()
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        metering.flush_now()
    metering.flush_now()
    assert UsageRecord.objects.count() == 1


def test_spent_sums_the_days_of_a_user_or_of_a_token(ada, laptop):
    day = datetime(2026, 11, 21, 12, tzinfo=UTC)
    store([finished(ada.pk, at=day), finished(ada.pk), finished(ada.pk, laptop.pk, model="other")])
    assert metering.spent(date(2026, 11, 21), user_id=ada.pk) == (3, 66, Decimal("0.00037035"))
    assert metering.spent(date(2026, 11, 22), user_id=ada.pk) == (2, 44, Decimal("0.00024690"))
    assert metering.spent(date(2026, 11, 22), token_id=laptop.pk) == (1, 22, Decimal("0.00012345"))
    assert metering.spent(date(2026, 11, 23), user_id=ada.pk) == (0, 0, Decimal(0))
