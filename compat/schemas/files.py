"""What clients say when they leave a file here (OpenAI API, files)."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from compat.schemas.uploads import Upload


class ExpiresAfter(Struct):
    """When a file shall be erased by itself: so many seconds after it was made, an hour to 30 days."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Meta(ge=3_600, le=2_592_000)]


class FileForm(Struct):
    """A file and what it is for."""

    file: Upload
    purpose: Literal["assistants", "batch", "evals", "user_data", "vision"]
    expires_after: ExpiresAfter | None = None
