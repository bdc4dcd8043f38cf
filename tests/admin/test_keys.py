import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from accounts import contributing
from accounts.contributing import contribute
from accounts.models import ContributedKey, KeyCooldown, KeyDay, User
from accounts.sealing import unseal
from tests.admin.filling import KEY, SITE

pytestmark = pytest.mark.django_db
LIST = SITE + "accounts/contributedkey/"


def form_for(key_text=KEY, **values):
    return {"key_text": key_text, "label": "mine", "project": "", "owner": "", **values}


def act(client, action, *keys, **more):
    chosen = {"action": action, "_selected_action": [str(key.pk) for key in keys], **more}
    return client.post(LIST, chosen, follow=True).content.decode()


def test_a_key_is_added_by_the_verb_and_never_shown(root):
    ada = User.objects.create_user("ada")
    answer = root.post(LIST + "add/", form_for(f" {KEY} ", project="p1", paid="on", owner=ada.pk), follow=True)
    key = ContributedKey.objects.get()
    assert (key.source, key.project, key.paid, key.owner, key.label) == ("admin", "p1", True, ada, "mine")
    assert unseal(key.pk, key.ciphertext).reveal() == KEY
    assert KEY not in answer.content.decode()
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.object_repr) == (str(key.pk), "mine …0001")
    for path in (f"{key.pk}/change/", f"{key.pk}/history/", f"?q={key.last_four}"):
        assert KEY not in root.get(LIST + path).content.decode()


@pytest.mark.parametrize(
    "text", ["short", KEY + " inside", f"{KEY}\nX-Evil: 1", KEY + "\0", "ключ-" * 5, "k" * 500, ""]
)
def test_a_malformed_key_is_refused_without_repeating_it(root, text):
    answer = root.post(LIST + "add/", form_for(text))
    assert answer.status_code == 200
    assert not ContributedKey.objects.exists()
    assert not text or text not in answer.content.decode()


def test_a_key_that_is_here_already_is_said_to_be(root):
    contribute(KEY, source="operator")
    html = root.post(LIST + "add/", form_for()).content.decode()
    assert "This key is in the pool already." in html
    assert KEY not in html
    assert ContributedKey.objects.count() == 1


@pytest.mark.parametrize("field", ["label", "project"])
def test_a_label_that_looks_like_a_key_is_refused(root, field):
    html = root.post(LIST + "add/", form_for(**{field: "AI" + "zaFAKEFAKEFAKE"})).content.decode()
    assert "This looks like a key." in html
    assert not ContributedKey.objects.exists()


def test_what_the_site_knows_of_a_key_cannot_be_posted(root):
    key = contribute(KEY, source="operator").key
    before = ContributedKey.objects.values().get()
    posted = form_for(
        label="renamed",
        ciphertext="x",
        fingerprint="y",
        last_four="zzzz",
        upstream="simulator",
        source="contribution",
        state="disabled",
        reason="no",
        created_0="2020-01-01",
        created_1="00:00",
        id="another",
    )
    assert root.post(f"{LIST}{key.pk}/change/", posted).status_code == 302
    after = ContributedKey.objects.values().get()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"label", "updated"}


def test_disabling_asks_first_and_enabling_does_not(root):
    one, two = contribute(KEY, source="admin").key, contribute(KEY + "2", source="admin").key
    assert "until someone enables them? (2)" in act(root, "disable", one, two)
    assert ContributedKey.objects.filter(state="active").count() == 2
    assert "2 disabled." in act(root, "disable", one, two, confirmed="yes")
    assert set(ContributedKey.objects.values_list("state", "reason")) == {("disabled", "by hand")}
    assert "1 enabled." in act(root, "enable", one)
    assert "1 enabled. 1 were so already." in act(root, "enable", one, two)
    assert LogEntry.objects.count() == 4
    assert not LogEntry.objects.filter(change_message__contains=KEY).exists()


def test_resetting_cooldowns_frees_the_domain_at_once(root):
    key = contribute(KEY, source="admin", project="p1").key
    KeyCooldown.objects.create(domain="project:p1", until=timezone.now() + timezone.timedelta(hours=1), reason="quota")
    act(root, "reset_cooldown", key)
    assert not KeyCooldown.objects.exists()
    key.refresh_from_db()
    assert key.cooldowns_reset


def test_resetting_works_on_rests_that_only_a_pools_memory_knows(root):
    key = contribute(KEY, source="admin").key
    act(root, "reset_cooldown", key)
    key.refresh_from_db()
    assert key.cooldowns_reset


def test_verifying_counts_what_the_upstream_says(root, monkeypatch):
    one, two = contribute(KEY, source="admin").key, contribute(KEY + "2", source="admin").key
    monkeypatch.setattr(contributing, "key_verifier", None)
    assert "no way to ask" in act(root, "verify", one)
    monkeypatch.setattr(
        contributing, "key_verifier", lambda keys: {key.pk: "works" if key == one else "refused" for key in keys}
    )
    html = act(root, "verify", one, two)
    assert "1 works" in html and "1 refused" in html
    one.refresh_from_db()
    assert one.last_checked


def test_verifying_hundreds_is_left_to_the_command(root, monkeypatch):
    contributing.contribute_many((f"{KEY}-{number}" for number in range(101)), source="command")
    monkeypatch.setattr(contributing, "key_verifier", lambda keys: pytest.fail("asked"))
    html = act(root, "verify", ContributedKey.objects.first(), select_across="1")
    assert "check_keys" in html


def test_deleting_a_key_erases_its_ciphertext_and_its_days(root):
    key = contribute(KEY, source="admin").key
    KeyDay.objects.create(key=key, model="gemini-x", day=timezone.now().date())
    root.post(f"{LIST}{key.pk}/delete/", {"post": "yes"})
    assert not ContributedKey.objects.exists()
    assert not KeyDay.objects.exists()
