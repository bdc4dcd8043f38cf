"""The tokens that pages make for themselves: short, with their user's limits, listed nowhere, cleaned up."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.callers import _find_caller
from accounts.ephemeral import _AT_MOST, LIFETIME, issue_ephemeral
from accounts.issuing import issue_token
from accounts.models import IssuedToken, User

PATH = "/accounts/browser-token/"


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada", rpm=7)


def signed_in(user, **options):
    client = Client(headers={"host": "localhost"}, **options)
    client.force_login(user)
    return client


def test_it_is_the_users_with_the_users_limits_for_ten_minutes(ada):
    told = signed_in(ada).post(PATH)
    assert told.json()["seconds"] == 600 and "no-store" in told.headers["Cache-Control"]
    caller = _find_caller(told.json()["token"])
    assert (caller.user_id, caller.user_limits.rpm, caller.token_limits.rpm) == (ada.pk, 7, None)
    left = caller.expires - timezone.now().timestamp()
    assert 590 < left <= LIFETIME.total_seconds()


def test_a_form_of_another_site_gets_none(ada):
    assert signed_in(ada, enforce_csrf_checks=True).post(PATH).status_code == 403
    assert not IssuedToken.everything.exists()


def test_a_stranger_and_a_get_get_none(ada, client):
    assert client.post(PATH, headers={"host": "localhost"}).status_code == 302
    assert signed_in(ada).get(PATH).status_code == 405
    assert not IssuedToken.everything.exists()


def test_it_is_in_no_list(ada):
    issue_ephemeral(ada)
    named, _ = issue_token(ada, name="laptop")
    assert list(IssuedToken.objects.filter(user=ada)) == [named]
    admin = signed_in(User.objects.create_superuser("root"))
    page = admin.get("/admin/accounts/issuedtoken/").content.decode()
    assert "laptop" in page and ">browser (" not in page


def test_those_whose_time_is_over_are_deleted_whosever_they_are(ada):
    issue_ephemeral(User.objects.create_user("bob"))
    lasting, _ = issue_token(ada, expires=timezone.now() + timedelta(days=1))
    IssuedToken.everything.update(expires=timezone.now() - timedelta(minutes=21))
    issue_ephemeral(ada)
    assert IssuedToken.everything.filter(ephemeral=True).count() == 1
    assert IssuedToken.objects.filter(pk=lasting.pk).exists(), "a token that somebody made stays"


def test_one_person_has_a_few_at_most_and_the_oldest_goes(ada):
    texts = [issue_ephemeral(ada) for _ in range(_AT_MOST + 2)]
    assert ada.issued_tokens.count() == _AT_MOST
    assert _find_caller(texts[0]) is None and _find_caller(texts[-1]) is not None


def test_a_disabled_user_is_let_in_with_none(ada):
    text = issue_ephemeral(ada)
    User.objects.update(is_active=False)
    assert _find_caller(text) is None
