"""What is kept of responses and conversations of the Responses API."""

from msgspec import Raw, Struct


class StoredTurn(Struct, omit_defaults=True):
    """A response as it was answered, the input items that it answered, and what only the next request needs."""

    response: Raw
    input: list[Raw]
    signatures: dict[str, str] = {}
    """Thought signatures by call id."""
    streams: bool = False
    """Whether it was made in the background as a stream, which can be read again."""
    events: str = ""
    """That stream, when it has ended."""


class StoredItem(Struct, omit_defaults=True):
    """An item of a conversation, and the thought signature of a call."""

    item: Raw
    signature: str = ""


class StoredOutput(Struct):
    """The members of a response that the next request needs."""

    output: list[Raw]


class StoredId(Struct):
    """The id of an item, and of its call."""

    id: str
    call_id: str | None = None
