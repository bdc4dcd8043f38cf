"""The system checks of how the site is put up."""

import pytest

from tumbler_site import checks


@pytest.fixture
def host(monkeypatch):
    return lambda value: monkeypatch.setenv("HOST", value)


def ids(messages):
    return [message.id for message in messages]


def test_open_access_is_an_error_off_loopback_only(settings, host):
    settings.OPEN_ACCESS = True
    host("127.0.0.1")
    assert ids(checks.check_open_access(None)) == []
    host("0.0.0.0")
    assert ids(checks.check_open_access(None)) == ["tumbler.E201"]
    settings.OPEN_ACCESS = False
    assert ids(checks.check_open_access(None)) == []


def test_debug_is_a_warning(settings):
    settings.DEBUG = False
    assert ids(checks.check_debug(None)) == []
    settings.DEBUG = True
    assert ids(checks.check_debug(None)) == ["tumbler.W201"]


def test_a_data_directory_for_everyone_is_a_warning(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    tmp_path.chmod(0o700)
    assert ids(checks.check_data_directory(None)) == []
    tmp_path.chmod(0o750)
    assert ids(checks.check_data_directory(None)) == ["tumbler.W202"]
    tmp_path.chmod(0o700)


def test_a_public_host_under_local_names_is_a_warning(settings, host):
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    host("127.0.0.1")
    assert ids(checks.check_allowed_hosts(None)) == []
    host("0.0.0.0")
    assert ids(checks.check_allowed_hosts(None)) == ["tumbler.W203"]
    settings.ALLOWED_HOSTS = ["localhost", "tumbler.example.org"]
    assert ids(checks.check_allowed_hosts(None)) == []


def test_they_run_with_every_check_of_the_project(site):
    child = site("check", TUMBLER_DEBUG="1")
    assert child.wait() == 0
    assert any("tumbler.W201" in line for line in child.err)
