"""Settings that are remembered are still those of Django."""

import pytest
from django.test import override_settings

from accounts.remembered_settings import settings


def test_a_changed_setting_is_seen_at_once_and_its_end_as_well():
    before = settings.MAX_BODY_BYTES
    with override_settings(MAX_BODY_BYTES=before + 1):
        assert before + 1 == settings.MAX_BODY_BYTES
    assert before == settings.MAX_BODY_BYTES


def test_a_setting_that_is_none_is_refused():
    with pytest.raises(AttributeError, match="NO_SUCH_SETTING"):
        settings.NO_SUCH_SETTING  # noqa: B018
