"""Rotation: contributed keys and second factors sealed anew under the newest encryption key, in batches, while the site runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts.models import ContributedKey
from accounts.sealing import Unsealable, is_sealed_newest, seal, seal_text, unseal, unseal_text

# Where django-allauth keeps what it had sealed, in the data of an authenticator app and of recovery codes.
_SEALED = ("secret", "seed")


@dataclass(slots=True)
class Rotation:
    """How many rows were sealed anew, were under the newest key before, and could not be unsealed (and stay as they are)."""

    rotated: int = 0
    newest_before: int = 0
    unsealable: int = 0


def rotate_sealing(*, batch: int = 500) -> Rotation:
    """Seal every contributed key and second factor under the newest encryption key.

    Stopped midway it is simply run again: what is done is skipped. A row that changes meanwhile keeps its change.
    """
    rotation = Rotation()
    for rows in _batches(batch):
        fresh = []
        for key_id, ciphertext in rows:
            if is_sealed_newest(ciphertext):
                rotation.newest_before += 1
                continue
            try:
                fresh.append((key_id, ciphertext, seal(key_id, unseal(key_id, ciphertext).reveal())))
            except Unsealable:
                rotation.unsealable += 1
        # The slow part, the cryptography, is done before the transaction begins.
        with transaction.atomic():
            for key_id, old, new in fresh:
                rotation.rotated += ContributedKey.objects.filter(pk=key_id, ciphertext=old).update(ciphertext=new)
    for authenticator in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN):
        _rotate_second_factor(authenticator, rotation)
    return rotation


def _rotate_second_factor(authenticator: Authenticator, rotation: Rotation) -> None:
    name = next((name for name in _SEALED if name in authenticator.data), None)
    if name is None:
        return
    old = authenticator.data[name]
    if is_sealed_newest(old):
        rotation.newest_before += 1
        return
    try:
        fresh = {**authenticator.data, name: seal_text(unseal_text(old).reveal())}
    except Unsealable:
        rotation.unsealable += 1
        return
    unchanged = Authenticator.objects.filter(pk=authenticator.pk, data=authenticator.data)
    rotation.rotated += unchanged.update(data=fresh)


def _batches(size: int) -> Iterator[list[tuple[UUID, str]]]:
    rows = ContributedKey.objects.order_by("pk").values_list("pk", "ciphertext")
    found = list(rows[:size])
    while found:
        yield found
        found = list(rows.filter(pk__gt=found[-1][0])[:size])
