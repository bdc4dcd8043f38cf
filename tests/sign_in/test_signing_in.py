"""Signing in: by name or address, with limits, to nowhere but here, and without telling who has an account."""

import re
import statistics
import time

import pytest
from django.core import mail

from accounts.models import User
from tests.sign_in.conftest import PASSWORD, Visitor, code_in_mail

pytestmark = pytest.mark.django_db

ELSEWHERE = [
    "//evil.example",
    "https:evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "http://other.localhost/",
]


def shape(answer):
    text = re.sub(r'((?:csrfmiddlewaretoken" value|nonce)=")[\w-]+', r"\1", answer.content.decode())
    return answer.status_code, answer.get("Location"), text


@pytest.mark.parametrize("login", ["ada", "ADA@example.org", "ada@example.org"])
def test_one_signs_in_by_name_or_address(visitor, ada, login):
    assert visitor.log_in(login).status_code == 302
    assert visitor.user_id == str(ada.pk)


def test_an_account_that_the_operator_made_needs_no_address(visitor):
    user = User.objects.create_user("bob", password=PASSWORD)
    assert visitor.log_in("bob").status_code == 302
    assert visitor.user_id == str(user.pk)


def test_the_admin_has_no_login_of_its_own(visitor, ada):
    assert visitor.get("/admin/").url.startswith("/admin/login/")
    assert visitor.get("/admin/login/", next="/admin/").url == "/accounts/login/?next=%2Fadmin%2F"
    root = User.objects.create_superuser("root", password=PASSWORD)
    assert visitor.log_in("root", query="?next=/admin/").url == "/admin/"
    assert visitor.user_id == str(root.pk)
    assert visitor.get("/admin/").status_code == 200


def test_an_unknown_name_a_wrong_password_and_a_disabled_account_are_answered_alike(ada):
    User.objects.create_user("carol", password=PASSWORD, is_active=False)
    User.objects.create_user("tokens-only").set_unusable_password()
    answers = {
        shape(Visitor().log_in(login, "a wrong one"))[2].replace(f'value="{login}"', "")
        for login in ("ada", "nobody", "carol", "tokens-only")
    }
    assert len(answers) == 1
    assert "not correct" in answers.pop()


def test_they_take_the_same_time(ada, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    ada.set_password(PASSWORD)
    ada.save()
    times = {"ada": [], "nobody": []}
    for _ in range(5):
        for login, taken in times.items():
            started = time.perf_counter()
            Visitor().log_in(login, "a wrong one")
            taken.append(time.perf_counter() - started)
    known, unknown = (statistics.median(taken) for taken in times.values())
    assert 0.5 < known / unknown < 2


@pytest.mark.parametrize("target", ELSEWHERE)
def test_next_leads_nowhere_else(visitor, ada, target):
    answer = visitor.client.post(
        "/accounts/login/?" + "next=" + target, {"login": "ada", "password": PASSWORD, "next": target}
    )
    assert answer.url == "/accounts/usage/"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_next_leads_nowhere_else_after_signing_out(visitor, ada, target):
    visitor.log_in()
    assert visitor.post("/accounts/logout/", next=target).url == "/"


def test_many_failures_of_one_address_are_held_up_and_nobody_else(ada):
    answers = [Visitor().log_in(password=f"wrong {number}") for number in range(30)]
    assert answers[-1].status_code == 429
    assert "Too often" in answers[-1].content.decode()
    assert Visitor().log_in().status_code == 429, "also the right password, from there"
    elsewhere = Visitor("203.0.113.9")
    assert elsewhere.log_in().status_code == 302
    assert elsewhere.user_id == str(ada.pk)


def test_an_address_that_is_only_claimed_does_not_help(ada):
    for number in range(30):
        last = Visitor(**{"x-forwarded-for": f"192.0.2.{number}"}).log_in(password="wrong")
    assert last.status_code == 429


def test_signing_out_takes_a_click(visitor, ada):
    visitor.log_in()
    visitor.get("/accounts/logout/")
    assert visitor.user_id == str(ada.pk)
    visitor.post("/accounts/logout/")
    assert visitor.user_id is None


def test_a_forgotten_password_is_set_anew_by_a_code(visitor, ada):
    assert visitor.post("/accounts/password/reset/", email="ada@example.org").status_code == 302
    answer = visitor.post("/accounts/password/reset/confirm/", code=code_in_mail())
    assert answer.url == "/accounts/password/reset/complete/"
    fresh = "another long and quiet passphrase"
    visitor.post("/accounts/password/reset/complete/", password1=fresh, password2=fresh)
    assert Visitor().log_in(password=fresh).status_code == 302
    assert Visitor().log_in().status_code == 200


def test_asking_for_a_new_password_tells_nothing(ada):
    answers = []
    for address in ("ada@example.org", "nobody@example.org"):
        visitor = Visitor()
        first = visitor.post("/accounts/password/reset/", email=address)
        second = visitor.get("/accounts/password/reset/confirm/")
        wrong = visitor.post("/accounts/password/reset/confirm/", code="WRONG1")
        answers.append([shape(answer)[2].replace(address, "ADDRESS") for answer in (first, second, wrong)])
        assert first.url == "/accounts/password/reset/confirm/"
    assert answers[0] == answers[1]
    assert len(mail.outbox) == 2, "a mail goes out either way, so both take as long"
