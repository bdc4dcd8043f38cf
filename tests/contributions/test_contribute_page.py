import re

import pytest
from django.test import Client

from accounts.contributions.terms import TERMS
from accounts.models import ContributedKey, Receipt, ReceiptKey
from accounts.sealing import unseal
from tests.contributions.conftest import CODE, DEAD, KEY, OTHER, Visitor

pytestmark = pytest.mark.django_db


def test_the_page_says_what_one_agrees_to_and_needs_no_script(visitor):
    page = visitor.client.get("/contribute/").content.decode()
    assert "People whom you do not know will send prompts" in page
    assert page.count("<li>") >= len(TERMS)
    assert not re.search(r"<script(?! src=)", page)
    assert "style=" not in page


def test_a_contribution_is_sealed_and_answered_with_a_receipt(visitor, quiet_site):
    code = visitor.lend(project="My project", keep_share="30", models="gemini-*-flash, gemini-4-pro", paid="yes")
    key = ContributedKey.objects.get()
    assert unseal(key.pk, key.ciphertext).reveal() == KEY
    assert (key.source, key.state, key.owner, key.label) == ("contribution", "received", None, "")
    assert re.fullmatch(r"My project \([0-9a-f]{8}\)", key.project)
    assert (key.keep_share, key.allowed_models, key.paid) == (30, ["gemini-*-flash", "gemini-4-pro"], True)
    assert not Receipt.objects.filter(digest__contains=code[20:30]).exists()
    assert quiet_site.checks == 1


def test_of_the_time_only_the_day_is_kept(visitor):
    visitor.lend()
    key = ContributedKey.objects.get()
    moments = (key.created, key.state_since, key.updated)
    assert {(moment.hour, moment.minute, moment.second, moment.microsecond) for moment in moments} == {(0, 0, 0, 0)}
    assert Receipt.objects.get().created == key.created.date()


@pytest.mark.parametrize("key", ["AIzaFakeFakeFakeFakeFake", "AQ.FakeFakeFakeFakeFakeFake", f"  {KEY} \r\n"])
def test_both_kinds_of_keys_are_taken_and_space_is_trimmed(visitor, key):
    visitor.lend(key)
    row = ContributedKey.objects.get()
    assert unseal(row.pk, row.ciphertext).reveal() == key.strip()


def test_several_keys_come_under_one_receipt_and_one_project_of_their_own(visitor):
    visitor.lend(f"{KEY}\n{OTHER}\n{KEY}\n", project="P")
    assert ReceiptKey.objects.count() == 2
    assert len(set(ContributedKey.objects.values_list("project", flat=True))) == 1
    Visitor().lend("fake-contributed-key-0003", project="P")
    assert len(set(ContributedKey.objects.values_list("project", flat=True))) == 2


@pytest.mark.parametrize(
    ("first", "until", "hours"),
    [
        ("0", "0", []),
        ("7", "7", []),
        ("9", "12", [9, 10, 11]),
        ("22", "2", [22, 23, 0, 1]),
        ("0", "23", list(range(23))),
    ],
)
def test_hours_may_go_past_midnight(visitor, first, until, hours):
    visitor.lend(hours_from=first, hours_until=until)
    assert ContributedKey.objects.get().hours_utc == hours


def without_secrets(answer):
    text = CODE.sub("CODE", answer.content.decode())
    return answer.status_code, re.sub(r'((?:csrfmiddlewaretoken" value|nonce)=")[\w-]+', r"\1", text)


def test_a_new_key_a_dead_one_and_one_that_is_here_are_answered_alike(visitor, upstream):
    Visitor().lend(KEY)
    answers = [visitor.contribute(key) for key in (OTHER, DEAD, KEY)]
    assert {without_secrets(answer) for answer in answers} == {without_secrets(answers[0])}
    assert answers[0].status_code == 202
    assert upstream.asked == [], "nobody is asked before the answer is out"


def test_the_answers_take_the_same_time_however_long_the_work_does(visitor, work):
    times = []
    for key, work.takes in ((KEY, 0.002), (OTHER, 0.03), (DEAD, 0.099)):
        began = work.now
        visitor.contribute(key)
        times.append(work.now - began)
    assert times == pytest.approx([0.1] * 3)
    began, work.takes = work.now, 0.13  # as on a full machine: the next beat
    visitor.contribute(KEY)
    assert work.now - began == pytest.approx(0.2)


@pytest.mark.parametrize(
    "bad",
    [
        {"keys": ""},
        {"keys": "short"},
        {"keys": f"{KEY}\nX-Evil: 1"},
        {"keys": f"{KEY}\0"},
        {"keys": "fаke-contributed-key-0001"},  # a Cyrillic а
        {"keys": "=HYPERLINK(http://evil.example)"},
        {"keys": "\n".join(f"fake-contributed-key-1{n:03}" for n in range(21))},
        {"keys": KEY, "project": "=HYPERLINK(1)"},
        {"keys": KEY, "project": "<img src=x onerror=alert(1)>"},
        {"keys": KEY, "project": "AIzaFakeFakeFakeFakeFake"},
        {"keys": KEY, "project": "x" * 81},
        {"keys": KEY, "keep_share": "95"},
        {"keys": KEY, "keep_share": "-10"},
        {"keys": KEY, "models": "<script>"},
        {"keys": KEY, "hours_from": "24"},
        {"keys": KEY, "consent": ""},
        {"keys": KEY, "terms": "2020-01-01"},
        {"keys": KEY, "terms": ""},
    ],
)
def test_a_mistake_is_told_and_nothing_is_kept(visitor, bad):
    answer = visitor.contribute(**bad)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Nothing was taken yet" in page
    assert 'class="mistake"' in page or "notice bad" in page
    assert not ContributedKey.objects.exists()
    assert not Receipt.objects.exists()
    assert KEY not in page, "a key is not put back into a page"
    assert "onerror=alert" not in page.replace("&lt;img src=x onerror=alert(1)&gt;", "")


def test_who_fills_the_field_that_nobody_sees_is_turned_away(visitor):
    assert visitor.contribute(website="http://spam.example").status_code == 403
    assert not ContributedKey.objects.exists()


@pytest.mark.parametrize("forged", [{}, {"csrfmiddlewaretoken": "x" * 64}])
def test_a_form_without_our_token_is_refused(forged):
    strict = Client(headers={"host": "localhost", "accept": "text/html"}, enforce_csrf_checks=True)
    strict.get("/contribute/")
    answer = strict.post("/contribute/", {"keys": KEY, "consent": "on", **forged})
    assert answer.status_code == 403
    assert "Nothing was kept" in answer.content.decode()
    assert not ContributedKey.objects.exists()


def test_a_form_from_another_site_is_refused():
    strict = Client(headers={"host": "localhost"}, enforce_csrf_checks=True)
    page = strict.get("/contribute/", headers={"accept": "text/html"}).content.decode()
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)', page)[1]
    form = {"keys": KEY, "consent": "on", "csrfmiddlewaretoken": token}
    answer = strict.post("/contribute/", form, headers={"origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert not ContributedKey.objects.exists()


def test_a_body_that_is_too_large_is_refused(visitor):
    assert visitor.contribute("x" * 40_000).status_code == 413


def test_a_flood_from_one_address_is_stopped_and_others_are_not(visitor, settings):
    settings.CONTRIBUTIONS_PER_ADDRESS = 3
    answers = [visitor.contribute("short") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429, 429]
    assert int(answers[-1]["Retry-After"]) > 3600
    assert Visitor("198.51.100.8").contribute().status_code == 202


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(settings):
    settings.CONTRIBUTIONS_PER_ADDRESS, settings.TRUSTED_PROXIES = 1, 1
    visitor = Visitor()

    def come(forwarded):
        return visitor.client.post("/contribute/", {}, headers={"x-forwarded-for": forwarded}).status_code

    assert [come("203.0.113.1"), come("203.0.113.2"), come("10.0.0.9, 203.0.113.2")] == [400, 400, 429]


def test_what_all_may_send_together_has_a_limit_too(settings):
    settings.CONTRIBUTIONS_PER_HOUR = 4
    codes = [Visitor(f"198.51.100.{n}").contribute("short").status_code for n in range(6)]
    assert codes == [400] * 4 + [429] * 2
