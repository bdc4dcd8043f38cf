"""What clients say when they leave a file here (OpenAI API, files)."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from compat.schemas.uploads import Upload


class ExpiresAfter(Struct):
    """When a file shall be erased by itself: so many seconds after it was made, an hour to 30 days."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Meta(ge=3_600, le=2_592_000)]


Purpose = Literal["assistants", "batch", "evals", "user_data", "vision"]


class FileForm(Struct):
    """A file and what it is for."""

    file: Upload
    purpose: Purpose
    expires_after: ExpiresAfter | None = None


class UploadRequest(Struct):
    """A file that is to come in parts, and what it is for."""

    bytes: Annotated[int, Meta(ge=1, le=2**53)]
    filename: Annotated[str, Meta(max_length=255)]
    mime_type: Annotated[str, Meta(max_length=255)]
    purpose: Purpose
    expires_after: ExpiresAfter | None = None


class PartForm(Struct):
    """A part of a file that is to come."""

    data: Upload


class UploadComplete(Struct):
    """The parts of a file, in their order."""

    part_ids: Annotated[list[str], Meta(min_length=1, max_length=2_000)]
    md5: Annotated[str, Meta(max_length=32)] | None = None
