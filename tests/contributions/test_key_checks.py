"""Checks of keys, and check_keys, before a scripted Gemini."""

import json

import pytest
from django.core.management import CommandError, call_command

from accounts.contributing import GOOD, contribute, disable_key, request_check
from accounts.contributions.checking import check_received
from accounts.models import ContributedKey
from compat import key_checks
from tests.contributions.conftest import Visitor
from tests.scripted_gemini import ScriptedGemini

pytestmark = pytest.mark.django_db


def error(code, message, status="", reason=""):
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": details}}).encode()


INVALID = 400, error(400, "API key not valid. Please pass a valid API key.", reason="API_KEY_INVALID")
SUSPENDED = 403, error(403, "Consumer has been suspended.", "PERMISSION_DENIED", "CONSUMER_SUSPENDED")
EXHAUSTED = 429, error(429, "You exceeded your current quota", "RESOURCE_EXHAUSTED")
OVERLOADED = 503, error(503, "overloaded", "UNAVAILABLE")


@pytest.fixture
def gemini(settings):
    server = ScriptedGemini()
    settings.GEMINI_BASE_URL = server.url
    yield server
    server.close()


def key(number, **more):
    return contribute(f"fake-checked-key-000{number}", source="admin", **more).key


def refuse(gemini, number, answer):
    status, body = answer
    gemini.will_refuse(status, body, key=f"fake-checked-key-000{number}")


@pytest.mark.parametrize(
    ("answer", "verdict", "state"),
    [
        (None, GOOD, "active"),
        (INVALID, "key_invalid", "disabled"),
        (SUSPENDED, "project_suspended", "disabled"),
        (EXHAUSTED, GOOD, "active"),
        (OVERLOADED, "overloaded", "active"),
        ((500, b"<html>"), "internal", "active"),
    ],
)
def test_the_upstreams_answer_becomes_a_word_and_a_dead_key_is_disabled(gemini, answer, verdict, state):
    row = key(1)
    if answer:
        refuse(gemini, 1, answer)
    assert request_check([row]) == {row.pk: verdict}
    row.refresh_from_db()
    assert (row.state, row.reason) == (state, verdict if state == "disabled" else "")
    assert row.last_checked
    [call] = gemini.calls
    assert "generateContent" not in call.target, "only the free list of models is asked"
    assert "key=" not in call.target


def test_the_other_keys_of_a_suspended_project_are_disabled_with_it(gemini):
    rows = [key(1, project="p"), key(2, project="p"), key(3, project="q")]
    refuse(gemini, 1, SUSPENDED)
    request_check(rows[:1])
    assert [ContributedKey.objects.get(pk=row.pk).state for row in rows] == ["disabled", "disabled", "active"]


def test_one_invalid_key_leaves_its_project_alone(gemini):
    rows = [key(1, project="p"), key(2, project="p")]
    refuse(gemini, 1, INVALID)
    request_check(rows[:1])
    assert ContributedKey.objects.get(pk=rows[1].pk).state == "active"


def test_a_key_is_never_sent_to_the_other_upstream(gemini, settings):
    row = contribute("sim-someone-a", source="admin", upstream="simulator").key
    assert request_check([row]) == {row.pk: key_checks.ELSEWHERE}
    settings.SIMULATOR = True
    other = key(1, upstream="gemini")
    assert request_check([other]) == {other.pk: key_checks.ELSEWHERE}
    assert gemini.calls == []


def test_an_upstream_that_says_nothing_is_not_waited_for_long(gemini, monkeypatch):
    monkeypatch.setattr(key_checks, "_SECONDS", 0.2)
    gemini.will_hang()
    rows = [key(1), key(2)]
    assert set(request_check(rows).values()) == {key_checks.NO_ANSWER}


def test_an_upstream_that_is_away_harms_no_key(settings):
    settings.GEMINI_BASE_URL = "http://127.0.0.1:9"
    row = key(1)
    assert request_check([row]) == {row.pk: "unreachable"}
    row.refresh_from_db()
    assert row.state == "active"


def test_a_ciphertext_of_another_row_is_told_and_not_sent(gemini):
    rows = [key(1), key(2)]
    ContributedKey.objects.filter(pk=rows[0].pk).update(ciphertext=rows[1].ciphertext)
    row = ContributedKey.objects.get(pk=rows[0].pk)
    assert request_check([row]) == {row.pk: key_checks.UNSEALABLE}
    assert gemini.calls == []


def test_a_contribution_is_checked_with_the_upstream_from_end_to_end(gemini):
    good, dead = "fake-checked-key-0001", "fake-checked-key-0002"
    refuse(gemini, 2, INVALID)
    code = Visitor().lend(f"{good}\n{dead}")
    check_received()
    page = Visitor().told(code)
    assert "On trial" in page
    assert "Not in use" in page
    assert {call.key for call in gemini.calls} == {good, dead}


def test_check_keys_prints_a_line_a_key_and_never_the_key(gemini, capsys):
    rows = [key(1), key(2)]
    call_command("check_keys")
    out, err = capsys.readouterr()
    assert sorted(out.splitlines()) == sorted(f"{row.fingerprint[:12]} good" for row in rows)
    assert "2 good" in err
    assert "fake-checked" not in out + err


def test_check_keys_fails_when_a_key_in_use_is_dead_and_not_for_one_that_is_out_already(gemini, capsys):
    rows = [key(1), key(2), key(3)]
    refuse(gemini, 1, INVALID)
    refuse(gemini, 2, INVALID)
    disable_key(rows[1], "by hand")
    with pytest.raises(CommandError, match="1 keys in use are not good"):
        call_command("check_keys")
    lines = capsys.readouterr().out.splitlines()
    assert f"{rows[0].fingerprint[:12]} key_invalid" in lines
    assert f"{rows[1].fingerprint[:12]} key_invalid (was disabled: by hand)" in lines
    call_command("check_keys")


def test_check_keys_takes_received_keys_into_use(gemini, capsys):
    Visitor().lend("fake-checked-key-0001")
    call_command("check_keys")
    assert ContributedKey.objects.get().state == "active"


def test_check_keys_has_nothing_to_say_about_an_empty_pool(db, capsys):
    call_command("check_keys")
    out, err = capsys.readouterr()
    assert (out, err.strip()) == ("", "No keys.")
