"""Second factors: asked for at the login, sealed at rest, and needed by members of staff where the operator says so."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from cryptography.fernet import Fernet
from django.core.cache import cache
from django.core.management import call_command

from accounts.models import User
from tests.sign_in.conftest import PASSWORD, Visitor

pytestmark = pytest.mark.django_db


def code_of(secret):
    """The code that the app shows. That it was used before is forgotten, so no test has to wait for the next one."""
    cache.clear()
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


@pytest.fixture
def secret(visitor, ada):
    """The secret of the authenticator app that ada has just set up."""
    visitor.log_in()
    assert visitor.get("/accounts/2fa/totp/activate/").url.startswith("/accounts/reauthenticate/")
    visitor.post("/accounts/reauthenticate/", password=PASSWORD)
    page = visitor.get("/accounts/2fa/totp/activate/").content.decode()
    found = re.search(r'id="authenticator_secret"[^>]*value="([A-Z2-7]+)"', page)[1]
    assert visitor.post("/accounts/2fa/totp/activate/", code=code_of(found)).status_code == 302
    return found


def test_a_login_asks_for_the_second_factor(secret, ada):
    browser = Visitor()
    assert browser.log_in().url == "/accounts/2fa/authenticate/"
    assert browser.user_id is None
    assert browser.post("/accounts/2fa/authenticate/", code="000000").status_code == 200
    assert browser.user_id is None
    used = code_of(secret)
    browser.post("/accounts/2fa/authenticate/", code=used)
    assert browser.user_id == str(ada.pk)
    again = Visitor()
    again.log_in()
    again.post("/accounts/2fa/authenticate/", code=used)
    assert again.user_id is None, "a code opens once"


def test_a_recovery_code_opens_the_door_once(visitor, secret, ada):
    page = visitor.get("/accounts/2fa/recovery-codes/").content.decode()
    recovery = re.search(r">(\d{8})\n", page)[1]
    browser = Visitor()
    browser.log_in()
    browser.post("/accounts/2fa/authenticate/", code=recovery)
    assert browser.user_id == str(ada.pk)
    again = Visitor()
    again.log_in()
    again.post("/accounts/2fa/authenticate/", code=recovery)
    assert again.user_id is None


def test_what_is_kept_of_it_is_sealed_and_rotates(secret, ada, settings):
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    call_command("rotate_encryption_key")
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    browser = Visitor()
    browser.log_in()
    browser.post("/accounts/2fa/authenticate/", code=code_of(secret))
    assert browser.user_id == str(ada.pk)


def test_staff_must_have_one_where_the_operator_says_so(visitor, settings):
    User.objects.create_superuser("root", password=PASSWORD)
    visitor.log_in("root")
    assert visitor.get("/admin/").status_code == 200
    settings.STAFF_SECOND_FACTOR = True
    assert visitor.get("/admin/").url == "/accounts/2fa/"
    assert visitor.post("/admin/accounts/plan/add/", name="mine").status_code == 403
    assert visitor.get("/status/").url == "/accounts/2fa/"
    assert "need a second factor" in visitor.get("/accounts/2fa/").content.decode()
    root = User.objects.get()
    Authenticator.objects.create(user=root, type="totp", data={})
    assert visitor.get("/admin/").status_code == 200


def test_others_need_none(visitor, ada, settings):
    settings.STAFF_SECOND_FACTOR = True
    visitor.log_in()
    assert visitor.get("/status/").status_code == 200
