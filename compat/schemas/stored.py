"""What is kept of a response of the Responses API."""

from msgspec import Raw, Struct


class StoredTurn(Struct, omit_defaults=True):
    """A response as it was answered, the input items that it answered, and what only the next request needs."""

    response: Raw
    input: list[Raw]
    signatures: dict[str, str] = {}
    """Thought signatures by call id."""


class StoredOutput(Struct):
    """The members of a response that the next request needs."""

    output: list[Raw]


class StoredId(Struct):
    """The id of an item."""

    id: str
