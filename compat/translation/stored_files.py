"""Parts of a conversation that name a stored file → the same parts with the document itself in them."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from compat.schemas.chat import FilePart, InputFile, Message
from compat.translation.mime_types import type_of_name


class Document(NamedTuple):
    """A stored file."""

    name: str
    content: bytes
    media_type: str = ""
    """As its owner says; "" where nobody did."""


def named_files(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """The ids of the files that are named and not sent along, each with the path of the member that names it."""
    return [(part.file.file_id or "", f"{path}.file.file_id") for path, part in _naming(messages)]


def put_files(messages: Sequence[Message], documents: Mapping[str, Document]) -> None:
    """Put each document, by the id of its file, where it is named.

    It is read as its first bytes and its name tell, and if these do not, as its owner says.
    """
    for _, part in _naming(messages):
        document = documents[part.file.file_id or ""]
        name = part.file.filename or document.name
        text = base64.b64encode(document.content).decode()
        if document.media_type and type_of_name(name) is None:
            text = f"data:{document.media_type};base64,{text}"
        part.file = InputFile(text, name, part.file.file_id)


def _naming(messages: Sequence[Message]) -> Iterator[tuple[str, FilePart]]:
    for index, message in enumerate(messages):
        if isinstance(message.content, list):
            for place, part in enumerate(message.content):
                if isinstance(part, FilePart) and part.file.file_id and not part.file.file_data:
                    yield f"messages[{index}].content[{place}]", part
