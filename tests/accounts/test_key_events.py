"""Whoever changes a key's state, the change is written down, to the minute, and forgotten after a month."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import key_events
from accounts.contributing import (
    admit_key,
    approve_key,
    contribute,
    disable_key,
    enable_keys,
    reset_cooldowns,
    rest_keys,
    suspect_key,
)
from accounts.models import ContributedKey, KeyCooldown, KeyEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def key():
    return contribute("fake-key-with-a-history-1", source="admin").key


def written():
    return list(KeyEvent.objects.order_by("id").values_list("was", "became", "reason"))


def test_each_act_upon_a_key_is_an_event(key):
    disable_key(key, "by hand")
    enable_keys([key])
    suspect_key(key.pk, "key_invalid")
    assert written() == [
        ("active", "disabled", "by hand"),
        ("disabled", "active", ""),
        ("active", "suspected", "key_invalid"),
    ]
    assert {event.key_id for event in KeyEvent.objects.all()} == {key.pk}


def test_an_act_that_changes_nothing_is_no_event(key):
    assert not enable_keys([key])
    assert not approve_key(key)
    assert disable_key(key, "leaked") and not disable_key(key, "by hand")
    assert written() == [("active", "disabled", "leaked")]


@pytest.mark.parametrize(("moderated", "state"), [(False, "active"), (True, "waiting")])
def test_a_received_key_that_is_good_is_admitted(settings, moderated, state):
    settings.MODERATE_CONTRIBUTIONS = moderated
    key = contribute("fake-key-with-a-history-2", source="contribution", state="received").key
    assert admit_key(key) and not admit_key(key)
    assert written() == [("received", state, "")]


def test_only_an_active_key_can_be_suspected(key):
    disable_key(key, "leaked")
    assert not suspect_key(key, "key_invalid")
    assert ContributedKey.objects.get().reason == "leaked"


def test_a_rest_by_hand_lasts_until_it_is_ended_and_both_are_events(key):
    until = timezone.now() + timedelta(hours=1)
    assert rest_keys([key], until) == {key.pk}
    assert rest_keys([key], until - timedelta(minutes=5)) == set()
    assert KeyCooldown.objects.get().until == until
    assert reset_cooldowns([key]) == {key.pk}
    assert written() == [("ready", "resting", "by hand"), ("resting", "ready", "by hand")]


def test_no_event_tells_the_second(key):
    disable_key(key, "leaked")
    at = KeyEvent.objects.get().at
    assert (at.second, at.microsecond) == (0, 0)


def test_what_is_a_month_old_is_forgotten(key):
    disable_key(key, "leaked")
    enable_keys([key])
    oldest = KeyEvent.objects.order_by("id").first()
    KeyEvent.objects.filter(pk=oldest.pk).update(at=timezone.now() - timedelta(days=31))
    key_events.forget_old()
    assert written() == [("disabled", "active", "")]
