import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.checks import check_contributed_keys, check_secrets, count_unsealable
from accounts.contributing import contribute

pytestmark = pytest.mark.django_db
KEY = "fake-key-abcdefghijk-0001"


def test_a_sound_site_has_nothing_to_say():
    contribute(KEY, source="admin")
    assert check_secrets(None) == []
    assert check_contributed_keys(None, databases=["default"]) == []


def test_the_wrong_encryption_key_is_an_error_with_the_number_of_rows_and_changes_nothing(settings):
    contribute(KEY, source="admin")
    right = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    contribute(KEY + "-2", source="admin")
    assert count_unsealable() == 1
    (error,) = check_contributed_keys(None, databases=["default"])
    assert error.id == "tumbler.E003"
    assert "1 of 2 contributed keys cannot be unsealed" in error.msg
    with pytest.raises(CommandError, match="1 of 2"):
        call_command("check", databases=["default"])
    settings.ENCRYPTION_KEYS = [*settings.ENCRYPTION_KEYS, *right]
    assert count_unsealable() == 0


@pytest.mark.parametrize("keys", [[], ["nonsense"], [Fernet.generate_key().decode(), "short"], ["ключ"]])
def test_what_is_no_encryption_key_is_an_error_and_is_not_repeated(settings, keys):
    settings.ENCRYPTION_KEYS = keys
    (error,) = check_secrets(None)
    assert error.id == "tumbler.E001"
    assert not any(key in str(error) for key in keys)
    assert check_contributed_keys(None, databases=["default"]) == []


def test_no_pepper_is_an_error(settings):
    settings.TOKEN_PEPPERS = []
    assert [error.id for error in check_secrets(None)] == ["tumbler.E002"]


def test_a_database_without_tables_is_no_error(monkeypatch):
    monkeypatch.setattr(connection.introspection, "table_names", list)
    assert check_contributed_keys(None, databases=["default"]) == []
    assert check_contributed_keys(None, databases=None) == []
