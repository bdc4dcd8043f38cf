"""Signing in without a password, in a real browser: by a passkey, and by an account at an OpenID Connect server."""

import pytest

from tests.pages.conftest import _python
from tests.pages.looks import assert_accessible_in_every_look

PASSWORD = "a long and quiet passphrase"

_MAKE = """
import sys
from accounts.models import User
User.objects.create_user(*sys.stdin.read().split(), password="a long and quiet passphrase")
"""


# --- Passkeys -----------------------------------------------------------------------------------------------


@pytest.fixture
def page(open_as, site):
    """A stranger's, at a host that has a name: a passkey belongs to a domain, and an address is none."""
    page = open_as()
    page.goto(f"{site.url.replace('127.0.0.1', 'localhost')}/accounts/login/")
    return page


@pytest.fixture
def authenticator(page):
    """Chromium's virtual one, as a telephone that knows its owner: `set(isUserVerified=False)` and it does not."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def put(**state):
        session.send("WebAuthn.setUserVerified", {"authenticatorId": made, **state})

    return put


def test_a_passkey_is_made_and_opens_the_door_without_a_password(page, authenticator, site):
    _python(site.directory, _MAKE, "hedy")
    page.fill("input[name=login]", "hedy")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button:text-is('Sign in')")
    page.wait_for_selector("h1:text('Dashboard')")

    page.click("header a:text('hedy')")
    page.click("main a:text('Password')")
    page.click("main a:text('Second factor')")
    page.click("main a[href='/accounts/2fa/webauthn/add/']")
    page.fill("input[name=password]", PASSWORD)  # Whoever finds a browser signed in makes none.
    page.click("main button:text('Confirm')")
    page.fill("input[name=name]", "<img src=x onerror=alert(1)>")
    page.check("input[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_selector("[role=status]:has-text('added')")
    page.goto(page.url.split("/accounts/")[0] + "/accounts/2fa/webauthn/")
    assert "<img src=x" in page.inner_text("main") and page.locator("main img").count() == 0

    page.click("text=Sign out")
    page.click("nav a:text('Sign in')")
    page.click("#passkey_login")
    page.wait_for_selector("h1:text('Dashboard')")
    assert page.inner_text("header .name") == "hedy"
    assert page.complaints == []


def test_who_is_not_verified_by_the_device_stays_outside_and_is_told(page, authenticator):
    authenticator(isUserVerified=False)
    page.click("#passkey_login")
    page.wait_for_selector("[role=alert]:has-text('passkey')")
    assert page.url.endswith("/accounts/login/")
    assert page.complaints == []


# --- OpenID Connect -----------------------------------------------------------------------------------------


def by_the_other_account(open_as):
    page = open_as()
    page.goto("/accounts/login/")
    page.click("main button:text('Our own login')")
    page.wait_for_load_state()
    return page


def test_a_stranger_comes_in_by_another_account_and_is_the_same_person_the_next_time(open_as, site, provider):
    page = by_the_other_account(open_as)
    page.wait_for_selector("h1:text('Dashboard')")
    name = page.inner_text("header .name")
    page.click("header .name")
    assert "emmy@example.org" in page.inner_text("main")
    assert page.complaints == []

    provider.person["email"] = "emmy-noether@example.org"
    again = by_the_other_account(open_as)
    again.wait_for_selector("h1:text('Dashboard')")
    assert again.inner_text("header .name") == name
    users = "select count(*) n from accounts_user where email like 'emmy%'"
    assert site.gateway.rows(users) == [{"n": 1}]


def test_an_address_that_has_an_account_here_does_not_open_it(open_as, site, provider, axe):
    _python(site.directory, _MAKE, "olga olga@example.org")
    provider.person = {"sub": "number-2", "email": "olga@example.org", "email_verified": True}
    page = by_the_other_account(open_as)
    assert page.locator("nav a:text('Sign in')").count() == 1
    assert_accessible_in_every_look(page, axe)
    assert page.complaints == []


def test_an_account_is_connected_by_its_owner_and_opens_it_then(open_as, site, provider, axe):
    provider.person = {"sub": "number-3", "email": "ruth@elsewhere.example", "email_verified": True}
    page = open_as("ada")
    page.goto("/accounts/3rdparty/")
    page.click("main button:text('Our own login')")
    page.wait_for_selector("main :text('ruth@elsewhere.example')")
    assert_accessible_in_every_look(page, axe)
    other = by_the_other_account(open_as)
    other.wait_for_selector("h1:text('Dashboard')")
    assert other.inner_text("header .name") == "ada"
    assert page.complaints == [] and other.complaints == []


@pytest.mark.parametrize(
    ("trouble", "title"),
    [
        ({"audience": "another-client"}, "The other service did not let you in"),
        ({"denies": "server_error"}, "The other service did not let you in"),
        ({"denies": "access_denied"}, "You are not signed in"),
        ({"away": True}, "The other service did not let you in"),
    ],
    ids=lambda value: str(value),
)
def test_what_goes_wrong_there_ends_on_a_page_that_says_so(open_as, provider, axe, trouble, title):
    vars(provider).update(trouble)
    page = by_the_other_account(open_as)
    page.wait_for_url("**/accounts/**")
    assert page.inner_text("h1") == title
    assert_accessible_in_every_look(page, axe)
    page.click("main a:text('Sign in')")
    page.wait_for_selector("input[name=password]")


def test_an_answer_that_nobody_asked_for_signs_nobody_in(open_as):
    page = open_as()
    page.goto("/accounts/oidc/oidc/login/callback/?code=stolen&state=guessed")
    assert page.locator("nav a:text('Sign in')").count() == 1
