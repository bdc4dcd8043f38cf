import json
import re
from datetime import timedelta

import pytest
from django.core import serializers
from django.utils import timezone

from accounts.contributing import disable_key, erase_key
from accounts.contributions.checking import check_received
from accounts.models import ContributedKey, KeyCooldown, KeyDay, KeyEvent, LearnedQuota, Receipt, ReceiptKey
from accounts.sealing import unseal
from tests.contributions.conftest import DEAD, KEY, OTHER, Visitor

pytestmark = pytest.mark.django_db


def served(key, *counts):
    """So many requests today, yesterday, …; each day had one refusal more."""
    for back, count in enumerate(counts):
        day = timezone.now().date() - timedelta(days=back)
        KeyDay.objects.create(key=key, model="gemini-3.8-flash", day=day, requests=count + 1, refusals=1)


@pytest.fixture
def lent(visitor, upstream):
    """(code, row) of a key that was checked and is good."""
    code = visitor.lend(KEY)
    check_received()
    return code, ContributedKey.objects.get()


def test_without_a_code_there_is_a_form_for_one(visitor):
    page = visitor.client.get("/contribute/receipt/").content.decode()
    assert 'name="code"' in page


def test_a_code_in_the_url_opens_nothing(visitor, lent):
    page = visitor.client.get("/contribute/receipt/", {"code": lent[0]}).content.decode()
    assert "Key 1" not in page


@pytest.mark.parametrize("code", ["", "nonsense", "tumbler-receipt-794A-5C7N-K91W-JZGN-7GDH-PB2E-2PM6-5HX5-QQ19"])
def test_an_unknown_code_opens_nothing(visitor, code):
    answer = visitor.receipt(code)
    assert answer.status_code == 404
    assert "No receipt has this code" in answer.content.decode()


def test_a_code_with_a_slip_costs_no_query(visitor, django_assert_num_queries):
    with django_assert_num_queries(0):
        visitor.receipt("tumbler-receipt-794A-5C7N-K91W-JZGN-7GDH-PB2E-2PM6-5HX5-QQ18")


def test_no_page_may_be_kept_by_a_browser_or_proxy(visitor, lent):
    for answer in (visitor.receipt(lent[0]), visitor.contribute(OTHER), visitor.receipt(lent[0], "withdraw")):
        assert "no-store" in answer["Cache-Control"]
        assert "private" in answer["Cache-Control"]


def test_before_the_check_it_says_so_and_asks_for_one(visitor, quiet_site):
    code = visitor.lend()
    page = visitor.told(code)
    assert "It will be checked soon" in page
    assert "Pause" not in page
    assert quiet_site.checks == 2


@pytest.mark.parametrize(
    ("change", "title", "words"),
    [
        ({}, "On trial", "asked now and then"),
        ({"successes": 20}, "Serving", "takes its turn"),
        ({"paused": True}, "Paused", "Nothing is sent"),
        ({"state": "waiting"}, "Waiting for approval", "looks at new keys"),
        ({"state": "disabled", "reason": "key_invalid"}, "Not in use", "did not take it"),
    ],
)
def test_the_state_is_told_in_plain_words(visitor, lent, change, title, words):
    code, key = lent
    ContributedKey.objects.filter(pk=key.pk).update(**change)
    page = visitor.told(code)
    assert re.search(rf'class="tag[^>]*>{title}<', page)
    assert words in page


@pytest.mark.parametrize(
    ("reason", "words"),
    [("key_leaked", "found it in public"), ("project_unpaid", "credit is used up"), ("by hand", "operator")],
)
def test_a_key_that_has_served_and_was_stopped_is_told_why(visitor, lent, reason, words):
    code, key = lent
    served(key, 3)
    disable_key(key, reason)
    page = visitor.told(code)
    assert "Stopped" in page
    assert words in page


def test_a_key_rests_outside_its_hours_and_while_its_quota_does(visitor, lent):
    code, key = lent
    away = [(timezone.now().hour + 5) % 24]
    ContributedKey.objects.filter(pk=key.pk).update(hours_utc=away)
    assert "outside the hours" in visitor.told(code)
    ContributedKey.objects.filter(pk=key.pk).update(hours_utc=[])
    until = timezone.now() + timedelta(hours=1)
    KeyCooldown.objects.create(domain=key.quota_domain, model="", until=until, reason="location")
    assert "It goes on by itself" in visitor.told(code)


def test_the_page_counts_answered_requests_by_day(visitor, lent):
    code, key = lent
    served(key, 5, 1234)
    page = visitor.told(code)
    assert "1239 requests answered" in page
    assert re.findall(r'<td class="number">(\d+)</td>', page) == ["5", "1234"]


def test_pause_and_resume(visitor, lent, quiet_site):
    code, key = lent
    before = ContributedKey.objects.get().updated
    assert "Paused." in visitor.told(code, "pause")
    key.refresh_from_db()
    assert key.paused
    assert key.updated > before, "that is what tells other processes"
    assert quiet_site.syncs == 1
    assert "Resume" in visitor.told(code)
    visitor.told(code, "resume")
    key.refresh_from_db()
    assert not key.paused


def test_the_limits_may_be_changed_and_come_back_into_the_form(visitor, lent):
    code, key = lent
    limits = {"keep_share": "50", "models": "gemini-4-*", "hours_from": "22", "hours_until": "3", "paid": "yes"}
    page = visitor.told(code, "caps", **limits)
    key.refresh_from_db()
    assert (key.keep_share, key.allowed_models, key.hours_utc) == (50, ["gemini-4-*"], [22, 23, 0, 1, 2])
    assert key.paid
    assert 'value="gemini-4-*"' in page
    chosen = re.findall(r'<option value="(\w*)" selected>', page)
    assert chosen == ["yes", "50", "22", "3"]


def test_a_share_that_the_api_set_stays_when_other_limits_change(visitor, lent):
    code, key = lent
    ContributedKey.objects.filter(pk=key.pk).update(keep_share=33)
    assert '<option value="33" selected>' in visitor.told(code)


def test_wrong_limits_are_told_beside_the_field_and_change_nothing(visitor, lent):
    code, key = lent
    answer = visitor.receipt(code, "caps", keep_share="50", models="<b>")
    assert answer.status_code == 400
    assert "Name up to 20 models" in answer.content.decode()
    key.refresh_from_db()
    assert key.keep_share == 0


def test_a_replaced_key_is_erased_and_the_new_one_has_its_limits(visitor, lent, upstream):
    code, key = lent
    visitor.told(code, "caps", keep_share="40", models="gemini-4-*")
    page = visitor.told(code, "replace", key=OTHER)
    assert "The old key is erased" in page
    assert not ContributedKey.objects.filter(pk=key.pk).exists()
    fresh = ContributedKey.objects.get()
    assert unseal(fresh.pk, fresh.ciphertext).reveal() == OTHER
    assert (fresh.state, fresh.keep_share, fresh.allowed_models) == ("received", 40, ["gemini-4-*"])
    assert "It will be checked soon" in visitor.told(code)
    check_received()
    assert "On trial" in visitor.told(code)


def test_a_replacement_that_is_no_key_leaves_the_old_one(visitor, lent):
    code, key = lent
    answer = visitor.receipt(code, "replace", key="short")
    assert answer.status_code == 400
    assert "not the text of a Gemini API key" in answer.content.decode()
    assert ContributedKey.objects.filter(pk=key.pk).exists()


def test_replacing_passes_the_same_gate_as_contributing(visitor, lent, settings):
    settings.CONTRIBUTIONS_PER_ADDRESS = 1
    assert visitor.receipt(lent[0], "replace", key=OTHER).status_code == 429


def test_withdrawing_asks_first(visitor, lent):
    code, key = lent
    page = visitor.told(code, "withdraw")
    assert "This cannot be undone" in page
    assert ContributedKey.objects.filter(pk=key.pk).exists()


def test_a_withdrawn_key_leaves_nothing_behind(visitor, lent, quiet_site):
    code, key = lent
    served(key, 9)
    LearnedQuota.objects.create(domain=key.quota_domain, model="m", rpd=20)
    KeyCooldown.objects.create(domain=key.quota_domain, model="m", until=timezone.now(), reason="quota_day")
    KeyEvent.objects.create(domain=key.quota_domain, model="m", was="ready", became="resting")
    page = visitor.told(code, "withdraw-for-good")
    assert "The key is erased" in page
    assert quiet_site.syncs == 1
    for table in (ContributedKey, KeyDay, LearnedQuota, KeyCooldown, KeyEvent):
        assert not table.objects.exists(), table
    dump = serializers.serialize("json", [*Receipt.objects.all(), *ReceiptKey.objects.all()])
    for trace in (key.ciphertext, key.fingerprint, str(key.pk), KEY[-4:], code):
        assert trace not in dump
    assert "Withdrawn" in visitor.told(code)
    for act in ("pause", "resume", "caps", "replace", "withdraw", "withdraw-for-good"):
        assert "Withdrawn" in visitor.told(code, act, key=OTHER)
    assert not ContributedKey.objects.exists()


def test_a_withdrawn_key_may_be_lent_again(visitor, lent):
    visitor.told(lent[0], "withdraw-for-good")
    visitor.lend(KEY)
    assert ContributedKey.objects.get().state == "received"


def test_what_is_learned_of_a_project_stays_while_another_of_its_keys_does(visitor, upstream):
    code = visitor.lend(f"{KEY}\n{OTHER}", project="P")
    key = ContributedKey.objects.first()
    LearnedQuota.objects.create(domain=key.quota_domain, model="m", rpd=20)
    visitor.told(code, "withdraw-for-good", number=1)
    assert LearnedQuota.objects.exists()
    visitor.told(code, "withdraw-for-good", number=2)
    assert not LearnedQuota.objects.exists()


def page_of(visitor, code):
    text = visitor.told(code)
    text = re.sub(r'((?:csrfmiddlewaretoken" value|nonce)=")[\w-]+', r"\1", text).replace(code, "CODE")
    return re.sub(r"…[\w-]{4}", "…", text)


def test_the_receipt_of_a_duplicate_looks_like_that_of_a_dead_key_at_every_moment(visitor, lent):
    duplicate, dead = Visitor().lend(KEY), Visitor().lend(DEAD)
    assert page_of(visitor, duplicate) == page_of(visitor, dead)
    check_received()
    assert page_of(visitor, duplicate) == page_of(visitor, dead)
    assert "Not in use" in page_of(visitor, dead)
    for act in ("pause", "caps", "resume"):
        visitor.told(duplicate, act)
        visitor.told(dead, act)
        assert page_of(visitor, duplicate) == page_of(visitor, dead)


def test_while_google_answers_nobody_a_duplicate_waits_like_the_others(visitor, lent, upstream):
    duplicate, other = Visitor().lend(KEY), Visitor().lend(OTHER)
    upstream.verdicts[OTHER[-4:]] = "no answer"
    check_received()
    assert page_of(visitor, duplicate) == page_of(visitor, other)


def test_the_receipt_of_a_duplicate_neither_shows_nor_rules_the_other_key(visitor, lent):
    code, key = lent
    served(key, 7777)
    duplicate = Visitor().lend(KEY)
    check_received()
    assert "7777" not in page_of(Visitor(), duplicate)
    assert "7777" in page_of(visitor, code)
    for act in ("pause", "caps", "withdraw-for-good"):
        Visitor().told(duplicate, act, keep_share="90")
    key.refresh_from_db()
    assert (key.state, key.paused, key.keep_share) == ("active", False, 0)
    assert "On trial" in visitor.told(code)


def test_replacing_by_a_key_that_is_anothers_changes_only_ones_own(visitor, lent):
    code, key = lent
    mine = Visitor().lend(OTHER)
    Visitor().told(mine, "replace", key=KEY)
    assert ContributedKey.objects.get() == key
    assert "On trial" in visitor.told(code)


def test_a_dead_key_that_was_mended_may_be_lent_anew(visitor, upstream):
    first = visitor.lend(DEAD)
    check_received()
    before = page_of(visitor, first)
    upstream.verdicts.clear()
    second = Visitor().lend(DEAD)
    check_received()
    assert "On trial" in visitor.told(second)
    assert page_of(visitor, first) == before


def test_a_key_that_a_person_disabled_is_not_taken_again(visitor, lent):
    disable_key(lent[1], "by hand")
    Visitor().lend(KEY)
    check_received()
    assert ContributedKey.objects.get().state == "disabled"


def test_another_receipts_key_cannot_be_named(visitor, lent):
    mine = Visitor().lend(OTHER)
    for number in (2, -1, "1e9", "٣", lent[1].pk, ""):
        Visitor().told(mine, "withdraw-for-good", number=number)
    assert ContributedKey.objects.count() == 2


def test_a_key_that_the_operator_deleted_is_not_in_use(visitor, lent):
    erase_key(lent[1])
    assert "Not in use" in visitor.told(lent[0])


def test_a_gemini_key_waits_while_the_simulator_answers(visitor, upstream, settings):
    settings.SIMULATOR = True
    code = visitor.lend()
    check_received()
    assert upstream.asked == []
    page = visitor.told(code)
    assert "built-in simulator" in page
    assert "Simulator:" in page


def test_a_receipt_costs_few_queries_however_many_keys_it_has(visitor, upstream, django_assert_max_num_queries):
    code = visitor.lend("\n".join(f"fake-contributed-key-2{n:03}" for n in range(20)))
    check_received()
    with django_assert_max_num_queries(5):
        visitor.told(code)


def test_the_page_gives_back_no_key(visitor, lent):
    code, _ = lent
    assert KEY not in visitor.told(code)
    assert KEY[4:] not in json.dumps(visitor.told(code, "withdraw"))
