"""How much one user may have stored: responses make room, the oldest first; conversations stay until they are deleted.

Bytes are counted as they are read again: what was sealed is compressed, a thousand times where a client wants it so.
"""

from django.db.models import Count, Sum

from accounts.models import Conversation, StoredResponse
from accounts.remembered_settings import settings
from accounts.stored import NoRoom

MOST_RESPONSES = 10_000
MOST_CONVERSATIONS = 1_000


def make_room(user_id: int, size: int) -> None:
    """Delete the user's oldest responses until so many bytes more may be stored. Raises NoRoom.

    It belongs into the transaction that stores them, behind wait_for_others_of.
    """
    mine = StoredResponse.objects.filter(user_id=user_id).order_by("created")
    held = mine.aggregate(count=Count("pk"), size=Sum("size", default=0))
    fixed = _held_by_conversations(user_id)["size"]
    too_many = held["count"] + 1 - MOST_RESPONSES
    too_large = held["size"] + fixed + size - _most_bytes()
    if too_large > held["size"]:
        raise NoRoom
    if too_many <= 0 and too_large <= 0:
        return
    gone: list[str] = []
    for pk, freed in mine.values_list("pk", "size").iterator():
        if len(gone) >= too_many and too_large <= 0:
            break
        gone.append(pk)
        too_large -= freed
    StoredResponse.objects.filter(pk__in=gone).delete()


def require_room_for_conversation(user_id: int) -> None:
    """Raise NoRoom when the user has as many conversations as one may have."""
    if _held_by_conversations(user_id)["count"] >= MOST_CONVERSATIONS:
        raise NoRoom


def _held_by_conversations(user_id: int) -> dict[str, int]:
    return Conversation.objects.filter(user_id=user_id).aggregate(count=Count("pk"), size=Sum("size", default=0))


def _most_bytes() -> float:
    return settings.STORED_MIB * 1024 * 1024
