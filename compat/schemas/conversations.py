"""Requests about conversations. Items are decoded one by one, by their kind."""

from typing import Annotated

from msgspec import Meta, Raw, Struct

from compat.schemas.responses import Metadata

Items = Annotated[list[Raw], Meta(max_length=20)]


class ConversationRequest(Struct):
    """POST conversations."""

    items: Items | None = None
    metadata: Metadata | None = None


class ConversationUpdate(Struct):
    """POST conversations/{id}."""

    metadata: Metadata


class ItemsRequest(Struct):
    """POST conversations/{id}/items."""

    items: Items
