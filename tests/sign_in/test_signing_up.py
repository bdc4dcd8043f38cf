"""Signing up: open, by invitation or closed; the address is proved first; nobody learns who has an account."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.utils import timezone

from accounts.models import Invitation, Plan, User
from accounts.sign_in.invitations import write_new_invitation
from tests.sign_in.conftest import PASSWORD, Visitor, code_in_mail

pytestmark = pytest.mark.django_db
NEW = {"email": "grace@example.org", "password1": PASSWORD}


def new_invitation(days=1, plan=None):
    invitation = Invitation(note="Grace", expires=timezone.now() + timedelta(days=days), plan=plan)
    return invitation, write_new_invitation(invitation)


def shape(answer):
    """An answer without what differs from request to request."""
    text = re.sub(r'((?:csrfmiddlewaretoken" value|nonce)=")[\w-]+', r"\1", answer.content.decode())
    return answer.status_code, answer.get("Location"), text


def test_a_stranger_signs_up_proves_the_address_and_is_in(visitor, settings):
    settings.SIGN_UP = "open"
    plan = Plan.objects.create(name="small", rpm=5, is_default=True)
    answer = visitor.post("/accounts/signup/", **NEW)
    assert answer.url == "/accounts/confirm-email/"
    assert visitor.user_id is None
    assert mail.outbox[-1].to == ["grace@example.org"]
    answer = visitor.post("/accounts/confirm-email/", code=code_in_mail())
    user = User.objects.get()
    assert visitor.user_id == str(user.pk)
    assert (user.username, user.email, user.plan, user.is_staff) == ("grace", "grace@example.org", plan, False)


def test_who_has_not_proved_the_address_cannot_sign_in(visitor, settings):
    settings.SIGN_UP = "open"
    visitor.post("/accounts/signup/", **NEW)
    cache.clear()  # A second code within ten seconds is refused.
    other = Visitor("198.51.100.8")
    assert other.log_in("grace@example.org").url == "/accounts/confirm-email/"
    assert other.user_id is None
    wrong = other.post("/accounts/confirm-email/", code="AAAAAA")
    assert wrong.status_code == 200 and other.user_id is None


def test_an_address_that_has_an_account_is_answered_as_a_new_one(settings, ada):
    settings.SIGN_UP = "open"
    answers = []
    for address in ("ada@example.org", "grace@example.org"):
        visitor = Visitor()
        first = visitor.post("/accounts/signup/", email=address, password1=PASSWORD)
        second = visitor.get("/accounts/confirm-email/")
        answers.append((shape(first), shape(second)[0], shape(second)[2].replace(address, "ADDRESS")))
    assert answers[0] == answers[1]
    assert [message.to for message in mail.outbox] == [["ada@example.org"], ["grace@example.org"]]
    assert "already" in mail.outbox[0].body


def test_the_name_of_open_access_is_not_given_to_anybody(visitor, settings):
    settings.SIGN_UP = "open"
    visitor.post("/accounts/signup/", email="anonymous@example.org", password1=PASSWORD)
    assert User.objects.get().username != "anonymous"


def test_by_invitation_one_person_signs_up_once(visitor):
    plan = Plan.objects.create(name="guests")
    invitation, code = new_invitation(plan=plan)
    assert code not in (invitation.digest, str(invitation))
    assert "Without an invitation" in visitor.post("/accounts/signup/", **NEW).content.decode()
    assert "not the code" in visitor.post("/accounts/signup/", **NEW, invitation="guess").content.decode()
    assert User.objects.count() == 0
    assert visitor.post("/accounts/signup/", **NEW, invitation=f" {code} ").status_code == 302
    assert User.objects.get().plan == plan
    again = Visitor().post("/accounts/signup/", email="b@example.org", password1=PASSWORD, invitation=code)
    assert "not the code" in again.content.decode()
    assert User.objects.count() == 1


def test_a_mistake_in_the_form_leaves_the_invitation_good(visitor):
    _, code = new_invitation()
    assert visitor.post("/accounts/signup/", email="no address", password1="1", invitation=code).status_code == 200
    assert Invitation.objects.get().used is None


def test_an_invitation_is_used_up_also_by_an_address_that_has_an_account(visitor, ada):
    _, code = new_invitation()
    assert visitor.post("/accounts/signup/", email=ada.email, password1=PASSWORD, invitation=code).status_code == 302
    assert Invitation.objects.get().used is not None


def test_an_old_invitation_is_none(visitor):
    _, code = new_invitation(days=-1)
    assert "not the code" in visitor.post("/accounts/signup/", **NEW, invitation=code).content.decode()


def test_where_it_is_closed_nobody_signs_up(visitor, settings):
    settings.SIGN_UP = "closed"
    assert "Nobody can sign up here" in visitor.get("/accounts/signup/").content.decode()
    visitor.post("/accounts/signup/", **NEW)
    assert User.objects.count() == 0


def test_an_operator_invites_and_sees_the_code_once(visitor):
    root = User.objects.create_superuser("root", password=PASSWORD)
    visitor.client.force_login(root)
    form = {"note": "Grace", "plan": "", "expires_0": "2030-01-01", "expires_1": "00:00:00"}
    page = visitor.post("/admin/accounts/invitation/add/", **form).content.decode()
    code = re.search(r'id="invitation-code"[^>]*value="([^"]+)"', page, re.S)[1]
    assert code not in visitor.get("/admin/accounts/invitation/").content.decode()
    assert Visitor().post("/accounts/signup/", **NEW, invitation=code).status_code == 302
