"""The Files API: what projects have uploaded, in how many pieces it came, and until when it is there (reference, 2.10).

Of a file's bytes only their number and digest are kept: nothing here can read a document, and answers tell these two.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import choice, token_urlsafe
from string import ascii_lowercase, digits

from compat.simulator.keys import Key
from compat.simulator.refusals import SERVICE, Refused
from compat.simulator.wire import JsonObject

GRANULARITY = 8 * 1024 * 1024
"""Every piece but the last is a multiple of it (X-Goog-Upload-Chunk-Granularity)."""
MOST_BYTES = 2 * 1024**3
LIVES_SECONDS = 48 * 3600.0
_FILM_TAKES_SECONDS = 1.0
_IN_A_NAME = ascii_lowercase + digits


@dataclass(slots=True)
class Upload:
    """A file on its way: what was said of it, and what has come."""

    key: Key
    mime_type: str
    size: int | None
    """As it was said; None where it was not."""
    display_name: str
    received: int = 0
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def take(self, piece: bytes) -> None:
        """Some more of its bytes."""
        self.received += len(piece)
        if self.received > MOST_BYTES or (self.size is not None and self.received > self.size):
            raise Refused(400, "Upload has more bytes than were announced, or than a file may have.")
        self.sha256.update(piece)


@dataclass(slots=True)
class File:
    """A file of a project; times are Unix seconds."""

    name: str
    project: str
    mime_type: str
    display_name: str
    size: int
    sha256: str
    created: float
    ready: float
    """When it is processed."""

    @property
    def expires(self) -> float:
        """When it is gone."""
        return self.created + LIVES_SECONDS

    def told(self, now: float) -> JsonObject:
        """As the API tells it."""
        digest = b64encode(self.sha256.encode()).decode()
        told: JsonObject = {
            "name": f"files/{self.name}",
            "displayName": self.display_name,
            "mimeType": self.mime_type,
            "sizeBytes": str(self.size),
            "createTime": _time(self.created),
            "updateTime": _time(self.created),
            "expirationTime": _time(self.expires),
            "sha256Hash": digest,
            "uri": f"https://{SERVICE}/v1beta/files/{self.name}",
            "state": "ACTIVE" if now >= self.ready else "PROCESSING",
            "source": "UPLOADED",
        }
        return told if self.display_name else {name: value for name, value in told.items() if name != "displayName"}


class Files:
    """The files of every project, and the uploads that have begun."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._files: dict[str, File] = {}
        self._uploads: dict[str, Upload] = {}

    def begin(self, upload: Upload) -> str:
        """Begin an upload; its id, which whoever has it may go on with."""
        if upload.size is not None and not 0 < upload.size <= MOST_BYTES:
            raise Refused(400, f"A file has from 1 to {MOST_BYTES} bytes.")
        upload_id = token_urlsafe(24)
        self._uploads[upload_id] = upload
        return upload_id

    def upload(self, upload_id: str) -> Upload:
        """An upload that has begun and not ended; raises Refused."""
        upload = self._uploads.get(upload_id)
        if upload is None:
            raise Refused(404, "Upload not found.")
        return upload

    def end(self, upload_id: str) -> JsonObject:
        """All of it has come: the file, as the API tells it."""
        upload = self.upload(upload_id)
        if upload.received == 0 or upload.size not in (None, upload.received):
            raise Refused(400, f"Upload ended after {upload.received} bytes of {upload.size or 'some'}.")
        del self._uploads[upload_id]
        now = self._clock()
        name = "".join(choice(_IN_A_NAME) for _ in range(12))
        film = upload.mime_type.startswith("video/")
        file = self._files[name] = File(
            name=name,
            project=upload.key.project,
            mime_type=upload.mime_type,
            display_name=upload.display_name,
            size=upload.received,
            sha256=upload.sha256.hexdigest(),
            created=now,
            ready=now + _FILM_TAKES_SECONDS if film else now,
        )
        return file.told(now)

    def told(self, project: str, name: str) -> JsonObject:
        """A project's own file; raises Refused, for another's as for none."""
        return self._own(project, name).told(self._clock())

    def delete(self, project: str, name: str) -> None:
        """Delete a project's own file; raises Refused, for another's as for none."""
        del self._files[self._own(project, name).name]

    def of(self, project: str) -> list[JsonObject]:
        """The files of a project, the newest first."""
        now = self._clock()
        mine = [file for file in self._files.values() if file.project == project and file.expires > now]
        return [file.told(now) for file in reversed(mine)]

    def listed(self) -> list[JsonObject]:
        """Every file that is there, with its project and its digest in hex digits."""
        now = self._clock()
        there = [file for file in self._files.values() if file.expires > now]
        return [{"project": file.project, "sha256": file.sha256, **file.told(now)} for file in there]

    def clear(self) -> None:
        """Forget files and uploads."""
        self._files.clear()
        self._uploads.clear()

    def look_up(self, request: JsonObject, project: str) -> None:
        """Write into each part that names a file how many bytes it has and their digest; raises Refused."""
        for part in _parts(request):
            uri = part.get("fileData", {}).get("fileUri", "")
            if not uri.startswith("files/") and f"{SERVICE}/" not in uri:
                continue
            file = self._own(project, uri.rpartition("/")[2])
            if self._clock() < file.ready:
                message = f"The File {file.name} is not in an ACTIVE state and usage is not allowed."
                raise Refused(400, message, name="FAILED_PRECONDITION")
            part["fileData"] = {**part["fileData"], "sizeBytes": file.size, "sha256": file.sha256}

    def _own(self, project: str, name: str) -> File:
        file = self._files.get(name)
        if file is None or file.project != project or file.expires <= self._clock():
            raise Refused(403, f"You do not have permission to access the File {name[:40]} or it may not exist.")
        return file


def _parts(request: JsonObject) -> Iterator[JsonObject]:
    """Every part of a request of whatever method that may name a file."""
    inner = request.get("generateContentRequest", request)
    contents = [*inner.get("contents", ()), *(one.get("content", {}) for one in inner.get("requests", (inner,)))]
    for content in contents:
        for part in content.get("parts") or ():
            yield part
            yield from part.get("functionResponse", {}).get("parts") or ()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
