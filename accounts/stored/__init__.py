"""What the Responses API keeps for its callers: written behind the answers, read when a request goes on from it."""

from accounts.remembered_settings import settings


class NotStored(Exception):
    """The user has no such thing: it was never made, was deleted, or its days are over."""


class NoRoom(Exception):
    """The user's conversations leave no room for it."""


class TooLarge(Exception):
    """It is larger than whoever asks takes."""


def is_on() -> bool:
    """Whether anything is stored here."""
    return bool(settings.STORED_DAYS > 0)
