"""accounts/privacy.py lists every column, log line and metric; the page and the document show the same table."""

import ast
from collections import Counter
from pathlib import Path

import pytest
from django.apps import apps

from accounts import privacy
from accounts.models import ContributedKey, IssuedToken, Receipt, ReceiptKey, UsageRecord, UsageTotal, User
from compat.metrics import registry

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "log"}


def listed_columns():
    for row in privacy.KEPT:
        for line in row.columns:
            table, _, names = line.partition(": ")
            yield from (f"{table}.{name}" for name in names.split())


def columns_of_the_database():
    for model in apps.get_models(include_auto_created=True):
        yield from (f"{model._meta.label}.{field.name}" for field in model._meta.local_fields)


def test_every_column_is_listed_and_every_listed_one_is_there():
    listed, there = set(listed_columns()), set(columns_of_the_database())
    unlisted, gone = sorted(there - listed), sorted(listed - there)
    assert unlisted == [], "add them to accounts/privacy.py, and say for how long they are kept"
    assert gone == []


def test_no_column_is_listed_twice():
    assert [name for name, count in Counter(listed_columns()).items() if count > 1] == []


def log_calls():
    """(place, format) of each call of a logger in the three apps; a format that is no plain text is None."""
    for app in ("accounts", "compat", "tumbler_site"):
        for path in sorted((ROOT / app).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                    logger = ast.unparse(node.func.value)
                    if logger.split(".")[-1] in {"logger", "log", "logging"} or "getLogger" in logger:
                        first = node.args[1 if node.func.attr == "log" else 0]
                        text = first.value if isinstance(first, ast.Constant) else None
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def test_every_line_of_the_log_is_listed_and_every_listed_one_is_written():
    calls = dict(log_calls())
    assert len(calls) > 15, "the walk finds the calls"
    assert not [place for place, text in calls.items() if text is None], "a log line's format is a plain text"
    listed = {line for row in privacy.LOGGED for line in row.lines}
    unlisted = {place: text for place, text in calls.items() if text not in listed}
    assert unlisted == {}, "add them to accounts/privacy.py"
    assert sorted(listed - set(calls.values())) == []


def test_every_metric_is_listed_and_none_is_labelled_by_person_or_key():
    for family in registry.collect():
        if not family.name.startswith("process_"):
            assert family.name in privacy.METRICS, "add it to accounts/privacy.py"
        for sample in family.samples:
            assert not {"user", "token", "key", "domain", "owner", "address", "receipt"} & set(sample.labels)


def relations(model):
    return {field.related_model for field in model._meta.get_fields() if field.is_relation and field.related_model}


@pytest.mark.parametrize("person", [User, IssuedToken, UsageRecord, UsageTotal])
def test_no_table_joins_a_person_to_a_contributed_key_but_the_owner_named_by_hand(person):
    by_name = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_fields
        if field.related_model in (person, ContributedKey)
    }
    of_keys = {name for name in by_name if name.split(".")[1] in {"ContributedKey"}}
    assert of_keys <= {"accounts.ContributedKey.owner"}
    for model in apps.get_models(include_auto_created=True):
        if model is not ContributedKey:
            forward = {field.related_model for field in model._meta.local_fields if field.is_relation}
            assert not {person, ContributedKey} <= forward, model


@pytest.mark.parametrize("model", [Receipt, ReceiptKey])
def test_a_receipt_points_at_no_person_and_no_hour(model):
    assert not relations(model) & {User, IssuedToken, UsageRecord, UsageTotal}
    assert "DateTimeField" not in {field.get_internal_type() for field in model._meta.local_fields}


def test_no_log_line_tells_a_person_and_a_key_at_once():
    for row in privacy.LOGGED:
        for line in row.lines:
            words = line.lower()
            assert not ("key" in words and any(word in words for word in ("user", "token", "address", "request %"))), (
                line
            )


def test_the_document_shows_the_table_of_the_code():
    document = (ROOT / "docs/privacy.md").read_text()
    shown = document.split("<!-- begin table -->\n")[1].split("\n<!-- end table -->")[0]
    assert shown == privacy.as_markdown(), "put privacy.as_markdown() between the two marks of docs/privacy.md"


def test_the_json_and_the_page_show_it_too(client, db):
    told = client.get("/privacy.json", headers={"host": "localhost"}).json()
    assert [row["what"] for row in told["kept"]] == [row.what for row in privacy.KEPT]
    assert all(row["where"] and row["how_long"] for row in told["kept"])
    assert {line for row in told["logged"] for line in row["lines"]} >= {"attempt failed: %s with %s (HTTP %d)"}
    page = client.get("/privacy/", headers={"host": "localhost"}).content.decode()
    assert all(row.what.replace("'", "&#x27;") in page for row in privacy.KEPT)
