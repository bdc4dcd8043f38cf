"""Parts of a conversation that name a stored file → the same parts with the document itself in them, or with an address.

What does not fit into a request goes ahead of it to Gemini, and the part names it there. Where that is depends on the key that
serves, so bodies are built with a placeholder, and get the address when the key is known.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from compat.schemas.chat import FilePart, InputFile, Message
from compat.translation.mime_types import type_of_name

HEAD_BYTES = 64
"""So much of a document tells its type."""
# No address that a client may give begins so: those are public https ones.
_AHEAD = "stored:"
# What leads to the parts of a body, of whatever method.
_LEADING = (
    "generateContentRequest",
    "requests",
    "contents",
    "content",
    "systemInstruction",
    "parts",
    "functionResponse",
)


class Document(NamedTuple):
    """A stored file."""

    name: str
    content: bytes
    """Of one that goes ahead its first bytes alone."""
    media_type: str = ""
    """As its owner says; "" where nobody did."""
    goes_ahead: bool = False


class FileAhead(InputFile):
    """A document that goes ahead of the request. No client can send one."""

    head: bytes = b""
    media_type: str = ""


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
        # What the name tells of the type is told again by whatever reads it.
        declared = document.media_type if type_of_name(name) is None else ""
        if document.goes_ahead:
            part.file = FileAhead(None, name, part.file.file_id, document.content, declared)
            continue
        text = base64.b64encode(document.content).decode()
        part.file = InputFile(f"data:{declared};base64,{text}" if declared else text, name, part.file.file_id)


def going_ahead(sizes: Mapping[str, int], room: int) -> set[str]:
    """Which files go ahead so that the others fit into so many bytes together: the largest, for so the fewest do.

    `sizes` are the bytes that each takes in the request, by its id: of one that is named twice, twice its own.
    """
    left, ahead = sum(sizes.values()), set[str]()
    for file_id in sorted(sizes, key=lambda file_id: (-sizes[file_id], file_id)):
        if left <= room:
            break
        ahead.add(file_id)
        left -= sizes[file_id]
    return ahead


def part_ahead(file_id: str, mime_type: str) -> dict[str, Any]:
    """The part that names a file which goes ahead."""
    return {"fileData": {"mimeType": mime_type, "fileUri": f"{_AHEAD}{file_id}"}}


def named_ahead(body: Any) -> dict[str, str]:
    """The media types of the files that go ahead of a body, by their ids."""
    return {file["fileUri"].removeprefix(_AHEAD): file["mimeType"] for file in _ahead_in(body)}


def put_addresses(body: Any, addresses: Mapping[str, str]) -> Any:
    """The same body with the address of each file that has gone ahead, by its id. What it holds otherwise is shared."""
    if isinstance(body, list):
        return [put_addresses(member, addresses) for member in body]
    if not isinstance(body, dict):
        return body
    put = {name: put_addresses(value, addresses) if name in _LEADING else value for name, value in body.items()}
    uri = _uri_in(body)
    if uri.startswith(_AHEAD):
        put["fileData"] = {**body["fileData"], "fileUri": addresses[uri.removeprefix(_AHEAD)]}
    return put


def _ahead_in(body: Any) -> Iterator[dict[str, Any]]:
    if isinstance(body, list):
        for member in body:
            yield from _ahead_in(member)
    elif isinstance(body, dict):
        if _uri_in(body).startswith(_AHEAD):
            yield body["fileData"]
        for name in _LEADING:
            yield from _ahead_in(body.get(name))


def _uri_in(part: dict[str, Any]) -> str:
    file = part.get("fileData")
    return str(file.get("fileUri", "")) if isinstance(file, dict) else ""


def _naming(messages: Sequence[Message]) -> list[tuple[str, FilePart]]:
    naming = []
    for index, message in enumerate(messages):
        if isinstance(message.content, list):
            for place, part in enumerate(message.content):
                if isinstance(part, FilePart) and part.file.file_id and not part.file.file_data:
                    naming.append((f"messages[{index}].content[{place}]", part))
    return naming
