import pytest
from django.utils import timezone

from accounts import contributing
from accounts.contributing import (
    contribute,
    contribute_many,
    disable_key,
    enable_keys,
    request_check,
    reset_cooldowns,
)
from accounts.models import ContributedKey, KeyCooldown, User
from accounts.sealing import unseal

pytestmark = pytest.mark.django_db
KEY = "fake-key-abcdefghijk-0001"


def test_a_contributed_key_is_sealed_and_only_its_last_four_are_legible():
    done = contribute(f"  {KEY}\n", source="command", label="mine", project="p1", paid=True)
    assert done.verdict == "added"
    row = ContributedKey.objects.values().get()
    assert not any(KEY in str(value) for value in row.values())
    assert (row["last_four"], row["label"], row["project"], row["paid"]) == ("0001", "mine", "p1", True)
    assert (row["source"], row["upstream"], row["state"]) == ("command", "gemini", "active")
    assert unseal(row["id"], row["ciphertext"]).reveal() == KEY
    assert KEY not in f"{done.key} {done!r}"


def test_a_key_that_is_here_already_stays_as_it_is():
    first = contribute(KEY, source="admin", label="first").key
    disable_key(first, "leaked")
    again = contribute(KEY, source="operator", label="second")
    assert (again.verdict, again.key) == ("duplicate", first)
    row = ContributedKey.objects.get()
    assert (row.label, row.state, row.reason) == ("first", "disabled", "leaked")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "a" * 201,
        "with space-aaaaaaaaaaaaaaa",
        "fake-key-abcdefghij\nX-Evil: 1",
        "fake-key-abcdefghij\0k",
        "fake-kеy-abcdefghijk-cyrillic",
        "=HYPERLINK('http://x')-aaaa",
        "x" * 1_000_000,
        "\ud800" * 30,
    ],
)
def test_a_malformed_text_makes_no_row(text):
    done = contribute(text, source="command")
    assert (done.verdict, done.key) == ("malformed", None)
    assert not ContributedKey.objects.exists()


def test_short_simulator_keys_are_for_the_simulator_alone(settings):
    assert contribute("sim-1", source="command").verdict == "malformed"
    assert contribute("sim-1", source="command", upstream="simulator").key.upstream == "simulator"
    settings.SIMULATOR = True
    assert contribute("sim-2", source="command").key.upstream == "simulator"
    assert contribute("sim-UP", source="command").verdict == "malformed"


def test_a_real_key_brought_while_the_simulator_runs_waits_for_gemini(settings):
    settings.SIMULATOR = True
    assert contribute(KEY, source="admin").key.upstream == "gemini"


def test_many_keys_get_their_verdicts_in_order_and_equal_lines_count_once(django_assert_max_num_queries):
    contribute(KEY, source="admin")
    texts = [KEY, "bad", "fake-key-abcdefghijk-0002", "fake-key-abcdefghijk-0002 ", "fake-key-abcdefghijk-0003"]
    with django_assert_max_num_queries(5):
        done = contribute_many(texts, source="command")
    assert [one.verdict for one in done] == ["duplicate", "malformed", "added", "duplicate", "added"]
    assert done[2].key == done[3].key
    assert ContributedKey.objects.count() == 3


def test_a_key_brought_by_another_process_at_the_same_moment_is_a_duplicate(monkeypatch):
    by_fingerprint = contributing._by_fingerprint
    asked = []

    def late(prints):
        found = by_fingerprint(prints)
        if not asked:
            asked.append(1)
            contribute(KEY, source="admin", label="the other process")
        return found

    monkeypatch.setattr(contributing, "_by_fingerprint", late)
    done = contribute(KEY, source="command")
    assert (done.verdict, done.key.label) == ("duplicate", "the other process")


def test_disabling_keeps_the_first_reason_and_enabling_clears_it():
    key = contribute(KEY, source="admin").key
    before = ContributedKey.objects.get()
    assert disable_key(key, "leaked")
    assert not disable_key(key.pk, "something else")
    row = ContributedKey.objects.get()
    assert (row.state, row.reason, key.state) == ("disabled", "leaked", "disabled")
    assert row.updated > before.updated and row.state_since > before.state_since
    assert enable_keys([key]) == {key.pk}
    assert not enable_keys([key])
    row = ContributedKey.objects.get()
    assert (row.state, row.reason) == ("active", "")


def test_resetting_ends_the_rests_of_the_whole_quota_domain_and_of_no_other():
    ours = contribute(KEY, source="admin", project="p1").key
    mate = contribute(KEY + "m", source="admin", project="p1").key
    other = contribute(KEY + "o", source="admin").key
    until = timezone.now() + timezone.timedelta(hours=1)
    for domain, model in (("project:p1", ""), ("project:p1", "gemini-x"), (other.quota_domain, "")):
        KeyCooldown.objects.create(domain=domain, model=model, until=until, reason="test")
    assert reset_cooldowns([ours]) == {ours.pk}
    assert KeyCooldown.objects.get().domain == other.quota_domain
    mate.refresh_from_db(), other.refresh_from_db()
    assert mate.cooldowns_reset and not other.cooldowns_reset


def test_a_check_is_passed_to_whoever_can_ask_the_upstream_and_is_dated(monkeypatch):
    key = contribute(KEY, source="admin").key
    monkeypatch.setattr(contributing, "key_checker", None)
    assert request_check([key]) is None
    monkeypatch.setattr(contributing, "key_checker", lambda keys: {one.pk: "works" for one in keys})
    assert request_check([key]) == {key.pk: "works"}
    key.refresh_from_db()
    assert key.last_checked


def test_a_key_survives_its_owner():
    ada = User.objects.create_user("ada")
    contribute(KEY, source="contribution", owner=ada)
    ada.delete()
    assert ContributedKey.objects.get().owner is None
