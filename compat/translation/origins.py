"""Where the members of a chat request came from, for doors whose requests are read as chats: refusals name their own."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_MESSAGE = re.compile(r"^messages\[(\d+)\]")


class Origins(NamedTuple):
    """What the members of a chat are called at another door."""

    messages: str
    """The member that holds the conversation."""
    lead: str
    """The member that leads it."""
    places: Sequence[int | str | None]
    """For each message of the chat its place in the conversation, or the member it came from; None for what leads it."""
    names: tuple[tuple[str, str], ...]
    """(chat's name, this door's): the first that a path begins with."""
    file: str = "."
    """What is between a part and what is in it of a file."""

    def of(self, param: str | None) -> str | None:
        """The path of the member that a path of the chat request came from."""
        if param is None:
            return None
        if found := _MESSAGE.match(param):
            index = int(found[1])
            place = self.places[index] if index < len(self.places) else None
            if isinstance(place, str):
                return place
            rest = param[found.end() :].replace(".file.", self.file)
            return self.lead if place is None else f"{self.messages}[{place}]{rest}"
        if param == "messages":
            return self.messages
        for theirs, ours in self.names:
            if param.startswith(theirs):
                return ours + param[len(theirs) :]
        return param.replace(".function.", ".").replace(".custom.", ".")


def all_in(member: str) -> Origins:
    """For a door all of whose content is in one member."""
    return Origins(member, member, (), ())
