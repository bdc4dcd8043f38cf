"""A visitor at the door: mails are kept, failures of earlier tests are forgotten."""

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User

PASSWORD = "a long and quiet passphrase"


@pytest.fixture(autouse=True)
def nothing_tried_before(settings):
    settings.STATIC_ROOT = None
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Quick; one test times the real one.
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    cache.clear()
    yield
    cache.clear()


class Visitor:
    """Somebody in a browser, at an address."""

    def __init__(self, address="198.51.100.7", **headers):
        self.client = Client(headers={"host": "localhost", "accept": "text/html", **headers}, REMOTE_ADDR=address)

    def get(self, path, **query):
        return self.client.get(path, query)

    def post(self, path, **form):
        return self.client.post(path, form)

    def log_in(self, login="ada", password=PASSWORD, query=""):
        return self.post(f"/accounts/login/{query}", login=login, password=password)

    @property
    def user_id(self):
        return self.client.session.get("_auth_user_id")


@pytest.fixture
def visitor(db):
    return Visitor()


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada", "ada@example.org", PASSWORD)


def code_in_mail():
    return re.search(r"^\s*([A-Z0-9-]{6,9})\s*$", mail.outbox[-1].body, re.M)[1]
