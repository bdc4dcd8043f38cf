"""Ada owns tokens and keys, Bob may look; every test starts with nothing remembered."""

import pytest
from cryptography.fernet import Fernet

from accounts import callers
from accounts.models import User


@pytest.fixture(autouse=True)
def nothing_remembered():
    callers.forget()
    yield
    callers.forget()


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada")


@pytest.fixture
def committed_ada(transactional_db):
    """Ada, seen by every thread's connection."""
    return User.objects.create_user("ada")


@pytest.fixture
def two_encryption_keys(settings):
    """The newest first; the older one alone is the state before a rotation."""
    older, newest = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [newest, older]
    return newest, older
