"""What is kept for so long and no longer: the usage writer deletes it, a small range at a time."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts import batches, files, kept_images, uploads
from accounts.metering import purging as usage
from accounts.stored import conversations, responses

_AT_ONCE = 100


def purge_some() -> bool:
    """Delete a range of what is older than it is to be; True when there may be more."""
    now = timezone.now()
    records = usage.purge_oldest(now - timedelta(days=settings.USAGE_DAYS))
    kept_images.purge_expired()
    stored_since = now - timedelta(days=settings.STORED_DAYS)
    others = (
        files.purge(now, _AT_ONCE),
        uploads.purge(now, _AT_ONCE),
        batches.purge(now - timedelta(days=settings.FILE_DAYS), _AT_ONCE),
        responses.purge_before(stored_since, _AT_ONCE),
        conversations.purge_before(stored_since, _AT_ONCE),
    )
    return records == usage.ROWS_AT_ONCE or _AT_ONCE in others
