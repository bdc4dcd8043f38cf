"""The outlook: what each model's quota still allows today, for the public status page. It names no key and no person."""

import math
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from statistics import median
from typing import NamedTuple

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from accounts.models import ContributedKey, KeyCooldown, KeyDay, LearnedQuota, UsageRecord
from accounts.pool.pacific import next_pacific_midnight, pacific_day

_MODELS_SEEN_FOR = timedelta(days=7)
_RECORDS_LOOKED_AT = 2_000
# The time of a single answer would tell of a single request.
_ANSWERS_AT_LEAST = 5


class ModelOutlook(NamedTuple):
    """What may be expected of one Gemini model now."""

    model: str
    remaining_today: int | None
    """Requests left until the reset, over the whole pool; None when some limit is not known."""
    wait_seconds: float
    """Until the soonest key may be asked; 0 at once, infinite when none ever will by itself."""
    p50_first_byte_ms: int | None
    """The median time to the first byte of the last day's answers; None while these are few."""
    resets_at: float
    """Unix time at which Gemini's day ends."""


class _Domain(NamedTuple):
    """A quota domain whose keys may be used just now."""

    name: str
    keep_share: int


def outlook() -> list[ModelOutlook]:
    """Every Gemini model that was asked in the last week, by name. Reads the database."""
    now = time.time()
    domains = _domains(timezone.now().hour)
    used, rests, limits = _used_today(now), _rests(), _limits()
    first_bytes = _first_bytes()
    models = KeyDay.objects.filter(day__gte=pacific_day(now) - _MODELS_SEEN_FOR).values_list("model", flat=True)
    reset = next_pacific_midnight(now)
    found = []
    for model in sorted(set(models)):
        left: list[int | None] = []
        waits = []
        for domain in domains:
            limit = limits.get((domain.name, model))
            room = None if limit is None else _kept(limit, domain.keep_share) - used.get((domain.name, model), 0)
            left.append(room if room is None else max(0, room))
            until = max(rests.get((domain.name, model), 0.0), rests.get((domain.name, ""), 0.0))
            waits.append(max(0.0, (reset if room is not None and room <= 0 else until) - now))
        known = [room for room in left if room is not None]
        remaining = sum(known) if len(known) == len(left) else None
        found.append(ModelOutlook(model, remaining, min(waits, default=math.inf), first_bytes.get(model), reset))
    return found


def _domains(hour: int) -> list[_Domain]:
    upstream = ContributedKey.Upstream.SIMULATOR if settings.SIMULATOR else ContributedKey.Upstream.GEMINI
    keys = ContributedKey.objects.filter(upstream=upstream, state=ContributedKey.State.ACTIVE, paused=False)
    kept: dict[str, int] = {}
    for key in keys.only("id", "project", "keep_share", "hours_utc").iterator():
        if not key.hours_utc or hour in key.hours_utc:
            kept[key.quota_domain] = max(key.keep_share, kept.get(key.quota_domain, 0))
    return [_Domain(name, share) for name, share in kept.items()]


def _used_today(now: float) -> dict[tuple[str, str], int]:
    sums = KeyDay.objects.filter(day=pacific_day(now)).values("key_id", "key__project", "model")
    used: defaultdict[tuple[str, str], int] = defaultdict(int)
    for row in sums.annotate(used=Sum("requests")):
        domain = f"project:{row['key__project']}" if row["key__project"] else f"key:{row['key_id']}"
        used[domain, row["model"]] += row["used"]
    return used


def _rests() -> dict[tuple[str, str], float]:
    rests = KeyCooldown.objects.filter(until__gt=timezone.now())
    return {(rest.domain, rest.model): rest.until.timestamp() for rest in rests}


def _limits() -> dict[tuple[str, str], int]:
    learned = LearnedQuota.objects.filter(rpd__isnull=False).values_list("domain", "model", "rpd")
    return {(domain, model): rpd for domain, model, rpd in learned if rpd is not None}


def _first_bytes() -> dict[str, int]:
    """The median of each model's newest answers of the last day, in milliseconds."""
    since = timezone.now() - timedelta(days=1)
    records = UsageRecord.objects.filter(created__gt=since, status=200, first_byte_ms__gt=0).order_by("-created")
    times: defaultdict[str, list[int]] = defaultdict(list)
    newest: Iterable[tuple[str, int]] = records.values_list("gemini_model", "first_byte_ms")[:_RECORDS_LOOKED_AT]
    for model, milliseconds in newest:
        times[model].append(milliseconds)
    return {model: round(median(values)) for model, values in times.items() if len(values) >= _ANSWERS_AT_LEAST}


def _kept(limit: int, share: int) -> int:
    return limit * (100 - share) // 100
