"""Items that are put into a conversation by hand."""

import msgspec

from compat.translation.refusals import Untranslatable
from compat.translation.responses.history import references
from compat.translation.responses.items import to_items


def check_items(given: list[msgspec.Raw]) -> None:
    """Refuse what could never be asked with. Raises Untranslatable."""
    to_items(given, "items")
    for place in references(given, "items"):
        raise Untranslatable("Send the item itself, not its id.", f"items[{place}]", "unsupported_value")
