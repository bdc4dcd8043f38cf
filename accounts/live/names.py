"""What live pages call people and keys: looked up in the database, off the event loop."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.models import ContributedKey, KeyEvent, User

_KEY_EVENTS = 30
# A minute's last event may be written a moment after it is over.
_LATE = timedelta(seconds=5)


def names_of(users: set[int]) -> dict[int, str]:
    """The name of each user, by number."""
    return dict(User.objects.filter(pk__in=users).values_list("pk", "username"))


def key_events(after: int) -> list[dict[str, Any]]:
    """The last changes of keys whose row numbers are above `after`, the oldest first; to the minute, and once it is over.

    A finer or an earlier word, beside the requests of the same moment, would join a person to a key.
    """
    over = (timezone.now() - _LATE).replace(second=0, microsecond=0)
    rows = KeyEvent.objects.filter(pk__gt=after, at__lt=over).select_related("key").order_by("-pk")[:_KEY_EVENTS]
    events = list(reversed(rows))
    labels = _labels({event.domain for event in events if event.key is None})
    return [
        {
            "number": event.pk,
            "at": int(event.at.timestamp() * 1000),
            "key": str(event.key or labels.get(event.domain) or event.domain.removeprefix("project:")),
            "model": event.model,
            "was": event.was,
            "became": event.became,
            "reason": event.reason,
        }
        for event in events
    ]


def _labels(domains: set[str]) -> dict[str, str]:
    """The name of the key that each domain consists of; those of projects are left out."""
    ids = [UUID(domain.removeprefix("key:")) for domain in domains if domain.startswith("key:")]
    return {f"key:{key.pk}": str(key) for key in ContributedKey.objects.filter(pk__in=ids)}
