"""One's own tokens on the page: made, shown once, changed, rotated, revoked; never more than one has, never another's."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.issuing import issue_token
from accounts.models import IssuedToken, Plan, StaffAct, User

pytestmark = pytest.mark.django_db

TEXT = re.compile(r'id="token">(tumbler-\w{8,}_\w+)<')


@pytest.fixture(autouse=True)
def _static(settings):
    settings.STATIC_ROOT = None


@pytest.fixture
def ada():
    return User.objects.create_user("ada", plan=Plan.objects.create(name="small", rpm=10, monthly_cost=5))


@pytest.fixture
def browser(ada):
    return signed_in(ada)


def signed_in(user):
    client = Client(headers={"host": "localhost", "accept": "text/html"})
    client.force_login(user)
    return client


def made(answer):
    return TEXT.search(answer.content.decode())[1]


def test_a_page_without_tokens_says_what_to_do(browser):
    page = browser.get("/accounts/tokens/").content.decode()
    assert "No token yet" in page and "/accounts/tokens/new/" in page


def test_a_token_is_shown_in_the_answer_to_its_form_and_nowhere_else(browser, ada):
    text = made(browser.post("/accounts/tokens/new/", {"name": "laptop", "lasts": "7"}))
    token = IssuedToken.objects.get()
    assert (token.user, token.name) == (ada, "laptop")
    assert timedelta(days=6) < token.expires - timezone.now() <= timedelta(days=7)
    for path in ("/accounts/tokens/", f"/accounts/tokens/{token.pk}/"):
        page = browser.get(path)
        assert text not in page.content.decode() and token.prefix in page.content.decode()
        assert "no-store" in page["Cache-Control"]
    assert text not in str(dict(browser.session))


def test_a_token_gets_the_bounds_that_were_asked_for(browser):
    form = {
        "name": "x",
        "scopes": ["chat"],
        "allowed_models": "gpt-4*\ngemini-3.8-flash",
        "rpm": "5",
        "monthly_cost": "1.5",
    }
    browser.post("/accounts/tokens/new/", {**form, "allowed_networks": "192.0.2.7, 2001:db8::/32"})
    token = IssuedToken.objects.get()
    assert token.allowed_models == ["gpt-4*", "gemini-3.8-flash"]
    assert token.allowed_networks == ["192.0.2.7/32", "2001:db8::/32"]
    assert (token.scopes, token.rpm, float(token.monthly_cost), token.tpm) == (["chat"], 5, 1.5, None)


@pytest.mark.parametrize(
    "more, words",
    [
        ({"rpm": "11"}, "You have 10 yourself"),
        ({"monthly_cost": "5.01"}, "yourself: a token cannot have more"),
        ({"rpm": "0"}, "greater than or equal to 1"),
        ({"rpm": "-3"}, "greater than or equal to"),
        ({"rpm": "many"}, "whole number"),
        ({"allowed_networks": "the office"}, "list of IP addresses"),
        ({"allowed_models": "<img>"}, "Names or patterns"),
        ({"scopes": "admin"}, "Select a valid choice"),
        ({"lasts": "9999"}, "Select a valid choice"),
        ({"name": ""}, "required"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_made(browser, more, words):
    page = browser.post("/accounts/tokens/new/", {"name": "x", **more}).content.decode()
    assert words in page
    assert not IssuedToken.objects.exists()


CHANGED = {"name": "new", "allowed_models": "gemini-3.8-flash", "scopes": ["chat"], "rpm": "4", "monthly_cost": ""}


def test_a_token_is_changed_and_keeps_its_text_its_owner_and_its_end(browser, ada):
    token, text = issue_token(ada, name="old", rpm=3, monthly_cost=2, allowed_models=["gpt-4*"])
    page = browser.get(f"/accounts/tokens/{token.pk}/").content.decode()
    assert "gpt-4*</textarea>" in page and 'value="3"' in page
    elsewhere = {"user": "1", "expires": "2040-01-01", "revoked": "2040-01-01", "prefix": "stolen"}
    browser.post(f"/accounts/tokens/{token.pk}/", {**CHANGED, **elsewhere})
    changed = IssuedToken.objects.get()
    assert (changed.name, changed.allowed_models, changed.scopes) == ("new", ["gemini-3.8-flash"], ["chat"])
    assert (changed.rpm, changed.monthly_cost) == (4, None)
    kept = ("user", "expires", "revoked", "prefix", "digest", "created")
    assert [getattr(changed, name) for name in kept] == [getattr(token, name) for name in kept]
    assert text not in browser.get(f"/accounts/tokens/{token.pk}/").content.decode()


@pytest.mark.parametrize(
    ("more", "words"), [({"rpm": "11"}, "You have 10 yourself"), ({"allowed_networks": "the office"}, "IP addresses")]
)
def test_a_change_that_is_refused_changes_nothing(browser, ada, more, words):
    token, _ = issue_token(ada, name="old", rpm=3)
    page = browser.post(f"/accounts/tokens/{token.pk}/", {**CHANGED, **more}).content.decode()
    assert words in page and "Nothing was changed yet" in page
    token.refresh_from_db()
    assert (token.name, token.rpm) == ("old", 3)


def test_a_token_that_has_ended_is_not_changed(browser, ada):
    token, _ = issue_token(ada, name="old", expires=timezone.now())
    browser.post(f"/accounts/tokens/{token.pk}/", CHANGED)
    token.refresh_from_db()
    assert token.name == "old"


def test_what_a_member_of_staff_does_to_an_own_token_is_in_the_audit_log(browser, ada):
    root = User.objects.create_superuser("root")
    token, _ = issue_token(root, name="old", allowed_models=["gpt-4*"])
    signed_in(root).post(f"/accounts/tokens/{token.pk}/", {"name": "new", "allowed_models": "gpt-4*"})
    act = StaffAct.objects.get()
    assert (act.actor, act.act, act.row) == ("root", "changed", str(token.pk))
    assert act.changes == {"name": ["old", "new"]}
    other, _ = issue_token(ada, name="old")
    browser.post(f"/accounts/tokens/{other.pk}/", CHANGED)
    assert StaffAct.objects.count() == 1, "who is no member of staff is not in it"


def test_rotating_gives_a_twin_and_lets_the_old_one_go_on_for_as_long_as_asked(browser, ada):
    old, text = issue_token(ada, name="server", rpm=3, allowed_models=["gpt-4*"], scopes=["chat"])
    assert IssuedToken.objects.count() == 1, "asking changes nothing"
    fresh_text = made(browser.post(f"/accounts/tokens/{old.pk}/rotate/", {"hours": "24"}))
    old.refresh_from_db()
    fresh = IssuedToken.objects.exclude(pk=old.pk).get()
    assert fresh_text != text
    assert (fresh.name, fresh.rpm, fresh.allowed_models, fresh.scopes) == ("server", 3, ["gpt-4*"], ["chat"])
    assert fresh.expires is None
    assert timedelta(hours=23) < old.expires - timezone.now() <= timedelta(hours=24)


def test_an_overlap_never_makes_a_token_last_longer(browser, ada):
    soon = timezone.now() + timedelta(hours=2)
    old, _ = issue_token(ada, expires=soon)
    browser.post(f"/accounts/tokens/{old.pk}/rotate/", {"hours": "168"})
    old.refresh_from_db()
    assert old.expires == soon
    assert IssuedToken.objects.exclude(pk=old.pk).get().expires == soon


def test_without_an_overlap_the_old_one_is_revoked(browser, ada):
    old, _ = issue_token(ada)
    browser.post(f"/accounts/tokens/{old.pk}/rotate/", {"hours": "0"})
    old.refresh_from_db()
    assert old.revoked is not None


def test_revoking_asks_first(browser, ada):
    token, _ = issue_token(ada, name="laptop")
    page = browser.get(f"/accounts/tokens/{token.pk}/revoke/").content.decode()
    assert "cannot be undone" in page
    token.refresh_from_db()
    assert token.revoked is None
    browser.post(f"/accounts/tokens/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked is not None
    assert browser.get(f"/accounts/tokens/{token.pk}/rotate/").status_code == 404


@pytest.mark.parametrize("who", ["bob", "root"])
@pytest.mark.parametrize("act", ["", "rotate/", "revoke/"])
def test_anothers_token_is_not_there_for_anybody(ada, who, act):
    token, _ = issue_token(ada, name="ada's own")
    other = User.objects.create_user(who, is_staff=who == "root", is_superuser=who == "root")
    client = signed_in(other)
    path = f"/accounts/tokens/{token.pk}/{act}"
    assert client.get(path).status_code == 404
    assert client.post(path, {"name": "mine", "hours": "0"}).status_code == 404
    token.refresh_from_db()
    assert (token.name, token.revoked) == ("ada's own", None)
    assert "ada's own" not in client.get("/accounts/tokens/").content.decode()


def test_hostile_names_are_inert(browser, ada):
    issue_token(ada, name="<img src=x onerror=alert(1)>", allowed_models=["*"])
    page = browser.get("/accounts/tokens/").content.decode()
    assert "<img src=x" not in page and "&lt;img src=x" in page


def test_there_is_an_end_to_how_many_one_may_have(browser, ada, monkeypatch):
    monkeypatch.setattr("accounts.pages.tokens.MOST", 1)
    issue_token(ada)
    page = browser.post("/accounts/tokens/new/", {"name": "x"}).content.decode()
    assert "very many tokens" in page
    assert IssuedToken.objects.count() == 1
