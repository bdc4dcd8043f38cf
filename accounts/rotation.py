"""Rotation: all that is sealed at rest is sealed anew under the newest encryption key, in batches, while the site runs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Model

from accounts import batches, files
from accounts.models import (
    Batch,
    BatchResult,
    ContributedKey,
    Conversation,
    ConversationItem,
    FilePart,
    StoredFile,
    StoredResponse,
)
from accounts.sealing import (
    Unsealable,
    are_sealed_newest,
    is_sealed_newest,
    seal,
    seal_bytes,
    seal_text,
    unseal,
    unseal_bytes,
    unseal_text,
)
from accounts.stored import conversations

# Where django-allauth keeps what it had sealed, in the data of an authenticator app and of recovery codes.
_SEALED = ("secret", "seed")
_CONTENTS: tuple[tuple[type[Model], str, Callable[[Any], str]], ...] = (
    (StoredFile, "name", lambda file: file.pk),
    (StoredFile, "details", lambda file: files.details_place(file.pk)),
    (FilePart, "content", files.place_of),
    (Batch, "metadata", lambda batch: batch.pk),
    (BatchResult, "content", lambda result: batches.place_of(result.batch_id, result.number)),
    (StoredResponse, "sealed", lambda response: response.pk),
    (Conversation, "metadata", lambda conversation: conversation.pk),
    (ConversationItem, "sealed", conversations.place_of),
)
"""What people left here: tables, the sealed column of each, and the place that its rows are bound to."""
_CONTENTS_AT_ONCE = 20


@dataclass(slots=True)
class Rotation:
    """How many rows were sealed anew, were under the newest key before, and could not be unsealed (and stay as they are)."""

    rotated: int = 0
    newest_before: int = 0
    unsealable: int = 0


def rotate_sealing(*, batch: int = 500) -> Rotation:
    """Seal every contributed key, second factor and content under the newest encryption key.

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
    _rotate_contents(rotation)
    return rotation


def _rotate_contents(rotation: Rotation) -> None:
    for table, column, place_of in _CONTENTS:
        filled = table._default_manager.exclude(**{column: b""})
        for row in filled.order_by("pk").iterator(_CONTENTS_AT_ONCE):
            _rotate_content(row, column, place_of(row), rotation)


def _rotate_content(row: Model, column: str, place: str, rotation: Rotation) -> None:
    old = bytes(getattr(row, column))
    if are_sealed_newest(old):
        rotation.newest_before += 1
        return
    try:
        fresh = seal_bytes(place, unseal_bytes(place, old))
    except Unsealable:
        rotation.unsealable += 1
        return
    unchanged = type(row)._default_manager.filter(pk=row.pk, **{column: old})
    rotation.rotated += unchanged.update(**{column: fresh})


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
