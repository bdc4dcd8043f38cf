"""What the variables of accounts switch on: mail servers, and logins by other services. Each in a process of its own."""

import json
import subprocess
import sys

import pytest

from tests.live.gateway import environment
from tests.once import ROOT, new_site

_SHOW = """
import json, django
django.setup()
from django.conf import settings
from django.test import Client
from django.urls import reverse
page = Client(headers={"host": "localhost"}).get("/accounts/login/")
origins = page["Content-Security-Policy"].split("form-action ")[1].split(";")[0]
print(json.dumps({
    "page": page.content.decode(), "form-action": origins, "backend": settings.EMAIL_BACKEND,
    "mail": [settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD,
             settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL],
    "notified": settings.ACCOUNT_EMAIL_NOTIFICATIONS}))
"""
SMTP = "accounts.sign_in.mail.Background"


@pytest.fixture
def site(tmp_path, migrated):
    """site(VARIABLE=…): what the login page and the settings are then; SystemExit with the reason when it does not start."""
    data_dir = tmp_path / "var"
    new_site(data_dir, migrated)

    def show(**variables):
        command = [sys.executable, "-c", _SHOW]
        env = environment(data_dir, **variables)
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, timeout=60)
        if done.returncode:
            raise SystemExit(done.stderr.strip().splitlines()[-1])
        return json.loads(done.stdout)

    return show


def test_with_nothing_set_mails_are_printed_and_no_service_is_offered(site):
    shown = site()
    assert shown["backend"].endswith("console.EmailBackend") and not shown["notified"]
    assert "Or with" not in shown["page"]
    assert shown["form-action"] == "'self'"


def test_services_are_offered_once_their_variables_are_set(site):
    shown = site(
        TUMBLER_GOOGLE_CLIENT_ID="g",
        TUMBLER_GOOGLE_CLIENT_SECRET="fake-secret-of-google",
        TUMBLER_GITHUB_CLIENT_ID="h",
        TUMBLER_GITHUB_CLIENT_SECRET="fake-secret-of-github",
        TUMBLER_OIDC_URL="https://id.example/realms/us",
        TUMBLER_OIDC_NAME="Our own login",
        TUMBLER_OIDC_CLIENT_ID="o",
        TUMBLER_OIDC_CLIENT_SECRET="fake-secret-of-oidc",
        TUMBLER_EMAIL_URL="smtp://me%40x:p%2Fw@mail.example",
    )
    for name, path in (("Google", "google/login/"), ("GitHub", "github/login/"), ("Our own login", "oidc/oidc/login/")):
        assert name in shown["page"] and f'action="/accounts/{path}' in shown["page"]
    assert shown["form-action"] == "'self' https://accounts.google.com https://github.com https://id.example"
    assert "fake-secret" not in shown["page"]
    assert (shown["backend"], shown["notified"]) == (SMTP, True)
    assert shown["mail"] == ["mail.example", 587, "me@x", "p/w", True, False]


@pytest.mark.parametrize(
    "variables, reason",
    [
        ({"TUMBLER_GOOGLE_CLIENT_ID": "g"}, "TUMBLER_GOOGLE_CLIENT_ID and TUMBLER_GOOGLE_CLIENT_SECRET"),
        ({"TUMBLER_OIDC_CLIENT_ID": "o", "TUMBLER_OIDC_CLIENT_SECRET": "s"}, "TUMBLER_OIDC_URL must be"),
        ({"TUMBLER_EMAIL_URL": "mail.example"}, "TUMBLER_EMAIL_URL must be like"),
        ({"TUMBLER_SIGN_UP": "everybody"}, "TUMBLER_SIGN_UP must be one of open, invitation, closed"),
        ({"TUMBLER_UNKNOWN_MODELS": "guess"}, "TUMBLER_UNKNOWN_MODELS must be one of default, refuse"),
        ({"DJANGO_LOG_LEVEL": "loud"}, "DJANGO_LOG_LEVEL must be one of DEBUG, INFO"),
    ],
)
def test_what_is_set_wrong_or_by_half_stops_the_start_and_says_why(site, variables, reason):
    with pytest.raises(SystemExit, match=reason):
        site(**variables)
