"""Standing: what an operator asks of contributed keys at a glance: resting until when, used how much today, failed how?"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import ContributedKey, KeyCooldown, KeyDay
from accounts.pool.pacific import pacific_day

_DAYS_BACK = 7


@dataclass(slots=True)
class Standing:
    """One key's. `rests` are its quota domain's, the longest first; `requests` are those of this Pacific day."""

    rests: list[KeyCooldown] = field(default_factory=list)
    requests: int = 0
    last_refusal: str = ""
    last_used: datetime | None = None


def standings(keys: Sequence[ContributedKey]) -> dict[UUID, Standing]:
    """The standing of each key, in two queries however many there are. Refusals are looked for in the last week."""
    found = {key.pk: Standing() for key in keys}
    by_domain: dict[str, list[KeyCooldown]] = {}
    for rest in KeyCooldown.objects.filter(
        domain__in={key.quota_domain for key in keys}, until__gt=timezone.now()
    ).order_by("-until"):
        by_domain.setdefault(rest.domain, []).append(rest)
    for key in keys:
        found[key.pk].rests = by_domain.get(key.quota_domain, [])
    today = pacific_day(time.time())
    for day in KeyDay.objects.filter(key__in=found, day__gte=today - timedelta(days=_DAYS_BACK)).order_by("last_used"):
        standing = found[day.key_id]
        standing.requests += day.requests if day.day == today else 0
        standing.last_refusal = day.last_refusal or standing.last_refusal
        standing.last_used = day.last_used or standing.last_used
    return found


def resting(keys: QuerySet[ContributedKey]) -> QuerySet[ContributedKey]:
    """Those of `keys` whose quota domain rests now, for one model or for all."""
    domains = KeyCooldown.objects.filter(until__gt=timezone.now()).values_list("domain", flat=True)
    projects = {domain.removeprefix("project:") for domain in domains if domain.startswith("project:")}
    ids = {domain.removeprefix("key:") for domain in domains if domain.startswith("key:")}
    return keys.filter(Q(project__in=projects) | Q(project="", pk__in=ids))
