"""What a request of Gemini's names instead of bringing it: files, caches and stores of a project, and addresses."""

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from compat.translation.addresses import is_of_gemini, is_public_https
from compat.translation.content import document_type
from compat.translation.gemini.files import to_id
from compat.translation.refusals import Untranslatable
from compat.translation.stored_files import HEAD_BYTES, Document, part_ahead

IsOurs = Callable[[str], bool]
"""Whether a host, with its port if it has one, is a name of this server."""
_PATH_OF_A_FILE = re.compile(r"/v1(?:beta)?/files/[A-Za-z0-9-]+")


class Reference(NamedTuple):
    """Something that is kept for somebody: here, or in a project of Google's, and then nobody knows whose that is."""

    path: str
    """Where in the request it is named."""
    name: str
    """`files/…`, `cachedContents/…` or `fileSearchStores/…`."""
    part: dict[str, Any] | None = None
    """Of a file: the part that names it."""

    @property
    def file_id(self) -> str:
        """The id of a file that is kept here."""
        return to_id(self.name)


def references_in(asked: dict[str, Any], is_ours: IsOurs) -> Iterator[Reference]:
    """What the request names, in order. Raises Untranslatable for an address that nobody may be sent to."""
    if "cachedContent" in asked:
        yield Reference("cached_content", asked["cachedContent"])
    for place, tool in enumerate(asked.get("tools", ())):
        for name in tool.get("fileSearch", {}).get("fileSearchStoreNames", ()):
            yield Reference(f"tools[{place}].file_search.file_search_store_names", name)
        for server in tool.get("mcpServers", ()):
            _check_server(server, f"tools[{place}].mcp_servers")
    for place, content in enumerate(asked.get("contents", ())):
        yield from _in_parts(content.get("parts", ()), f"contents[{place}].parts", is_ours)
    yield from _in_parts(asked.get("systemInstruction", {}).get("parts", ()), "system_instruction.parts", is_ours)


def put_file(reference: Reference, document: Document) -> None:
    """Put the document where it is named; or, where it goes ahead of the request, a name that the relay knows."""
    if reference.part is None:
        return
    declared = reference.part.pop("fileData").get("mimeType", "") or document.media_type
    mime_type = document_type(declared, document.content[:HEAD_BYTES], document.name, reference.path)
    if document.goes_ahead:
        reference.part.update(part_ahead(reference.file_id, mime_type))
    else:
        data = base64.b64encode(document.content).decode()
        reference.part["inlineData"] = {"mimeType": mime_type, "data": data}


def _check_server(server: dict[str, Any], path: str) -> None:
    """Gemini API, mcpServers: Gemini asks them itself, each at the url of its transport."""
    for transport in server.values():
        if isinstance(transport, dict) and not is_public_https(str(transport.get("url", ""))):
            raise Untranslatable("Unsupported url: send a public https:// URL with a host name.", path)


def _in_parts(parts: list[dict[str, Any]], path: str, is_ours: IsOurs) -> Iterator[Reference]:
    for place, part in enumerate(parts):
        if "fileData" in part:
            yield from _in_file(part, f"{path}[{place}].file_data.file_uri", is_ours)
        if "functionResponse" in part:
            inner = part["functionResponse"].get("parts", [])
            yield from _in_parts(inner, f"{path}[{place}].function_response.parts", is_ours)


def _in_file(part: dict[str, Any], path: str, is_ours: IsOurs) -> Iterator[Reference]:
    """Gemini API, fileData: a file of ours or its own, or an address that it fetches itself (YouTube's are no others)."""
    uri = part["fileData"].get("fileUri", "")
    if uri.startswith("files/") or is_of_gemini(uri) or _is_file_of_ours(uri, is_ours):
        yield Reference(path, f"files/{urlsplit(uri).path.rpartition('/')[2]}", part)
    elif not is_public_https(uri):
        raise Untranslatable(
            "Unsupported file uri: send the name of a file, or a public https:// URL with a host name. Objects of a bucket "
            "(gs://) would be read in the name of whoever lent the key.",
            path,
        )


def _is_file_of_ours(uri: str, is_ours: IsOurs) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return bool(parts.netloc) and _PATH_OF_A_FILE.fullmatch(parts.path) is not None and is_ours(parts.netloc)
