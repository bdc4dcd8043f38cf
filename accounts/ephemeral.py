"""Ephemeral tokens: for a person's own browser, ten minutes each, with that person's limits and nothing else."""

from datetime import timedelta

from django.utils import timezone

from accounts.issuing import write_new_token
from accounts.models import IssuedToken, User

LIFETIME = timedelta(minutes=10)
# As many pages of one person may be open at once; the oldest token goes when another is wanted.
_AT_MOST = 8
# A token stays for a while after its end: a stream that began with it goes on as long as any may (15 minutes by
# default), and what it used is written down behind it.
_KEPT = timedelta(minutes=20)


def issue_ephemeral(user: User) -> str:
    """The text of a new token. It is listed nowhere; those whose time is over are deleted on the way."""
    now = timezone.now()
    theirs = IssuedToken.everything.filter(ephemeral=True)
    theirs.filter(expires__lt=now - _KEPT).delete()
    kept = theirs.filter(user=user).order_by("-expires").values_list("pk", flat=True)[: _AT_MOST - 1]
    theirs.filter(user=user).exclude(pk__in=list(kept)).delete()
    return write_new_token(IssuedToken(user=user, name="browser", expires=now + LIFETIME, ephemeral=True))
