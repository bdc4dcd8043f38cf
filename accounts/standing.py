"""Standing: what an operator asks of contributed keys at a glance: resting until when, left today, failed how, how often?"""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import ContributedKey, KeyCooldown, KeyDay
from accounts.pool.outlook import Books, Room
from accounts.pool.pacific import pacific_day

_DAYS_BACK = 7


@dataclass(slots=True)
class Standing:
    """One key's. `cooldowns` and `rooms` (by model) are its quota domain's; counts are of Pacific days."""

    cooldowns: list[KeyCooldown] = field(default_factory=list)
    """The longest first."""
    rooms: dict[str, Room] = field(default_factory=dict)
    requests: int = 0
    """Of today."""
    errors: int = 0
    """Of today and yesterday."""
    last_refusal: str = ""
    """Of the last week."""


def standings(keys: Sequence[ContributedKey]) -> dict[UUID, Standing]:
    """The standing of each key, in a handful of queries however many there are."""
    found = {key.pk: Standing() for key in keys}
    domains = {key.quota_domain for key in keys}
    cooldowns, models = _cooldowns(domains), _count_days(found)
    books = Books(domains)
    for key in keys:
        standing, domain = found[key.pk], key.quota_domain
        standing.cooldowns = cooldowns.get(domain, [])
        for model in sorted(models[key.pk] | books.models(domain)):
            standing.rooms[model] = books.room((domain, model), paid=key.paid, keep_share=key.keep_share)
    return found


def resting(keys: QuerySet[ContributedKey]) -> QuerySet[ContributedKey]:
    """Those of `keys` whose quota domain rests now, for one model or for all."""
    domains = KeyCooldown.objects.filter(until__gt=timezone.now()).values_list("domain", flat=True)
    projects = {domain.removeprefix("project:") for domain in domains if domain.startswith("project:")}
    ids = {domain.removeprefix("key:") for domain in domains if domain.startswith("key:")}
    return keys.filter(Q(project__in=projects) | Q(project="", pk__in=ids))


def failing(keys: QuerySet[ContributedKey]) -> QuerySet[ContributedKey]:
    """Those of `keys` that had an error today or yesterday."""
    days = KeyDay.objects.filter(day__gte=pacific_day(time.time()) - timedelta(days=1), refusals__gt=0)
    return keys.filter(pk__in=days.values("key"))


def _cooldowns(domains: set[str]) -> dict[str, list[KeyCooldown]]:
    by_domain: defaultdict[str, list[KeyCooldown]] = defaultdict(list)
    running = KeyCooldown.objects.filter(domain__in=domains, until__gt=timezone.now())
    for cooldown in running.order_by("-until"):
        by_domain[cooldown.domain].append(cooldown)
    return by_domain


def _count_days(found: dict[UUID, Standing]) -> defaultdict[UUID, set[str]]:
    """Add up what each key did of late; gives the models it was used for."""
    models: defaultdict[UUID, set[str]] = defaultdict(set)
    today = pacific_day(time.time())
    for day in KeyDay.objects.filter(key__in=found, day__gte=today - timedelta(days=_DAYS_BACK)).order_by("last_used"):
        standing = found[day.key_id]
        models[day.key_id].add(day.model)
        standing.requests += day.requests if day.day == today else 0
        standing.errors += day.refusals if (today - day.day).days <= 1 else 0
        standing.last_refusal = day.last_refusal or standing.last_refusal
    return models
