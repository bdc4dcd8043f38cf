"""The outlook: what each model's quota still allows today, for status pages and forecasts. It names no key and no person."""

import math
import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta
from statistics import median
from typing import NamedTuple

from django.utils import timezone

from accounts.models import ContributedKey, KeyCooldown, KeyDay, UsageRecord
from accounts.pool.facts import Caps
from accounts.pool.news import Place
from accounts.pool.pacific import next_pacific_midnight, pacific_day
from accounts.pool.storage import assumed_from, known_quotas, serving_upstream, tier_table, used_today

_MODELS_SEEN_FOR = timedelta(days=7)
_RECORDS_LOOKED_AT = 2_000
# The time of a single answer would tell of a single request.
_ANSWERS_AT_LEAST = 5
_OF_TODAY = 1.0


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
    limit_today: int | None = None
    """Requests that the whole pool may make in a day; None when some limit is not known."""
    known_left: int = 0
    """Requests left where the limit is known."""


class _Domain(NamedTuple):
    """A quota domain and what the contributors of its keys allow."""

    name: str
    paid: bool
    keep_share: int
    caps: tuple[Caps, ...]

    def serves(self, model: str, hour: int) -> bool:
        return any(caps.allow(model, hour) for caps in self.caps)


class Room(NamedTuple):
    """What one quota domain has for one model."""

    limit: int | None
    left: int | None
    wait: float


class Books:
    """The ledgers of the whole pool as the database has them: at most a second old while requests are served."""

    def __init__(self, domains: Collection[str] | None = None) -> None:
        """The books of these quota domains, or (None) of all."""
        self.now = time.time()
        self.reset = next_pacific_midnight(self.now)
        self._used = used_today(domains)
        self._rests = _rests(domains)
        self._tiers, self._quotas = tier_table(), known_quotas(domains)

    def models(self, domain: str) -> set[str]:
        """The models for which something is known of a quota domain today."""
        return {model for name, model in (*self._used, *self._quotas) if name == domain}

    def room(self, place: Place, *, paid: bool, keep_share: int) -> Room:
        """What a quota domain has left of today for a model, and how long it rests."""
        quota = self._quotas.get(place) or assumed_from(self._tiers, place[1], paid)
        limit = quota.kept(keep_share / 100).rpd
        rests_until = max(self._rests.get(place, 0.0), self._rests.get((place[0], ""), 0.0))
        left = None if limit is None else max(0, limit - self._used.get(place, 0))
        if left is not None and rests_until > self.reset - _OF_TODAY:
            left = 0  # it was refused for today, whatever was counted here
        until = max(rests_until, self.reset) if left == 0 else rests_until
        return Room(limit, left, max(0.0, until - self.now))


def outlook() -> list[ModelOutlook]:
    """Every Gemini model that was asked in the last week, by name. Reads the database."""
    books, hour = Books(), timezone.now().hour
    domains, first_bytes = _domains(), _first_bytes()
    seen_since = pacific_day(books.now) - _MODELS_SEEN_FOR
    models = KeyDay.objects.filter(day__gte=seen_since).order_by().values_list("model", flat=True).distinct()
    found = []
    for model in sorted(models):
        rooms = [
            books.room((domain.name, model), paid=domain.paid, keep_share=domain.keep_share)
            for domain in domains
            if domain.serves(model, hour)
        ]
        wait = min((room.wait for room in rooms), default=math.inf)
        left, limit = _sum(room.left for room in rooms), _sum(room.limit for room in rooms)
        known_left = sum(room.left for room in rooms if room.left is not None)
        found.append(ModelOutlook(model, left, wait, first_bytes.get(model), books.reset, limit, known_left))
    return found


def _sum(numbers: Iterable[int | None]) -> int | None:
    """The sum, or None when one of them is not known."""
    total = 0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total


def _domains() -> list[_Domain]:
    keys = ContributedKey.objects.filter(upstream=serving_upstream(), state=ContributedKey.State.ACTIVE, paused=False)
    by_domain: defaultdict[str, list[ContributedKey]] = defaultdict(list)
    facts = ("id", "project", "paid", "keep_share", "hours_utc", "allowed_models")
    for key in keys.only(*facts).iterator():
        by_domain[key.quota_domain].append(key)
    return [
        _Domain(
            name,
            any(key.paid for key in members),
            max(key.keep_share for key in members),
            tuple(Caps(models=tuple(key.allowed_models), hours=frozenset(key.hours_utc)) for key in members),
        )
        for name, members in by_domain.items()
    ]


def _rests(domains: Collection[str] | None) -> dict[Place, float]:
    rests = KeyCooldown.objects.filter(until__gt=timezone.now())
    if domains is not None:
        rests = rests.filter(domain__in=domains)
    return {(rest.domain, rest.model): rest.until.timestamp() for rest in rests}


def _first_bytes() -> dict[str, int]:
    """The median of each model's newest answers of the last day, in milliseconds."""
    since = timezone.now() - timedelta(days=1)
    records = UsageRecord.objects.filter(created__gt=since, status=200, first_byte_ms__gt=0).order_by("-created")
    times: defaultdict[str, list[int]] = defaultdict(list)
    newest: Iterable[tuple[str, int]] = records.values_list("gemini_model", "first_byte_ms")[:_RECORDS_LOOKED_AT]
    for model, milliseconds in newest:
        times[model].append(milliseconds)
    return {model: round(median(values)) for model, values in times.items() if len(values) >= _ANSWERS_AT_LEAST}
