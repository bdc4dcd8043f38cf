"""Issuing: tokens made and revoked. The text of a token is given once, by issue_token, and only its digest is kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from accounts.callers import forget
from accounts.models import LIMIT_FIELDS, IssuedToken, User
from accounts.token_text import digest_of, looks_issued, new_token_text, newest_pepper, prefix_of

__all__ = ["change_token", "issue_token", "looks_issued", "revoke_token", "rotate_token"]

_BOUNDS = ("user", "name", "expires", "allowed_models", "allowed_networks", "scopes", "tells_sub_users", *LIMIT_FIELDS)


def issue_token(
    user: User,
    *,
    name: str = "",
    expires: datetime | None = None,
    allowed_models: Sequence[str] = (),
    allowed_networks: Sequence[str] = (),
    scopes: Sequence[str] = (),
    tells_sub_users: bool = False,
    **limits: int | Decimal | None,
) -> tuple[IssuedToken, str]:
    """The row of a new token and its text, which is shown once and kept nowhere.

    What is empty allows everything; `limits` are by the names in LIMIT_FIELDS. Raises django's ValidationError when a
    value is out of range.
    """
    unknown = set(limits) - set(LIMIT_FIELDS)
    if unknown:
        raise TypeError(f"issue_token knows no limit called {', '.join(sorted(unknown))}")
    token = IssuedToken(
        user=user,
        name=name,
        expires=expires,
        allowed_models=list(allowed_models),
        allowed_networks=list(allowed_networks),
        scopes=list(scopes),
        tells_sub_users=tells_sub_users,
        **limits,
    )
    return token, write_new_token(token)


def write_new_token(token: IssuedToken) -> str:
    """Give the unsaved row `token` a fresh prefix and digest, save it, and return the text. Raises ValidationError."""
    text = new_token_text()
    token.prefix = prefix_of(text)
    token.pepper_version, pepper = newest_pepper()
    token.digest = digest_of(text, pepper)
    token.full_clean()
    token.save(force_insert=True)
    return text


def change_token(token: IssuedToken, **values: object) -> None:
    """Give the token these values, by the names of its fields. Other processes follow within 5 s. Raises ValidationError."""
    for name, value in values.items():
        setattr(token, name, value)
    token.full_clean()
    token.save(update_fields=list(values))
    forget(token_id=token.pk)


def rotate_token(token: IssuedToken, overlap: timedelta) -> tuple[IssuedToken, str]:
    """A new token with the bounds of this usable one, and its text; the old one holds for `overlap` more, if so long.

    Both have limits of their own meanwhile; those of the user hold for the two together.
    """
    with transaction.atomic():
        fresh = IssuedToken(**{name: getattr(token, name) for name in _BOUNDS})
        text = write_new_token(fresh)
        end = timezone.now() + overlap
        if token.expires is None or token.expires > end:
            token.expires = end
            token.save(update_fields=["expires"])
    return fresh, text


def revoke_token(token: IssuedToken) -> bool:
    """Refuse this token from now on; True unless it was revoked before. Other processes follow within 5 s."""
    now = timezone.now()
    revoked = IssuedToken.objects.filter(pk=token.pk, revoked=None).update(revoked=now)
    if revoked:
        token.revoked = now
    forget(token_id=token.pk)
    return bool(revoked)
