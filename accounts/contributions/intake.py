"""Taking in: an offer becomes keys of the pool, not asked yet, and a receipt. Whatever the keys are, it goes alike."""

import secrets
from datetime import UTC, datetime, time

from django.db import transaction
from django.utils import timezone

from accounts.contributing import BY_HAND, contribute, erase_key, upstream_of
from accounts.contributions.offer import Caps, Offer
from accounts.contributions.receipt import digest_of, new_code
from accounts.contributions.terms import VERSION
from accounts.models import ContributedKey, Receipt, ReceiptKey
from accounts.sealing import fingerprint
from accounts.secret import Secret


def receive(offer: Offer) -> str:
    """Keep what was offered; the receipt's code, which is told once."""
    code = new_code()
    project = own_project(offer.project)
    with transaction.atomic():
        receipt = Receipt.objects.create(digest=digest_of(code), terms=VERSION, created=timezone.now().date())
        for number, key in enumerate(offer.keys, start=1):
            take_in(ReceiptKey(receipt=receipt, number=number), key, project, offer.caps)
    return code


def take_in(line: ReceiptKey, key: Secret, project: str, caps: Caps) -> None:
    """Put a key behind a line of a receipt. A key that is here already is another's: then the line has none."""
    text = key.reveal()
    _make_room(text)
    line.key = _fresh(text, project, caps)
    line.upstream, line.last_four, line.decided = upstream_of(text), text[-4:], False
    line.save()


def own_project(name: str) -> str:
    """A project as a stranger calls it, told apart from everybody else's.

    Keys of one project share their quota, and with it their rests: nobody may put a failing key beside others' by
    naming their project. An operator who knows better gives the keys one name.
    """
    return f"{name} ({secrets.token_hex(4)})" if name else ""


def _fresh(text: str, project: str, caps: Caps) -> ContributedKey | None:
    # The day alone: an hour could be laid beside a proxy's log.
    today = datetime.combine(timezone.now().date(), time.min, UTC)
    made = contribute(
        text,
        source=ContributedKey.Source.CONTRIBUTION,
        project=project,
        state=ContributedKey.State.RECEIVED,
        created=today,
        paid=caps.paid,
        keep_share=caps.keep_share,
        allowed_models=list(caps.models),
        hours_utc=list(caps.hours),
    )
    if made.key is None or made.verdict != "added":
        return None
    ContributedKey.objects.filter(pk=made.key.pk).update(state_since=today, updated=today)
    return made.key


def _make_room(text: str) -> None:
    """Forget a key that a stranger brought before and that never served: it may have been mended since."""
    dead = ContributedKey.objects.filter(
        fingerprint=fingerprint(text),
        source=ContributedKey.Source.CONTRIBUTION,
        state=ContributedKey.State.DISABLED,
        successes=0,
    )
    for key in dead.exclude(reason=BY_HAND).exclude(days__requests__gt=0):
        erase_key(key)
