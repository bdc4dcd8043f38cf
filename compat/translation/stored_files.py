"""Parts of a conversation that name a stored file → the same parts with the document itself in them."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from compat.schemas.chat import FilePart, InputFile, Message


class Document(NamedTuple):
    """A stored file."""

    name: str
    content: bytes


def named_files(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """The ids of the files that are named and not sent along, each with the path of the member that names it."""
    return [(part.file.file_id or "", f"{path}.file.file_id") for path, part in _naming(messages)]


def put_files(messages: Sequence[Message], documents: Mapping[str, Document]) -> None:
    """Put each document, by the id of its file, where it is named. It is read as its name and first bytes tell."""
    for _, part in _naming(messages):
        document = documents[part.file.file_id or ""]
        text = base64.b64encode(document.content).decode()
        part.file = InputFile(text, part.file.filename or document.name, part.file.file_id)


def _naming(messages: Sequence[Message]) -> Iterator[tuple[str, FilePart]]:
    for index, message in enumerate(messages):
        if isinstance(message.content, list):
            for place, part in enumerate(message.content):
                if isinstance(part, FilePart) and part.file.file_id and not part.file.file_data:
                    yield f"messages[{index}].content[{place}]", part
