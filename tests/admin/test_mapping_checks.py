import pytest

from compat.checks import check_default_model, check_mappings, check_time_limits, check_upstream_address
from compat.models import ModelMapping


def ids(messages):
    return [message.id for message in messages]


@pytest.mark.parametrize(
    "url", ["https://generativelanguage.googleapis.com", "http://127.0.0.1:9000", "https://h/path"]
)
def test_a_usable_upstream_address_is_accepted(settings, url):
    settings.GEMINI_BASE_URL = url
    assert check_upstream_address(None) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "generativelanguage.googleapis.com",
        "ftp://host",
        "https://",
        "https://u:p@host",
        "https://h?key=x",
        "https://h#x",
        "https://h:99999",
        "https://[bad",
    ],
)
def test_what_is_no_upstream_address_is_an_error_that_does_not_repeat_it(settings, url):
    settings.GEMINI_BASE_URL = url
    (error,) = check_upstream_address(None)
    assert error.id == "tumbler.E101"
    assert "u:p" not in str(error)


def test_plain_http_to_another_machine_is_a_warning(settings):
    settings.GEMINI_BASE_URL = "http://upstream.example"
    assert ids(check_upstream_address(None)) == ["tumbler.W102"]


def test_the_settings_about_models_and_times_are_checked(settings):
    assert check_default_model(None) == check_time_limits(None) == []
    settings.DEFAULT_MODEL = "two words"
    settings.TOTAL_SECONDS, settings.KEEP_ALIVE_SECONDS = 0.0, -1.0
    assert ids(check_default_model(None)) == ["tumbler.E102"]
    assert ids(check_time_limits(None)) == ["tumbler.E104"] * 2


@pytest.mark.django_db
def test_an_enabled_mapping_without_a_target_is_a_warning():
    ModelMapping.objects.create(name="empty")
    ModelMapping.objects.create(name="off", enabled=False)
    (warning,) = check_mappings(None, databases=["default"])
    assert warning.id == "tumbler.W101"
    assert "empty" in warning.msg
    assert check_mappings(None, databases=None) == []
