from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.contributing import enable_keys, erase_key
from accounts.contributions import checking
from accounts.contributions.checking import check_received
from accounts.models import ContributedKey, Receipt
from tests.contributions.conftest import DEAD, KEY, OTHER, Visitor

pytestmark = pytest.mark.django_db


def states():
    return dict(ContributedKey.objects.values_list("last_four", "state"))


def test_good_keys_are_taken_into_use_and_dead_ones_disabled_with_the_reason(visitor, upstream):
    visitor.lend(f"{KEY}\n{DEAD}")
    assert set(states().values()) == {"received"}
    counts = check_received()
    assert states() == {KEY[-4:]: "active", DEAD[-4:]: "disabled"}
    assert ContributedKey.objects.get(state="disabled").reason == "key_invalid"
    assert counts == {"good": 1, "key_invalid": 1}
    assert all(ContributedKey.objects.values_list("last_checked", flat=True))


def test_a_key_is_asked_about_once(visitor, upstream):
    visitor.lend()
    check_received()
    check_received()
    assert upstream.asked == [KEY[-4:]]


def test_a_key_about_which_nobody_answered_waits_for_the_next_check(visitor, upstream):
    visitor.lend()
    upstream.verdicts[KEY[-4:]] = "no answer"
    check_received()
    assert states() == {KEY[-4:]: "received"}
    upstream.verdicts.clear()
    check_received()
    assert states() == {KEY[-4:]: "active"}


def test_with_moderation_a_good_key_waits_for_approval(visitor, upstream, settings):
    settings.MODERATE_CONTRIBUTIONS = True
    visitor.lend(f"{KEY}\n{DEAD}")
    check_received()
    assert states() == {KEY[-4:]: "waiting", DEAD[-4:]: "disabled"}


def test_a_key_that_was_disabled_meanwhile_is_not_taken_into_use(visitor, upstream, monkeypatch):
    visitor.lend()

    def check(keys):
        ContributedKey.objects.update(state="disabled", reason="by hand")
        return {key.pk: "good" for key in keys}

    monkeypatch.setattr("accounts.contributing.key_checker", check)
    check_received()
    assert states() == {KEY[-4:]: "disabled"}


def test_a_dead_key_is_erased_after_a_week_unless_it_has_served(visitor, upstream):
    visitor.lend(f"{DEAD}\n{KEY}")
    check_received()
    week = timezone.now() - timedelta(days=8)
    ContributedKey.objects.update(state="disabled", state_since=week)
    served = ContributedKey.objects.get(last_four=KEY[-4:])
    served.days.create(model="m", day=week.date(), requests=3)
    check_received()
    assert states() == {KEY[-4:]: "disabled"}


def test_a_receipt_that_rules_over_nothing_is_forgotten_after_a_month(visitor, upstream):
    old = visitor.lend(KEY)
    visitor.lend(OTHER)
    check_received()
    Receipt.objects.update(created=timezone.now().date() - timedelta(days=60))
    erase_key(ContributedKey.objects.get(last_four=KEY[-4:]))
    check_received()
    assert Receipt.objects.count() == 1
    assert visitor.receipt(old).status_code == 404


def test_a_receipt_whose_key_was_just_withdrawn_still_says_so(visitor, upstream):
    code = visitor.lend(KEY)
    check_received()
    Receipt.objects.update(created=timezone.now().date() - timedelta(days=60))
    visitor.told(code, "withdraw-for-good")
    check_received()
    assert "Withdrawn" in visitor.told(code)


def test_a_strangers_key_is_in_quarantine_until_it_has_answered_twenty(visitor, upstream):
    visitor.lend()
    check_received()
    key = ContributedKey.objects.get()
    assert key.in_quarantine
    key.successes = 20
    assert not key.in_quarantine
    key.successes, key.source = 0, "admin"
    assert not key.in_quarantine


def test_the_admin_approves_what_waits_and_nothing_else(upstream, settings, admin_client):
    settings.MODERATE_CONTRIBUTIONS = True
    Visitor().lend(f"{KEY}\n{DEAD}")
    check_received()
    Visitor().lend(OTHER)
    keys = [str(pk) for pk in ContributedKey.objects.values_list("pk", flat=True)]
    url = "http://localhost/admin/accounts/contributedkey/"
    page = admin_client.get(url, headers={"host": "localhost"}).content.decode()
    assert "waiting for approval" in page
    admin_client.post(url, {"action": "approve", "_selected_action": keys}, headers={"host": "localhost"})
    assert states() == {KEY[-4:]: "active", DEAD[-4:]: "disabled", OTHER[-4:]: "received"}
    enable_keys([ContributedKey.objects.get(last_four=OTHER[-4:])])
    assert states()[OTHER[-4:]] == "active"


def test_one_timer_serves_however_many_come(monkeypatch, settings):
    started = []

    class Timer:
        daemon = False

        def __init__(self, seconds, act):
            started.append(seconds)

        def start(self):
            assert self.daemon, "a check must not keep a server from ending"

    monkeypatch.undo()
    monkeypatch.setattr(checking, "Timer", Timer)
    monkeypatch.setattr(checking, "_timer", None)
    settings.CHECK_SECONDS = 30
    for _ in range(5):
        checking.check_soon()
    assert len(started) == 1
    assert 6 <= started[0] <= 30
