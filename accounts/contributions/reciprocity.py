"""Reciprocity: healthy keys earn their receipt an issued token, once. Nothing kept joins the token to the receipt.

The token belongs to a fresh user with a random name. Its dates are those of a day or a month, which many share; the
receipt remembers only that it was redeemed.
"""

import hashlib
import hmac
import secrets
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.issuing import issue_token
from accounts.models import ContributedKey, IssuedToken, Receipt, RedeemedKey, User


def has_earned(receipt: Receipt) -> bool:
    """True when a token may be given for the receipt."""
    return settings.RECIPROCITY and not receipt.redeemed and bool(_healthy(receipt))


def redeem(receipt: Receipt) -> str:
    """A new token's text, shown this once; "" when the receipt has not earned one, or had it before."""
    with transaction.atomic():
        if not has_earned(receipt) or not Receipt.objects.filter(pk=receipt.pk, redeemed=False).update(redeemed=True):
            return ""
        receipt.redeemed = True
        keys, until = _healthy(receipt), _month_after(timezone.now().date() + timedelta(days=settings.RECIPROCITY_DAYS))
        RedeemedKey.objects.bulk_create(RedeemedKey(digest=_digest(key), until=until) for key in keys)
        # Coarse on purpose: lent whole 100, half 50; the sum of what is lent sets the limits.
        lent = sum(100 - key.keep_share for key in keys) / 100
        today = datetime.combine(timezone.now().date(), time.min, UTC)
        user = User(username=f"contributor-{secrets.token_hex(6)}", date_joined=today)
        user.set_unusable_password()
        user.save()
        token, text = issue_token(
            user,
            name="for a contributed key",
            expires=datetime.combine(until, time.min, UTC),
            rpm=max(1, int(lent * settings.RECIPROCITY_RPM)),
            rpd=max(1, int(lent * settings.RECIPROCITY_RPD)),
        )
        IssuedToken.objects.filter(pk=token.pk).update(created=today)
    return text


def _healthy(receipt: Receipt) -> list[ContributedKey]:
    """Keys that were checked, may be used and have not earned a token lately under another receipt."""
    keys = ContributedKey.objects.filter(
        receipt_key__receipt=receipt, state=ContributedKey.State.ACTIVE, paused=False, last_checked__isnull=False
    )
    spent = set(RedeemedKey.objects.filter(digest__in=[_digest(key) for key in keys]).values_list("digest", flat=True))
    return [key for key in keys if _digest(key) not in spent]


def _digest(key: ContributedKey) -> str:
    return hmac.new(settings.RECEIPT_KEY.encode(), f"redeemed {key.fingerprint}".encode(), hashlib.sha256).hexdigest()


def _month_after(day: date) -> date:
    """The first of the month that follows."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
