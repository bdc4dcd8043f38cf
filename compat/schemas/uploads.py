"""What a form (multipart/form-data) brings: texts as they are, and files."""

from msgspec import Struct


class Upload(Struct, frozen=True):
    """A file. Its name and type are the client's words: look at the bytes before either is believed."""

    filename: str
    """Without a path; at most 255 characters."""
    content_type: str
    """In lower case, without parameters; "" where none was said."""
    data: bytes
