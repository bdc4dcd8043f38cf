"""What the pool shares with the database: keys, limits and others' findings come in, its own findings go out."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone
from msgspec.structs import asdict

from accounts import key_events
from accounts.adding_up import addition
from accounts.contributing import disable_key, due_suspects, suspect_key
from accounts.models import ContributedKey, KeyCooldown, KeyDay, LearnedQuota, LedgerState, Overrun, TierQuota
from accounts.pool import news
from accounts.pool.clock import now
from accounts.pool.facts import Caps, PooledKey
from accounts.pool.news import DayCounts, DayOfKey, Place, Rest, State, Unwritten
from accounts.pool.pacific import quota_date
from accounts.pool.quotas import NO_QUOTA, Quota
from accounts.projects import keys_of_domains, note_overruns
from accounts.sealing import Unsealable, unseal
from accounts.secret import Secret

_OVER_AFTER = timedelta(hours=1)

# The columns of KeyDay, in the order in which their values are put together below.
_DAY_KEY = ("key_id", "model", "day")
_DAY_SUMS = ("requests", "refusals", "prompt_tokens", "completion_tokens")
_DAY = (*_DAY_KEY, *_DAY_SUMS, "last_refusal", "last_used")


class Findings(NamedTuple):
    """What one look at the database brought."""

    keys: list[PooledKey] | None
    """Every key that may be leased; None when nothing has changed since `stamp`."""
    stamp: object
    tiers: list[tuple[str, bool, Quota]]
    quotas: dict[Place, Quota]
    used: dict[Place, int]
    """Requests of this Pacific day."""
    rests: dict[Place, Rest]
    cleared: list[tuple[str, datetime]]
    """Quota domains whose rests a person has ended, and when."""
    has_suspects: bool
    """True when suspected keys are to be asked about."""


def exchange(unwritten: Unwritten, known: dict[UUID, Secret], stamp: object, since: datetime) -> Findings:
    """Write what this process found, read what all found; resets of rests are looked for since `since`."""
    _forget_minutes()
    if unwritten:
        write_down(unwritten)
    return look(known, stamp, since)


def write_down(unwritten: Unwritten) -> None:
    """Write in one transaction; what concerns a key that was deleted meanwhile is passed over."""
    with transaction.atomic():
        for key_id, reason in unwritten.disabled.items():
            disable_key(key_id, reason)
        for key_id, reason in unwritten.suspected.items():
            suspect_key(key_id, reason)
        for (domain, model), rest in unwritten.rests.items():
            until = datetime.fromtimestamp(rest.until, UTC)
            KeyCooldown.objects.update_or_create(
                domain=domain, model=model, defaults={"until": until, "reason": rest.reason}
            )
            key_events.record(domain, "ready", "resting", rest.reason, model=model, until=until)
        for domain, model in unwritten.recoveries:
            key_events.record(domain, "half-open", "ready", "answered", model=model)
        for (domain, model), quota in unwritten.quotas.items():
            LearnedQuota.objects.update_or_create(
                domain=domain, model=model, defaults={**asdict(quota), "learned": timezone.now()}
            )
        _write_states(unwritten.states)
        note_overruns(map(_overrun, unwritten.overruns))
        KeyCooldown.objects.filter(until__lt=timezone.now() - _OVER_AFTER).delete()
        key_events.forget_old()
        _write_days(unwritten.days)


def last_states() -> dict[Place, State]:
    """What the processes before this one wrote down of their ledgers."""
    return {
        (row.domain, row.model): State(
            row.errors,
            row.latency,
            row.failures_in_a_row,
            row.half_open,
            row.requests,
            row.tokens,
            row.minute_ends.timestamp() if row.minute_ends else 0.0,
        )
        for row in LedgerState.objects.all()
    }


def look(known: dict[UUID, Secret], stamp: object, since: datetime) -> Findings:
    """Read what has changed: the keys when any row did, limits, today's use, every rest that is not over."""
    upstream = serving_upstream()
    rows = ContributedKey.objects.filter(upstream=upstream)
    newest = rows.order_by("-updated").values_list("updated", flat=True).first()
    fresh_stamp = (rows.count(), newest)
    keys = None if fresh_stamp == stamp else _pooled(rows.filter(state=ContributedKey.State.ACTIVE), known)
    rests = {
        (rest.domain, rest.model): Rest(rest.until.timestamp(), rest.reason)
        for rest in KeyCooldown.objects.filter(until__gt=timezone.now())
    }
    cleared = [
        (key.quota_domain, key.cooldowns_reset) for key in rows.filter(cooldowns_reset__gt=since) if key.cooldowns_reset
    ]
    has_suspects = due_suspects(upstream).exists()
    return Findings(keys, fresh_stamp, tier_table(), known_quotas(), used_today(), rests, cleared, has_suspects)


def serving_upstream() -> str:
    """The upstream whose keys are leased here."""
    return ContributedKey.Upstream.SIMULATOR if settings.SIMULATOR else ContributedKey.Upstream.GEMINI


def tier_table() -> list[tuple[str, bool, Quota]]:
    """What to assume: (pattern of models, paid, limits) in the order that counts."""
    return [(tier.pattern, tier.paid, Quota(tier.rpm, tier.tpm, tier.rpd)) for tier in TierQuota.objects.all()]


def known_quotas(domains: Collection[str] | None = None) -> dict[Place, Quota]:
    """The limits that refusals have named, of these quota domains or (None) of all."""
    rows = LearnedQuota.objects.all() if domains is None else LearnedQuota.objects.filter(domain__in=domains)
    return {(row.domain, row.model): Quota(row.rpm, row.tpm, row.rpd) for row in rows}


def assumed_from(tiers: list[tuple[str, bool, Quota]], model: str, paid: bool) -> Quota:
    """What the tier table says of a model: the first row that fits. A paid project has none without a row of its own."""
    return next((quota for pattern, tier, quota in tiers if tier == paid and fnmatchcase(model, pattern)), NO_QUOTA)


def used_today(domains: Collection[str] | None = None) -> dict[Place, int]:
    """The requests of this Pacific day that used quota, as far as they are written down, of these domains or of all."""
    today = KeyDay.objects.filter(day=quota_date(now()))
    if domains is not None:
        today = today.filter(key__in=keys_of_domains(domains).order_by().values("pk"))
    # What was refused used no quota.
    sums = today.values("key_id", "key__project", "model").annotate(used=Sum("requests") - Sum("refusals"))
    used: dict[Place, int] = {}
    for row in sums:
        domain = f"project:{row['key__project']}" if row["key__project"] else f"key:{row['key_id']}"
        used[domain, row["model"]] = used.get((domain, row["model"]), 0) + row["used"]
    return used


def _pooled(rows: QuerySet[ContributedKey], known: dict[UUID, Secret]) -> list[PooledKey]:
    keys = []
    for row in rows.iterator():
        secret = known.get(row.pk)
        if secret is None:
            try:
                secret = unseal(row.pk, row.ciphertext)
            except Unsealable:
                continue  # a system check names these rows; the others still serve
        keys.append(
            PooledKey(row.pk, secret, row.quota_domain, paid=row.paid, caps=_caps(row), quarantined=row.in_quarantine)
        )
    return keys


def _caps(row: ContributedKey) -> Caps:
    return Caps(row.paused, row.keep_share / 100, tuple(row.allowed_models), frozenset(row.hours_utc))


def _forget_minutes() -> None:
    """Empty the minutes that are over. Most often there is none, and nothing is written."""
    over = LedgerState.objects.filter(minute_ends__lt=timezone.now())
    if over.exists():
        over.update(requests=0, tokens=0, minute_ends=None)


def _write_states(states: dict[Place, State]) -> None:
    rows = [
        LedgerState(domain=domain, model=model, **{**state._asdict(), "minute_ends": _minute_ends(state)})
        for (domain, model), state in states.items()
    ]
    LedgerState.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["domain", "model"], update_fields=list(State._fields)
    )


def _minute_ends(state: State) -> datetime | None:
    if not state.requests:
        return None
    return datetime.fromtimestamp(state.minute_ends // 10 * 10 + 10, UTC)


def _overrun(found: news.Overrun) -> Overrun:
    (domain, model), at = found.place, datetime.fromtimestamp(found.at, UTC)
    return Overrun(domain=domain, model=model, limit=found.limit, at=at, used=found.used, allowed=found.allowed)


def _write_days(days: Mapping[DayOfKey, DayCounts]) -> None:
    """Add to what each key did on its days; what a key did that was deleted meanwhile is passed over."""
    keys = {key_id for key_id, _, _ in days}
    successes = dict(ContributedKey.objects.filter(pk__in=keys).values_list("pk", "successes"))
    # Sorted, so that two processes take the rows in one order and neither waits for the other in a circle.
    kept = sorted((place, counts) for place, counts in days.items() if place[0] in successes)
    with connection.cursor() as cursor:
        statement = addition(KeyDay, _DAY, _DAY_KEY, _DAY_SUMS, latest=("last_used",))
        cursor.executemany(statement, [_day_row(place, counts) for place, counts in kept])
    for (key_id, model, day), counts in kept:
        if counts.last_refusal:
            row = KeyDay.objects.filter(key=key_id, model=model, day=date.fromordinal(day))
            row.update(last_refusal=counts.last_refusal)
        if successes[key_id] < settings.QUARANTINE_SUCCESSES:
            _prove(key_id, counts.requests - counts.refusals)


def _day_row(place: DayOfKey, counts: DayCounts) -> tuple[Any, ...]:
    """The values of _DAY, as this database takes them."""
    sums = (getattr(counts, name) for name in _DAY_SUMS)
    key_id, model, day = place
    values = (
        key_id,
        model,
        date.fromordinal(day),
        *sums,
        counts.last_refusal,
        datetime.fromtimestamp(counts.last_used, UTC),
    )
    fields = {field.attname: field for field in KeyDay._meta.concrete_fields}
    return tuple(fields[name].get_db_prep_save(value, connection) for name, value in zip(_DAY, values, strict=True))


def _prove(key_id: UUID, answers: int) -> None:
    """Count towards the end of a key's quarantine; the change of `updated` at the end tells every process."""
    enough = settings.QUARANTINE_SUCCESSES
    unproved = ContributedKey.objects.filter(pk=key_id, successes__lt=enough)
    if answers > 0 and unproved.update(successes=F("successes") + answers):
        ContributedKey.objects.filter(pk=key_id, successes__gte=enough).update(updated=timezone.now())
