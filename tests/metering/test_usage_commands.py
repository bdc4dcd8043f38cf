"""The commands that read, purge and verify usage."""

import csv
import io
import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from accounts import metering
from accounts.metering.ledger import store
from accounts.models import IssuedToken, UsageRecord, UsageTotal, User
from tests.metering.making import NOON, finished

pytestmark = pytest.mark.usefixtures("no_thread")

# The contract's fields, in its order.
CONTRACT = [
    "id",
    "created",
    "user",
    "token",
    "endpoint",
    "stream",
    "model",
    "gemini_model",
    "status",
    "error_code",
    "attempts",
    "prompt_tokens",
    "cached_tokens",
    "tool_prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "total_tokens",
    "counts_from",
    "cost",
    "queue_ms",
    "first_byte_ms",
    "total_ms",
]


def export(*arguments) -> str:
    out = io.StringIO()
    call_command("export_usage", *arguments, stdout=out)
    return out.getvalue()


def exported(*arguments) -> list[dict]:
    return json.loads(export("--format", "json", *arguments))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- export_usage ----------------------------------------------------------------------------------------


def test_json_is_one_array_of_the_contracts_fields(ada, laptop):
    store([finished(ada.pk, laptop.pk, at=at("2026-11-22T12:00:00.000001"))])
    [row] = exported()
    assert list(row) == CONTRACT
    record = UsageRecord.objects.get()
    assert row == {
        "id": str(record.pk),
        "created": "2026-11-22T12:00:00.000001Z",
        "user": "ada",
        "token": "tumbler-Ab3dEf7h",
        "endpoint": "chat/completions",
        "stream": False,
        "model": "gpt",
        "gemini_model": "gemini",
        "status": 200,
        "error_code": "",
        "attempts": 1,
        "prompt_tokens": 10,
        "cached_tokens": 2,
        "tool_prompt_tokens": 3,
        "completion_tokens": 5,
        "reasoning_tokens": 4,
        "total_tokens": 22,
        "counts_from": "upstream",
        "cost": 0.00012345,
        "queue_ms": 0,
        "first_byte_ms": 1,
        "total_ms": 2,
    }


def test_csv_has_the_same_fields_and_values(ada, laptop):
    store([finished(ada.pk, laptop.pk), finished(ada.pk, cost=0, at=NOON + timedelta(seconds=1))])
    header, first, second = csv.reader(io.StringIO(export()))
    assert header == CONTRACT
    [as_json, _] = exported()
    assert dict(zip(header, first, strict=True)) == {
        name: str(value).lower() if value is False else str(value) for name, value in as_json.items()
    }
    assert (second[header.index("token")], second[header.index("cost")]) == ("", "0.00000000")


def test_an_export_without_records_is_an_empty_array_or_a_header(database):
    assert exported() == []
    assert export() == ",".join(f'"{name}"' for name in CONTRACT) + "\n"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_of_the_csv_is_a_formula(database, start):
    user = User.objects.create(username=f"{start}cmd|' /C calc'!A0")
    store([finished(user.pk, model=f'{start}HYPERLINK("http://x")', error_code=f"{start}1+1", status=400)])
    text = export()
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    for name in ("user", "model", "error_code"):
        assert row[name].startswith(f"'{start}")
    assert not any(cell.startswith(start) for cell in row.values())
    assert exported()[0]["model"] == f'{start}HYPERLINK("http://x")'


def test_since_is_included_and_until_is_not(ada):
    moments = ("2026-11-20T23:59:59.999999", "2026-11-21T00:00:00", "2026-11-21T15:30:00", "2026-11-22T00:00:00")
    store([finished(ada.pk, at=at(moment)) for moment in moments])
    starts = lambda *arguments: [row["created"][:19] for row in exported(*arguments)]  # noqa: E731
    assert starts("--since", "2026-11-21", "--until", "2026-11-22") == ["2026-11-21T00:00:00", "2026-11-21T15:30:00"]
    assert starts("--since", "2026-11-21T15:30:00") == ["2026-11-21T15:30:00", "2026-11-22T00:00:00"]
    assert starts("--since", "2026-11-21T16:30:00+01:00", "--until", "2026-11-22T00:00:00Z") == ["2026-11-21T15:30:00"]
    assert starts("--until", "2026-11-20") == []


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-11-22T25:00", ""])
def test_a_time_that_is_none_is_refused(database, text):
    with pytest.raises(CommandError, match="neither a date"):
        export("--since", text)


def test_records_of_one_user_only(ada):
    bob = User.objects.create(username="bob")
    store([finished(ada.pk), finished(bob.pk), finished(bob.pk)])
    assert [row["user"] for row in exported("--user", "bob")] == ["bob", "bob"]
    with pytest.raises(CommandError, match="No user is called 'carol'"):
        export("--user", "carol")


def test_a_record_whose_user_is_gone_is_exported_without_one(ada, laptop):
    store([finished(ada.pk, laptop.pk)])
    ada.delete()
    [row] = exported()
    assert (row["user"], row["token"]) == (None, None)


def test_an_export_holds_no_secret_of_a_token(ada):
    token = IssuedToken.objects.create(
        user=ada, name="phone", prefix="Zz9", digest="digest-of-the-secret", pepper_version="1"
    )
    store([finished(ada.pk, token.pk)])
    for text in (export(), export("--format", "json")):
        assert "tumbler-Zz9" in text
        assert "digest-of-the-secret" not in text


def test_an_export_has_what_a_killed_process_left(requests):
    requests.admit()
    metering._writer.journal.abandon()
    metering._writer = None
    assert [row["counts_from"] for row in exported()] == ["interrupted"]


def test_an_export_holds_few_records_in_memory(ada, monkeypatch):
    monkeypatch.setattr("accounts.management.commands.export_usage.ROWS_AT_ONCE", 100)
    store([finished(ada.pk) for _ in range(300)])
    few = _peak_of_an_export()
    for _ in range(10):
        store([finished(ada.pk) for _ in range(300)])
    assert _peak_of_an_export() < few * 3


def _peak_of_an_export() -> int:
    class Nowhere(io.StringIO):
        def write(self, text):
            return len(text)

    tracemalloc.start()
    call_command("export_usage", "--format", "json", stdout=Nowhere())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


# --- purge_usage -----------------------------------------------------------------------------------------


def purge(days: int) -> str:
    err = io.StringIO()
    call_command("purge_usage", "--older-than-days", str(days), stdout=io.StringIO(), stderr=err)
    return err.getvalue()


def test_old_records_go_and_the_totals_stay(ada):
    now = timezone.now()
    store([finished(ada.pk, at=now - timedelta(days=age)) for age in (0, 29, 31, 31, 90)])
    before = list(UsageTotal.objects.values_list("day", "requests", "total_tokens"))
    said = purge(30)
    assert UsageRecord.objects.count() == 2
    assert list(UsageTotal.objects.values_list("day", "requests", "total_tokens")) == before
    assert "3 of 3 deleted" in said


def test_a_purge_goes_in_small_ranges_oldest_first(ada, monkeypatch):
    monkeypatch.setattr("accounts.metering.purging.ROWS_AT_ONCE", 2)
    left = []
    monkeypatch.setattr(
        "accounts.management.commands.purge_usage.time.sleep",
        lambda _: left.append(list(UsageRecord.objects.order_by("created").values_list("total_ms", flat=True))),
    )
    now = timezone.now()
    store([finished(ada.pk, at=now - timedelta(days=10 - n), total_ms=n) for n in (3, 1, 4, 2, 0)])
    purge(1)
    assert left == [[2, 3, 4], [4], []]


def test_a_purge_of_everything_and_a_purge_of_nothing(requests):
    requests.make()
    purge(1)
    assert UsageRecord.objects.count() == 1
    purge(0)
    assert UsageRecord.objects.count() == 0
    assert UsageTotal.objects.get().requests == 1
    with pytest.raises(CommandError):
        purge(-1)


def test_a_purge_first_stores_what_a_killed_process_left(ada, requests):
    requests.make()
    metering._writer.journal.abandon()
    metering._writer = None
    purge(0)
    assert (UsageRecord.objects.count(), UsageTotal.objects.get().requests) == (0, 1)
    metering.flush_now()
    assert (UsageRecord.objects.count(), UsageTotal.objects.get().requests) == (0, 1)


# --- verify_usage ----------------------------------------------------------------------------------------


def verify() -> str:
    out = io.StringIO()
    try:
        call_command("verify_usage", stdout=out)
    except CommandError as error:
        assert error.returncode == 1
        return out.getvalue() + str(error)
    return out.getvalue()


def test_totals_that_agree_are_said_to(ada):
    store([finished(ada.pk), finished(ada.pk, at=at("2026-10-01"))])
    assert verify() == "2 totals agree with their records.\n"


def test_nothing_to_verify_is_no_error(database):
    assert verify() == "0 totals agree with their records.\n"


@pytest.mark.parametrize(
    "name", ["requests", "errors", "prompt_tokens", "cached_tokens", "tool_prompt_tokens", "reasoning_tokens", "cost"]
)
def test_any_drifted_sum_is_printed_and_exits_with_1(ada, name):
    store([finished(ada.pk)])
    UsageTotal.objects.update(**{name: F(name) + 1})
    said = verify()
    assert f"'{ada.pk}:' 'gpt' 'gemini' {name}: total" in said
    assert said.endswith("1 sums differ in 1 totals.")


def test_a_missing_total_and_a_total_without_records_are_drift(ada):
    store([finished(ada.pk, model="lost")])
    UsageTotal.objects.all().delete()
    store([finished(ada.pk, model="kept", at=at("2026-10-01"))])
    UsageRecord.objects.filter(model="kept").delete()
    said = verify()
    assert "2026-11-22 " in said
    assert "2026-10-01 " in said
    assert "'lost' 'gemini' requests: total 0, records 1" in said
    assert "'kept' 'gemini' requests: total 1, records 0" in said


def test_totals_of_purged_records_are_left_out_and_the_others_are_not(ada):
    now = timezone.now()
    store([finished(ada.pk, at=now - timedelta(days=40)), finished(ada.pk, at=now)])
    purge(30)
    assert verify() == "1 totals agree with their records.\n"
    UsageTotal.objects.filter(rows_purged=False).update(requests=7)
    assert "requests: total 7, records 1" in verify()


def test_what_a_late_host_adds_to_a_purged_day_is_no_drift(ada):
    old = timezone.now() - timedelta(days=40)
    store([finished(ada.pk, at=old)])
    purge(30)
    store([finished(ada.pk, at=old), finished(ada.pk, at=old, model="late")])
    assert verify() == "1 totals agree with their records.\n"
    assert sorted(UsageTotal.objects.values_list("requests", flat=True)) == [1, 2]
