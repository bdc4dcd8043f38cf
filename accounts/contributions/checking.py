"""The background check: what was received is asked about at the upstream, a while after its answer went out."""

import logging
import random
from collections import Counter
from datetime import timedelta
from threading import Lock, Timer

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.contributing import BY_HAND, GOOD, admit_key, erase_key, request_check
from accounts.models import ContributedKey, Receipt, ReceiptKey, RedeemedKey

logger = logging.getLogger(__name__)

_AT_ONCE = 50
_AGAIN_SECONDS = 300.0
REFUSED_KEPT = timedelta(days=7)
CLOSED_KEPT = timedelta(days=30)

_timer: Timer | None = None
_setting = Lock()


def check_soon() -> None:
    """Check what was received at a random moment within settings.CHECK_SECONDS, in a thread of its own."""
    _check_in(settings.CHECK_SECONDS * random.uniform(0.2, 1))  # noqa: S311 (jitter)


def check_received() -> Counter[str]:
    """Check what was received and tidy what is over; how many keys got which verdict. Raises django.db.Error."""
    lines = list(_undecided().filter(key=None).values_list("pk", flat=True))
    verdicts: Counter[str] = Counter()
    keys = list(_received()[:_AT_ONCE])
    found = (request_check(keys) or {}) if keys else {}
    with transaction.atomic():
        for key_id, verdict in found.items():
            verdicts[verdict] += 1
            if verdict == GOOD:
                admit_key(key_id)
        asked = ContributedKey.objects.filter(pk__in=[key.pk for key in keys])
        _undecided().filter(key__in=asked.exclude(state=ContributedKey.State.RECEIVED)).update(decided=True)
        # A line without a key is decided with those that have one, and not while Google answers nobody: from outside
        # the two look alike.
        if not asked.filter(state=ContributedKey.State.RECEIVED).exists():
            ReceiptKey.objects.filter(pk__in=lines, key=None).update(decided=True)
        _tidy()
    return verdicts


def _upstream() -> str:
    return ContributedKey.Upstream.SIMULATOR if settings.SIMULATOR else ContributedKey.Upstream.GEMINI


def _received() -> QuerySet[ContributedKey]:
    return ContributedKey.objects.filter(state=ContributedKey.State.RECEIVED, upstream=_upstream()).order_by("updated")


def _undecided() -> QuerySet[ReceiptKey]:
    return ReceiptKey.objects.filter(decided=False, withdrawn=None, upstream=_upstream())


def _tidy() -> None:
    """Erase keys that were refused when they came, and forget receipts that rule over nothing any more."""
    now = timezone.now()
    refused = ContributedKey.objects.filter(
        source=ContributedKey.Source.CONTRIBUTION,
        state=ContributedKey.State.DISABLED,
        successes=0,
        state_since__lt=now - REFUSED_KEPT,
    )
    for key in refused.exclude(reason=BY_HAND).exclude(days__requests__gt=0):
        erase_key(key)
    long_ago = (now - CLOSED_KEPT).date()
    closed = Receipt.objects.filter(created__lt=long_ago).exclude(keys__key__isnull=False)
    closed.exclude(keys__withdrawn__gte=long_ago).delete()
    RedeemedKey.objects.filter(until__lte=now.date()).delete()


def _check_in(seconds: float) -> None:
    global _timer
    with _setting:
        if _timer is None:
            _timer = Timer(seconds, _run)
            _timer.daemon = True
            _timer.start()


def _run() -> None:
    global _timer
    with _setting:
        _timer = None
    try:
        verdicts = check_received()
        logger.info("received keys were checked: %d, of which good: %d", verdicts.total(), verdicts[GOOD])
        if _received().exists() or _undecided().exists():
            # Nobody answered, or there were many.
            _check_in(_AGAIN_SECONDS)
    except DatabaseError:
        logger.warning("received keys could not be checked: the database does not answer")
        _check_in(_AGAIN_SECONDS)
    finally:
        connection.close()
