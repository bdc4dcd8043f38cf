"""What is kept for so long and no longer: the usage writer deletes it, a small range at a time."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts import files
from accounts.metering import purging as usage
from accounts.stored import responses

_FILES_AT_ONCE = _RESPONSES_AT_ONCE = 100


def purge_some() -> bool:
    """Delete a range of what is older than it is to be; True when there may be more."""
    now = timezone.now()
    records = usage.purge_oldest(now - timedelta(days=settings.USAGE_DAYS))
    stored = files.purge(now, _FILES_AT_ONCE)
    answered = responses.purge_before(now - timedelta(days=settings.STORED_DAYS), _RESPONSES_AT_ONCE)
    return records == usage.ROWS_AT_ONCE or stored == _FILES_AT_ONCE or answered == _RESPONSES_AT_ONCE
