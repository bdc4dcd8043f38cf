"""Invitations: codes that let one person sign up, once. Only a digest is kept."""

import hashlib
import secrets

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.models import Invitation


def write_new_invitation(invitation: Invitation) -> str:
    """Give the unsaved row a code, save it, and return the code, which is shown once and kept nowhere."""
    code = secrets.token_urlsafe(18)
    invitation.digest = digest_of(code)
    invitation.save(force_insert=True)
    return code


def usable(code: str) -> Invitation | None:
    """The invitation with this code, if nobody has used it and it still holds."""
    return (
        Invitation.objects.select_related("plan")
        .filter(digest=digest_of(code), used=None, expires__gt=timezone.now())
        .first()
    )


def take(invitation: Invitation) -> None:
    """Use it up. Raises PermissionDenied when somebody was quicker."""
    if not Invitation.objects.filter(pk=invitation.pk, used=None).update(used=timezone.now()):
        raise PermissionDenied


def digest_of(code: str) -> str:
    """What is kept of a code. It is 144 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(code.encode()).hexdigest()
