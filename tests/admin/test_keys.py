import re

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from accounts import contributing, key_tasks
from accounts.contributing import contribute, disable_key
from accounts.models import ContributedKey, KeyCooldown, KeyDay, KeyEvent, LearnedQuota, User
from accounts.pool.pacific import pacific_day
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


def test_a_check_counts_what_the_upstream_says(root, monkeypatch):
    one, two = contribute(KEY, source="admin").key, contribute(KEY + "2", source="admin").key
    monkeypatch.setattr(contributing, "key_checker", None)
    assert "no way to ask" in act(root, "check_keys", one)
    monkeypatch.setattr(
        contributing, "key_checker", lambda keys: {key.pk: "works" if key == one else "refused" for key in keys}
    )
    html = act(root, "check_keys", one, two)
    assert "1 works" in html and "1 refused" in html
    one.refresh_from_db()
    assert one.last_checked


def test_a_key_is_checked_from_its_page_and_nobody_leaves_it(root, monkeypatch):
    key = contribute(KEY, source="admin").key
    monkeypatch.setattr(contributing, "key_checker", lambda keys: dict.fromkeys([key.pk for key in keys], "works"))
    page = f"{LIST}{key.pk}/change/"
    filled = {"label": "", "project": "", "owner": "", "accounts_contributedkey_check_this": ""}
    assert 'name="accounts_contributedkey_check_this"' in root.get(page).content.decode()
    answer = root.post(page, filled, follow=True)
    assert answer.redirect_chain == [(page.removeprefix("http://localhost"), 302)]
    assert "1 works" in answer.content.decode()


def test_a_check_of_hundreds_goes_on_in_the_background_and_shows_how_far_it_is(root, monkeypatch):
    contributing.contribute_many((f"{KEY}-{number}" for number in range(101)), source="command")
    monkeypatch.setattr(contributing, "key_checker", lambda keys: {key.pk: "works" for key in keys})
    monkeypatch.setattr(key_tasks, "_spawn", lambda work: work())
    html = act(root, "check_keys", ContributedKey.objects.first(), select_across="1")
    assert "101 of 101" in html and "101 works" in html
    assert not ContributedKey.objects.filter(last_checked=None).exists()


def test_keys_rest_for_as_long_as_is_chosen(root):
    one, two = contribute(KEY, source="admin").key, contribute(KEY + "2", source="admin", project="p1").key
    html = act(root, "set_cooldown", one, two)
    assert "For how long" in html and not KeyCooldown.objects.exists()
    assert "2 resting until" in act(root, "set_cooldown", one, two, confirmed="yes", length="1440")
    for rest in KeyCooldown.objects.all():
        assert (rest.model, rest.reason) == ("", "by hand")
        assert timezone.timedelta(hours=23) < rest.until - timezone.now() <= timezone.timedelta(hours=24)
    assert "2 were so already" in act(root, "set_cooldown", one, two, confirmed="yes", length="60")
    act(root, "set_cooldown", one, confirmed="yes", length="1e9")
    html = root.get(LIST).content.decode()
    assert "all models: by hand" in html


FACTS = {"project": "", "paid": "", "keep_share": "", "allowed_models": "", "hours_utc": ""}


def set_facts(client, *keys, **facts):
    return act(client, "change_facts", *keys, confirmed="yes", **{**FACTS, **facts})


def test_many_keys_get_the_same_project_tier_and_caps_and_nothing_else_changes(root):
    keys = [contribute(f"{KEY}{number}", source="admin", label="mine").key for number in range(3)]
    assert "left empty" in act(root, "change_facts", *keys) or "Set what these keys" in act(root, "change_facts", *keys)
    html = set_facts(
        root, *keys[:2], project="ours", paid="yes", keep_share="30", allowed_models="gemini-4-*", hours_utc="22-2"
    )
    assert "2 changed (project, paid, keep_share, allowed_models, hours_utc)." in html
    columns = ("project", "paid", "keep_share", "allowed_models", "hours_utc", "label")
    rows = {row[0]: row[1:] for row in ContributedKey.objects.values_list("pk", *columns)}
    assert rows[keys[0].pk] == rows[keys[1].pk] == ("ours", True, 30, ["gemini-4-*"], [0, 1, 22, 23], "mine")
    assert rows[keys[2].pk] == ("", False, 0, [], [], "mine")
    set_facts(root, keys[0], project="none", paid="no", keep_share="0", allowed_models="all", hours_utc="all")
    assert ContributedKey.objects.values_list(*columns).get(pk=keys[0].pk) == ("", False, 0, [], [], "mine")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "Nothing is to change"),
        ({"keep_share": "91"}, "less than or equal to 90"),
        ({"hours_utc": "25"}, "Hours are numbers"),
        ({"hours_utc": "9-9"}, "Hours are numbers"),
        ({"hours_utc": "a-b-c"}, "Hours are numbers"),
        ({"project": "AI" + "zaFAKEFAKEFAKE"}, "This looks like a key."),
    ],
)
def test_what_makes_no_sense_for_many_keys_is_told_and_changes_none(root, facts, sentence):
    key = contribute(KEY, source="admin").key
    assert sentence in set_facts(root, key, **facts)
    assert ContributedKey.objects.get().updated == key.updated


def test_the_pool_hears_of_facts_that_were_set(root):
    key = contribute(KEY, source="admin").key
    set_facts(root, key, keep_share="30")
    assert ContributedKey.objects.get().updated > key.updated


def test_deleting_many_erases_what_was_learned_of_them(root):
    keys = [contribute(f"{KEY}{number}", source="admin").key for number in range(3)]
    for key in keys:
        LearnedQuota.objects.create(domain=key.quota_domain, model="gemini-x", rpd=1)
        disable_key(key, "leaked")
    act(root, "delete_selected", *keys[:2])
    assert ContributedKey.objects.count() == 3, "it asks first"
    act(root, "delete_selected", *keys[:2], post="yes")
    assert ContributedKey.objects.get() == keys[2]
    assert LearnedQuota.objects.get().domain == KeyEvent.objects.get().domain == keys[2].quota_domain


def test_the_list_shows_what_is_left_and_how_often_it_failed(root):
    key = contribute(KEY, source="admin").key
    LearnedQuota.objects.create(domain=key.quota_domain, model="gemini-x", rpd=1250)
    today = pacific_day(timezone.now().timestamp())
    for days, requests, refusals in ((0, 110, 4), (1, 10, 3), (2, 10, 10)):
        KeyDay.objects.create(
            key=key,
            model="gemini-x",
            day=today - timezone.timedelta(days=days),
            requests=requests,
            refusals=refusals,
            last_refusal="quota_minute",
            last_used=timezone.now(),
        )
    html = root.get(LIST).content.decode()
    assert "gemini-x: 1,144 of 1,250" in html and "quota_minute" in html
    assert re.search(r"field-errors[^>]*>\s*(<[^>]*>\s*)*7\b", html)
    assert len(root.get(LIST + "?errors=yes").context["cl"].result_list) == 1
    assert len(root.get(LIST + "?errors=no").context["cl"].result_list) == 0
    page = root.get(f"{LIST}{key.pk}/change/").content.decode()
    assert "gemini-x: 1,144 of 1,250" in page
    assert f"{today:%d %b}: 110 requests, 4 refused, 0 tokens" in page
    every_day = re.search(r'href="([^"]*)">every day, by model', page)[1]
    assert len(root.get(f"http://localhost{every_day}").context["cl"].result_list) == 3


def test_the_page_of_a_key_tells_its_history(root):
    key = contribute(KEY, source="admin").key
    disable_key(key, "leaked")
    KeyEvent.objects.create(
        domain=key.quota_domain, model="gemini-x", was="ready", became="resting", reason="quota_day"
    )
    KeyEvent.objects.create(domain="key:another", was="ready", became="resting", reason="not mine")
    html = root.get(f"{LIST}{key.pk}/change/").content.decode()
    assert "active → disabled: leaked" in html and "gemini-x: ready → resting: quota_day" in html
    assert "not mine" not in html


def test_keys_are_found_by_why_they_are_out(root):
    for number, reason in enumerate(("leaked", "leaked", "by hand")):
        disable_key(contribute(f"{KEY}{number}", source="admin").key, reason)
    html = root.get(LIST).content.decode()
    assert "leaked (2)" in html
    assert len(root.get(LIST + "?reason=leaked").context["cl"].result_list) == 2


def test_deleting_a_key_erases_its_ciphertext_and_its_days(root):
    key = contribute(KEY, source="admin").key
    KeyDay.objects.create(key=key, model="gemini-x", day=timezone.now().date())
    root.post(f"{LIST}{key.pk}/delete/", {"post": "yes"})
    assert not ContributedKey.objects.exists()
    assert not KeyDay.objects.exists()
