"""Key events: every change of a key's or a quota domain's state is written down, for operators to read."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.models import KeyEvent

KEPT = timedelta(days=30)


def event(
    domain: str,
    was: str,
    became: str,
    reason: str,
    *,
    model: str = "",
    until: datetime | None = None,
    key_id: UUID | None = None,
) -> KeyEvent:
    """A change of a key where `key_id` is told, else of its quota domain, for one model or (empty) for all."""
    # To the minute: an exact time beside a usage record's would join a person to a key.
    at = timezone.now().replace(second=0, microsecond=0)
    return KeyEvent(
        at=at, key_id=key_id, domain=domain, model=model, was=was, became=became, reason=reason[:64], until=until
    )


def record(domain: str, was: str, became: str, reason: str, **more: Any) -> None:
    """Write one change down; the arguments are those of `event`."""
    event(domain, was, became, reason, **more).save()


def record_all(events: Iterable[KeyEvent]) -> None:
    """Write many down at once."""
    KeyEvent.objects.bulk_create(events)


def forget_old() -> None:
    """Delete what happened longer ago than KEPT."""
    KeyEvent.objects.filter(at__lt=timezone.now() - KEPT).delete()
