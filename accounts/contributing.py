"""Contributing: keys taken in, disabled, enabled, checked, erased. The text of a key goes in here and never comes out."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Required, TypedDict, TypeVar, Unpack
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import key_events
from accounts.models import ContributedKey, KeyCooldown, User
from accounts.projects import forget_domains, keys_of_domains
from accounts.sealing import fingerprint, seal

T = TypeVar("T")
Verdict = Literal["added", "duplicate", "malformed"]

# Google promises no shape (AIza… and AQ.… are today's), so this only keeps out what cannot travel in a header.
_KEY = re.compile(r"[A-Za-z0-9_\-.]{8,200}")
_SIMULATOR_KEY = re.compile(r"sim-[a-z0-9-]{1,196}")

BY_HAND = "by hand"
"""The reason of a key that a person disabled."""

_ASKED_AT_ONCE = 20
_CHANGED_AT_ONCE = 500
_ASK_AGAIN = timedelta(minutes=1)

GOOD = "good"
"""The word of `key_checker` for a key that the upstream takes."""

# Set by compat's AppConfig.ready(): it asks the upstream about keys, says one word or sentence for each, and disables
# those that are refused for good.
key_checker: Callable[[Sequence[ContributedKey]], dict[UUID, str]] | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What became of one key text: its row (None when malformed) and the verdict."""

    key: ContributedKey | None
    verdict: Verdict


class Particulars(TypedDict, total=False):
    """What is known of a key besides its text. Without `upstream` the key's own text decides."""

    source: Required[str]
    label: str
    project: str
    paid: bool
    owner: User | None
    upstream: str | None
    state: ContributedKey.State
    created: datetime
    keep_share: int
    allowed_models: list[str]
    hours_utc: list[int]


def contribute(key_text: str, **particulars: Unpack[Particulars]) -> Contribution:
    """Seal one key and keep it. A key that is here already stays as it is, a disabled one included.

    Without `upstream` the key belongs to Gemini, except for `sim-…` while the built-in simulator is the upstream.
    """
    return contribute_many([key_text], **particulars)[0]


def contribute_many(key_texts: Iterable[str], **particulars: Unpack[Particulars]) -> list[Contribution]:
    """One Contribution a text, in order, in one transaction; see contribute. Some hundreds of texts at a time."""
    upstream = particulars.get("upstream")
    texts = [well_formed(text, upstream) for text in key_texts]
    prints = [fingerprint(text) if text else "" for text in texts]
    with transaction.atomic():
        here = _by_fingerprint(prints)
        fresh: dict[str, ContributedKey] = {}
        for text, print_ in zip(texts, prints, strict=True):
            if text and print_ not in here and print_ not in fresh:
                fresh[print_] = _sealed_row(text, print_, **particulars)
        # Another process may bring the same key at this moment: the database keeps one row, and that one counts.
        ContributedKey.objects.bulk_create(fresh.values(), ignore_conflicts=True)
        here |= _by_fingerprint(fresh)
    return [_verdict(print_, here, fresh) for print_ in prints]


def verdict_on(key_text: str) -> Verdict:
    """What contribute would say to this text now; it keeps nothing."""
    text = well_formed(key_text)
    if not text:
        return "malformed"
    return "duplicate" if ContributedKey.objects.filter(fingerprint=fingerprint(text)).exists() else "added"


def disable_key(key: ContributedKey | UUID, reason: str) -> bool:
    """Lease this key no more until a person enables it; True unless it was disabled before (that reason stays)."""
    return _change_state(key, ContributedKey.State.DISABLED, reason[:200])


def disable_keys(keys: Sequence[ContributedKey], reason: str) -> set[UUID]:
    """The same of many keys; the ids of those that were not disabled before."""
    return _change_states([key.pk for key in keys], ContributedKey.State.DISABLED, reason[:200])


def enable_keys(keys: Sequence[ContributedKey]) -> set[UUID]:
    """Let these keys be leased again; the ids of those that were not active before."""
    return _change_states([key.pk for key in keys], ContributedKey.State.ACTIVE, "")


def approve_key(key: ContributedKey | UUID) -> bool:
    """Let a key that waits for approval be leased; True if it did wait."""
    return _change_state(key, ContributedKey.State.ACTIVE, "", was=ContributedKey.State.WAITING)


def admit_key(key: ContributedKey | UUID) -> bool:
    """A received key was found good: let it be leased, or wait for approval where that is asked of strangers; True if new."""
    key_id = key.pk if isinstance(key, ContributedKey) else key
    strangers = ContributedKey.objects.filter(pk=key_id, source=ContributedKey.Source.CONTRIBUTION)
    waits = settings.MODERATE_CONTRIBUTIONS and strangers.exists()
    state = ContributedKey.State.WAITING if waits else ContributedKey.State.ACTIVE
    return _change_state(key, state, "", was=ContributedKey.State.RECEIVED)


def set_facts(keys: Sequence[ContributedKey], facts: dict[str, object]) -> int:
    """Give many keys the same project, tier or caps; how many there are. The stamp tells each process's pool."""
    found = 0
    for part in _parts(keys):
        ids = [key.pk for key in part]
        found += ContributedKey.objects.filter(pk__in=ids).update(**facts, updated=timezone.now())
    return found


def suspect_key(key: ContributedKey | UUID, reason: str) -> bool:
    """Lease an active key no more until the upstream was asked about it; True if it was active."""
    return _change_state(key, ContributedKey.State.SUSPECTED, reason[:200], was=ContributedKey.State.ACTIVE)


def erase_key(key: ContributedKey) -> None:
    """Erase a key: its ciphertext, its counts, and what was learned of its quota domain if no other key is in that.

    A call that is under way has the key in memory and ends normally.
    """
    erase_keys([key])


def erase_keys(keys: Sequence[ContributedKey]) -> None:
    """The same of many keys."""
    for part in _parts(keys):
        domains = {key.quota_domain for key in part}
        with transaction.atomic():
            ContributedKey.objects.filter(pk__in=[key.pk for key in part]).delete()
            left = {key.quota_domain for key in keys_of_domains(domains).only("project")}
            forget_domains(domains - left)


def reset_cooldowns(keys: Sequence[ContributedKey]) -> set[UUID]:
    """End every cooldown of these keys' quota domains; the ids of those that had one. The stamp tells each process's pool."""
    changed: set[UUID] = set()
    for part in _parts(keys):
        now = timezone.now()
        domains = {key.quota_domain for key in part}
        with transaction.atomic():
            ended = list(KeyCooldown.objects.filter(domain__in=domains, until__gt=now))
            key_events.record_all(
                key_events.event(one.domain, "resting", "ready", BY_HAND, model=one.model) for one in ended
            )
            KeyCooldown.objects.filter(domain__in=domains).delete()
            keys_of_domains(domains).update(cooldowns_reset=now, updated=now)
        freed = {one.domain for one in ended}
        changed |= {key.pk for key in part if key.quota_domain in freed}
    return changed


def rest_keys(keys: Sequence[ContributedKey], until: datetime) -> set[UUID]:
    """Let these keys' quota domains rest until then, for every model; the ids of those that did not rest as long already."""
    changed: set[UUID] = set()
    for part in _parts(keys):
        with transaction.atomic():
            domains = {key.quota_domain for key in part}
            longer = KeyCooldown.objects.filter(domain__in=domains, model="", until__gte=until)
            domains -= set(longer.values_list("domain", flat=True))
            KeyCooldown.objects.bulk_create(
                [KeyCooldown(domain=domain, model="", until=until, reason=BY_HAND) for domain in domains],
                update_conflicts=True,
                unique_fields=["domain", "model"],
                update_fields=["until", "reason"],
            )
            key_events.record_all(
                key_events.event(domain, "ready", "resting", BY_HAND, until=until) for domain in domains
            )
        changed |= {key.pk for key in part if key.quota_domain in domains}
    return changed


def request_check(keys: Sequence[ContributedKey]) -> dict[UUID, str] | None:
    """What the upstream says of each key, in words; None when this process has nothing to ask it with.

    A key that was suspected and is good is leased again.
    """
    if key_checker is None:
        return None
    verdicts = key_checker(keys)
    ContributedKey.objects.filter(pk__in=verdicts).update(last_checked=timezone.now())
    for key_id, verdict in verdicts.items():
        if verdict == GOOD:
            _change_state(key_id, ContributedKey.State.ACTIVE, "", was=ContributedKey.State.SUSPECTED)
    return verdicts


def ask_about_suspects(upstream: str) -> int:
    """Ask about the suspected keys of an upstream that were not asked about within a minute; how many. It blocks.

    However many processes call it, each key is asked about by one: the first to say so in its row.
    """
    now = timezone.now()
    mine = [key for key in due_suspects(upstream)[:_ASKED_AT_ONCE] if _claim(key, now)]
    if mine:
        request_check(mine)
    return len(mine)


def due_suspects(upstream: str) -> QuerySet[ContributedKey]:
    """The suspected keys of an upstream that were not asked about within a minute."""
    suspects = ContributedKey.objects.filter(upstream=upstream, state=ContributedKey.State.SUSPECTED)
    long_ago = timezone.now() - _ASK_AGAIN
    return suspects.filter(Q(last_checked=None) | Q(last_checked__lt=long_ago))


def _claim(key: ContributedKey, now: datetime) -> bool:
    same = ContributedKey.objects.filter(pk=key.pk, last_checked=key.last_checked)
    return bool(same.update(last_checked=now))


def well_formed(text: str, upstream: str | None = None) -> str:
    """The key without the space around it, or "" when it cannot be one. It asks nobody."""
    key = text.strip()
    for_simulator = upstream_of(key, upstream) == ContributedKey.Upstream.SIMULATOR
    return key if _KEY.fullmatch(key) or (for_simulator and _SIMULATOR_KEY.fullmatch(key)) else ""


def upstream_of(key: str, upstream: str | None = None) -> str:
    """The upstream that a key belongs to: the one that is told, else by its text."""
    if upstream is not None:
        return upstream
    # A real key that is brought while the simulator runs is meant for Gemini: it waits for it.
    if settings.SIMULATOR and key.startswith("sim-"):
        return ContributedKey.Upstream.SIMULATOR
    return ContributedKey.Upstream.GEMINI


def _sealed_row(text: str, print_: str, **particulars: Unpack[Particulars]) -> ContributedKey:
    key_id = uuid4()
    known = {**particulars, "upstream": upstream_of(text, particulars.get("upstream"))}
    return ContributedKey(id=key_id, ciphertext=seal(key_id, text), fingerprint=print_, last_four=text[-4:], **known)


def _by_fingerprint(prints: Iterable[str]) -> dict[str, ContributedKey]:
    return {key.fingerprint: key for key in ContributedKey.objects.filter(fingerprint__in=set(prints) - {""})}


def _verdict(print_: str, here: dict[str, ContributedKey], fresh: dict[str, ContributedKey]) -> Contribution:
    if not print_:
        return Contribution(None, "malformed")
    key = here[print_]
    # The first of equal lines takes the row out of `fresh`, so that the second is told apart from it.
    made = fresh.pop(print_, None)
    return Contribution(key, "added" if made is not None and made.pk == key.pk else "duplicate")


def _parts(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Some hundreds at a time: a transaction of thousands would keep the database from others for seconds."""
    for start in range(0, len(keys), _CHANGED_AT_ONCE):
        yield keys[start : start + _CHANGED_AT_ONCE]


def _change_state(
    key: ContributedKey | UUID, state: ContributedKey.State, reason: str, *, was: ContributedKey.State | None = None
) -> bool:
    """Change a key's state from `was` (None: from any other), and write that down; True if it changed."""
    key_id = key.pk if isinstance(key, ContributedKey) else key
    changed = _change_states([key_id], state, reason, was=was)
    if changed and isinstance(key, ContributedKey):
        key.refresh_from_db(fields=("state", "reason", "state_since", "updated"))
    return bool(changed)


def _change_states(
    key_ids: Sequence[UUID], state: ContributedKey.State, reason: str, *, was: ContributedKey.State | None = None
) -> set[UUID]:
    """The same of many; the ids of those that changed."""
    changed: set[UUID] = set()
    for part in _parts(key_ids):
        others = ContributedKey.objects.filter(pk__in=part).exclude(state=state)
        with transaction.atomic():
            # Locked: nobody changes them between what is read and what is written down.
            rows = list((others.filter(state=was) if was else others).select_for_update().only("project", "state"))
            now = timezone.now()
            ids = [row.pk for row in rows]
            ContributedKey.objects.filter(pk__in=ids).update(state=state, reason=reason, state_since=now, updated=now)
            key_events.record_all(
                key_events.event(row.quota_domain, row.state, state, reason, key_id=row.pk) for row in rows
            )
        changed.update(ids)
    return changed
