"""What the routes of files answer (OpenAI API, files)."""

from typing import Literal

from msgspec import Struct

from compat.schemas.answers import Count, UnixSeconds


class File(Struct):
    """A file that is kept here."""

    id: str
    bytes: Count
    created_at: UnixSeconds
    expires_at: UnixSeconds
    filename: str
    purpose: str
    object: Literal["file"] = "file"
    status: Literal["processed"] = "processed"


class FileList(Struct):
    """A page of the files of a user."""

    data: list[File]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


class FileDeleted(Struct):
    """The file is erased."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class FileUpload(Struct):
    """A file that comes in parts; once it is completed, the file as well."""

    id: str
    bytes: Count
    created_at: UnixSeconds
    expires_at: UnixSeconds
    filename: str
    purpose: str
    status: Literal["pending", "completed", "cancelled"]
    file: File | None = None
    object: Literal["upload"] = "upload"


class FileUploadPart(Struct):
    """A part that has come."""

    id: str
    created_at: UnixSeconds
    upload_id: str
    object: Literal["upload.part"] = "upload.part"
