"""What the pool shares with the database: keys and others' rests come in, its own rests and counts go out."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import ContributedKey, KeyCooldown, KeyDay
from accounts.pool.facts import PooledKey
from accounts.pool.state import DayCounts, Place
from accounts.sealing import Unsealable, unseal


class Findings(NamedTuple):
    """What one look at the database brought."""

    keys: list[PooledKey] | None
    """Every key that may be leased; None when nothing has changed since `stamp`."""
    stamp: object
    rests: dict[Place, tuple[float, str]]
    cleared: list[tuple[str, datetime]]
    """Quota domains whose rests a person has ended, and when."""


def write_down(rests: dict[Place, tuple[float, str]], days: dict[tuple[UUID, str, date], DayCounts]) -> None:
    """Write this process's rests and counts in one transaction."""
    with transaction.atomic():
        for (domain, model), (until, reason) in rests.items():
            KeyCooldown.objects.update_or_create(
                domain=domain, model=model, defaults={"until": datetime.fromtimestamp(until, UTC), "reason": reason}
            )
        KeyCooldown.objects.filter(until__lt=timezone.now() - timedelta(hours=1)).delete()
        existing = set(ContributedKey.objects.filter(pk__in={key for key, _, _ in days}).values_list("pk", flat=True))
        for (key_id, model, day), counts in days.items():
            if key_id in existing:
                _add(key_id, model, day, counts)


def _add(key_id: UUID, model: str, day: date, counts: DayCounts) -> None:
    row, _ = KeyDay.objects.get_or_create(key_id=key_id, model=model, day=day)
    changes: dict[str, object] = {
        name: F(name) + getattr(counts, name)
        for name in ("requests", "refusals", "prompt_tokens", "completion_tokens")
        if getattr(counts, name)
    }
    changes["last_used"] = datetime.fromtimestamp(counts.last_used, UTC)
    if counts.last_refusal:
        changes["last_refusal"] = counts.last_refusal
    KeyDay.objects.filter(pk=row.pk).update(**changes)


def look(stamp: object, since: datetime) -> Findings:
    """Read what has changed: the keys when any row did, every rest that is not over, resets since `since`."""
    upstream = ContributedKey.Upstream.SIMULATOR if settings.SIMULATOR else ContributedKey.Upstream.GEMINI
    rows = ContributedKey.objects.filter(upstream=upstream)
    newest = rows.order_by("-updated").values_list("updated", flat=True).first()
    fresh_stamp = (rows.count(), newest)
    keys = None if fresh_stamp == stamp else _pooled(rows.filter(state=ContributedKey.State.ACTIVE))
    rests = {
        (rest.domain, rest.model): (rest.until.timestamp(), rest.reason)
        for rest in KeyCooldown.objects.filter(until__gt=timezone.now())
    }
    cleared = [
        (key.quota_domain, key.cooldowns_reset) for key in rows.filter(cooldowns_reset__gt=since) if key.cooldowns_reset
    ]
    return Findings(keys, fresh_stamp, rests, cleared)


def _pooled(rows: QuerySet[ContributedKey]) -> list[PooledKey]:
    keys = []
    for row in rows.iterator():
        try:
            secret = unseal(row.pk, row.ciphertext)
        except Unsealable:
            continue  # a system check names these rows; the others still serve
        keys.append(PooledKey(row.pk, secret, row.quota_domain, paid=row.paid))
    return keys
