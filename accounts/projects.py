"""Which quota domains are probably one Google project: those refused below their limits at the same moments.

Google tells of a key neither its project nor its number. Two keys of one project show it all the same: each is refused
though less went through it than its limit allows, because the other one used the rest; and both at once.
"""

import secrets
from collections.abc import Collection, Iterable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts import key_events
from accounts.models import ContributedKey, KeyCooldown, KeyEvent, LearnedQuota, LedgerState, Overrun, ProjectPair

FLAGGED_AT = 3
"""So many coincidences flag a pair for an operator."""
JOINED_AT = 6
"""So many make them one where the setting lets it happen by itself: a wrong join costs quota and nobody has looked."""
_MINUTE_WINDOW = timedelta(seconds=3)
_DAY_WINDOW = timedelta(minutes=5)
_APART = timedelta(minutes=1)
_FORGOTTEN_AFTER = timedelta(days=14)
_COMPARED_AT_MOST = 20


def note_overruns(rows: Iterable[Overrun]) -> None:
    """Write down who was refused below its limit, and count who was so at the same moment."""
    for row in rows:
        row.save()
        for other in _at_the_same_moment(row):
            _compare(row, other)
    Overrun.objects.filter(at__lt=timezone.now() - 2 * _DAY_WINDOW).delete()


def join(pair: ProjectPair) -> bool:
    """Make two quota domains one: their keys get one project, and share its ledger from the next exchange on."""
    with transaction.atomic():
        try:
            pair.refresh_from_db()  # joining another pair may have moved or ended this one
        except ProjectPair.DoesNotExist:
            return False
        keys = list(keys_of(pair.first) | keys_of(pair.second))
        if {key.quota_domain for key in keys} != {pair.first, pair.second}:
            pair.delete()  # one of them has no key any more
            return False
        project = next((key.project for key in keys if key.project), f"shared {secrets.token_hex(4)}")
        moved = [key for key in keys if key.project != project]
        ContributedKey.objects.filter(pk__in=[key.pk for key in moved]).update(project=project, updated=timezone.now())
        domain = f"project:{project}"
        for old in {pair.first, pair.second} - {domain}:
            _move(old, domain)
        for key in moved:
            key_events.record(domain, "apart", "joined", "one project", key_id=key.pk)
    return True


def decline(pair: ProjectPair) -> bool:
    """Remember that the two are two; True unless that was known."""
    return bool(
        ProjectPair.objects.filter(pk=pair.pk)
        .exclude(state=ProjectPair.State.DECLINED)
        .update(state=ProjectPair.State.DECLINED)
    )


def keys_of(domain: str) -> QuerySet[ContributedKey]:
    """The keys of a quota domain."""
    return keys_of_domains([domain])


def keys_of_domains(domains: Iterable[str]) -> QuerySet[ContributedKey]:
    """The keys of these quota domains."""
    parts = [domain.partition(":") for domain in domains]
    projects = {name for kind, _, name in parts if kind == "project"}
    ids = {name for kind, _, name in parts if kind == "key"}
    return ContributedKey.objects.filter(Q(project__in=projects) | Q(project="", pk__in=ids))


def pairs_of(domain: str) -> QuerySet[ProjectPair]:
    """Every pair that a quota domain is in."""
    return ProjectPair.objects.filter(Q(first=domain) | Q(second=domain))


def forget_domains(domains: Collection[str]) -> None:
    """Delete what is known of quota domains that have no key any more."""
    for table in (KeyCooldown, KeyEvent, LearnedQuota, LedgerState, Overrun):
        table._default_manager.filter(domain__in=domains).delete()
    ProjectPair.objects.filter(Q(first__in=domains) | Q(second__in=domains)).delete()


def _at_the_same_moment(row: Overrun) -> list[Overrun]:
    """The newest overrun of every other domain with the same model and limit, near enough in time."""
    window = _DAY_WINDOW if row.limit == "rpd" else _MINUTE_WINDOW
    others = Overrun.objects.filter(
        model=row.model, limit=row.limit, at__range=(row.at - window, row.at + window)
    ).exclude(domain=row.domain)
    newest = {other.domain: other for other in others}
    return list(newest.values())[-_COMPARED_AT_MOST:]


def _compare(row: Overrun, other: Overrun) -> None:
    allowed = max(row.allowed, other.allowed)
    together = row.used + other.used
    first, second = sorted((row.domain, other.domain))
    if together > 1.5 * allowed:
        # More went through both than one project may: two projects, each used by its owner as well.
        ProjectPair.objects.filter(first=first, second=second).exclude(state=ProjectPair.State.DECLINED).delete()
    elif together <= allowed + max(1, allowed // 10):
        pair, _ = ProjectPair.objects.get_or_create(first=first, second=second)
        _count(pair, row)


def _count(pair: ProjectPair, row: Overrun) -> None:
    """Count a coincidence, once a minute; one long after the last begins anew."""
    long_ago = pair.last_at is not None and pair.last_at < row.at - _FORGOTTEN_AFTER
    same = ProjectPair.objects.filter(pk=pair.pk).filter(Q(last_at=None) | Q(last_at__lt=row.at - _APART))
    counted = same.update(
        coincidences=1 if long_ago else F("coincidences") + 1, last_at=row.at, model=row.model, limit=row.limit
    )
    if not counted or pair.state == ProjectPair.State.DECLINED:
        return
    pair.refresh_from_db()
    if pair.coincidences >= FLAGGED_AT:
        ProjectPair.objects.filter(pk=pair.pk).update(state=ProjectPair.State.FLAGGED)
    if settings.JOIN_PROJECTS and pair.coincidences >= JOINED_AT:
        join(pair)


def _move(old: str, new: str) -> None:
    """Let what is known of one quota domain hold for another: of two cooldowns the longer, of two limits the newer."""
    for cooldown in KeyCooldown.objects.filter(domain=old):
        known = KeyCooldown.objects.filter(domain=new, model=cooldown.model).first()
        if known is None or known.until < cooldown.until:
            KeyCooldown.objects.update_or_create(
                domain=new, model=cooldown.model, defaults={"until": cooldown.until, "reason": cooldown.reason}
            )
    for quota in LearnedQuota.objects.filter(domain=old):
        held = LearnedQuota.objects.filter(domain=new, model=quota.model).first()
        if held is None or held.learned < quota.learned:
            limits = {"rpm": quota.rpm, "tpm": quota.tpm, "rpd": quota.rpd, "learned": quota.learned}
            LearnedQuota.objects.update_or_create(domain=new, model=quota.model, defaults=limits)
    KeyEvent.objects.filter(domain=old).update(domain=new)
    for pair in pairs_of(old):
        _rename(pair, old, new)
    forget_domains([old])


def _rename(pair: ProjectPair, old: str, new: str) -> None:
    """Let what is known of a pair hold for the project that one of it has joined; a refusal outweighs all else."""
    first, second = sorted((new, pair.second if pair.first == old else pair.first))
    known = ProjectPair.objects.filter(first=first, second=second).first()
    if first == second:
        pair.delete()
    elif known is None:
        ProjectPair.objects.filter(pk=pair.pk).update(first=first, second=second)
    else:
        if pair.state == ProjectPair.State.DECLINED:
            decline(known)
        pair.delete()
