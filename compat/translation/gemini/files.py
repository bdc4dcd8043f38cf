"""A stored file in Gemini's words (Gemini API, files)."""

import base64
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from compat.schemas.gemini_request.requests import CREATE_FILE
from compat.schemas.gemini_request.violation import Violation
from compat.translation.decoding import decode
from compat.translation.mime_types import bare_type, type_of_file
from compat.translation.moments import to_rfc3339
from compat.translation.refusals import Untranslatable

_json = msgspec.json.Decoder()
_LONGEST_NAME = 512


class Kept(NamedTuple):
    """What is known of a stored file."""

    id: str
    """`file-` and letters."""
    name: str
    media_type: str
    bytes: int
    sha256: str
    """In hex; "" where it is not known."""
    created: datetime
    expires: datetime


class Wanted(NamedTuple):
    """What is said of a file that is to come; "" for what is not."""

    name: str
    media_type: str


def to_wanted(body: bytes, file_name: str, media_type: str) -> Wanted:
    """The file that a client begins to send, by the body of the request and by its headers. Raises Untranslatable."""
    found: list[Violation] = []
    file = CREATE_FILE(decode(body, _json), "", found).get("file", {}) if body else {}
    if found:
        raise Untranslatable("\n".join(violation.message for violation in found), found[0].field)
    if file.get("name"):
        raise Untranslatable("Files are given their names here: leave file.name out.", "file.name")
    name = file.get("displayName") or file_name
    if len(name) > _LONGEST_NAME:
        raise Untranslatable(f"A name has at most {_LONGEST_NAME} characters.", "file.display_name")
    return Wanted(name, bare_type(file.get("mimeType") or media_type))


def to_name(file_id: str) -> str:
    """The name of a file: clients cut it out of its address, up to the first character that is no letter and no digit."""
    return f"files/{file_id.removeprefix('file-')}"


def to_id(name: str) -> str:
    """The id of the file with a name; of one that is an id already, that."""
    found = name.removeprefix("files/")
    return found if found.startswith("file-") else f"file-{found}"


def to_file(kept: Kept, origin: str) -> dict[str, Any]:
    """The object of a file, whose address is at the origin (`https://host`)."""
    name, created = to_name(kept.id), to_rfc3339(kept.created)
    # Gemini API, sha256Hash: the hex digits, in base64.
    digest = base64.b64encode(kept.sha256.encode()).decode()
    return {
        "name": name,
        **({"displayName": kept.name} if kept.name else {}),
        "mimeType": type_of_file(kept.media_type, kept.name),
        "sizeBytes": str(kept.bytes),
        "createTime": created,
        "updateTime": created,
        "expirationTime": to_rfc3339(kept.expires),
        **({"sha256Hash": digest} if digest else {}),
        "uri": f"{origin}/v1beta/{name}",
        "state": "ACTIVE",
        "source": "UPLOADED",
    }


def not_permitted(name: str) -> str:
    """What Gemini says of a file that is not there, or another's."""
    shown = name.removeprefix("files/")[:80]
    return f"You do not have permission to access the File {shown} or it may not exist."
