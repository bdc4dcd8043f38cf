"""A form (multipart/form-data, RFC 7578) as one object: read as it arrives, bounded, its names those of OpenAI's members.

`n` is a text or a file, `name[]` and a name that comes again are lists, `expires_after[anchor]` is a member of an object:
so OpenAI's clients write what JSON writes as arrays and objects.
"""

import re
from typing import Any

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from accounts.remembered_settings import settings
from compat.body import read_chunks, refuse_encoding
from compat.errors import InvalidRequest, UnsupportedMedia
from compat.request import LeanRequest
from compat.schemas.uploads import Upload

Form = dict[str, Any]
"""Members of a form: each an `Upload`, a text, a list of these, or an object of texts."""

MOST_PARTS = 100
_FORM = "multipart/form-data"
_MOST_NAME = 255
_MEMBER = re.compile(r"([^\[\]]+)(?:\[([^\[\]]*)\])?")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def is_form(request: LeanRequest) -> bool:
    """True when the body says to be a form."""
    return _content_type(request)[0] == _FORM


async def read_form(request: LeanRequest, most_bytes: int | None = None) -> Form:
    """The members of the form that is the body, at most `most_bytes` and the site's limit in all.

    Raises BodyTooLarge, UnsupportedMedia, InvalidRequest, ClientGone.
    """
    refuse_encoding(request)
    kind, options = _content_type(request)
    if kind != _FORM:
        raise UnsupportedMedia(f"Unsupported content type {kind[:80]!r}: send a form as {_FORM}.")
    limit = settings.MAX_BODY_BYTES
    reader = _Reader(options.get("boundary", ""))
    await read_chunks(request, limit if most_bytes is None else min(limit, most_bytes), reader.take)
    return reader.end()


def _content_type(request: LeanRequest) -> tuple[str, dict[str, str]]:
    kind, options = parse_options_header(request.fields.get(b"content-type", b"").decode("latin-1"))
    return kind, options


class _Reader:
    """Parts as they arrive. Raises InvalidRequest for what is no form."""

    def __init__(self, boundary: str) -> None:
        self._form: Form = {}
        self._part: MultipartSegment | None = None
        self._held: list[bytes] = []
        try:
            self._parser = PushMultipartParser(boundary, max_segment_count=MOST_PARTS)
        except MultipartError as error:
            raise _broken(error) from None

    def take(self, chunk: bytes) -> None:
        """One stretch of the body."""
        if not chunk:
            return
        try:
            for event in self._parser.parse(chunk):
                if event is None:
                    self._keep()
                elif isinstance(event, MultipartSegment):
                    self._part, self._held = event, []
                else:
                    self._held.append(event)
        except MultipartError as error:
            raise _broken(error) from None

    def end(self) -> Form:
        """The whole form."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise _broken(error) from None
        return self._form

    def _keep(self) -> None:
        assert self._part is not None  # noqa: S101 (a part's end comes behind its beginning)
        name, data = self._part.name, b"".join(self._held)
        self._held = []
        if self._part.filename is None:
            _put(self._form, name, _text(name, data))
        else:
            content_type = parse_options_header(self._part.content_type or "")[0]
            _put(self._form, name, Upload(_plain(self._part.filename), content_type[:_MOST_NAME], data))


def _put(form: Form, name: str, value: str | Upload) -> None:
    member = _MEMBER.fullmatch(name)
    if member is None:
        raise InvalidRequest(f"Invalid name of a part: {name[:80]!r}.", code="invalid_multipart")
    name, inner = member.groups()
    held = form.get(name)
    if inner:
        if held is not None and not isinstance(held, dict):
            raise _twice(name)
        members = form.setdefault(name, {})
        if inner in members:
            raise _twice(f"{name}[{inner}]")
        members[inner] = value
    elif isinstance(held, dict):
        raise _twice(name)
    elif isinstance(held, list):
        held.append(value)
    elif held is not None:
        form[name] = [held, value]
    else:
        form[name] = value if inner is None else [value]


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(
            f"Invalid '{name[:80]}': the text is not in UTF-8. A file needs a filename in its Content-Disposition.",
            param=name[:80],
            code="invalid_multipart",
        ) from None


def _plain(filename: str) -> str:
    """The last part of a path, of printable characters."""
    return _UNPRINTABLE.sub("", re.split(r"[/\\]", filename)[-1])[-_MOST_NAME:]


def _twice(name: str) -> InvalidRequest:
    return InvalidRequest(f"The member {name[:80]!r} is given twice.", param=name[:80], code="duplicate_key")


def _broken(error: MultipartError) -> InvalidRequest:
    why = f"{error}."
    if isinstance(error, ParserLimitReached):
        why = f"At most {MOST_PARTS} parts with 8 headers of 4 KiB each are taken."
    return InvalidRequest(f"We could not parse the form of your request. {why}", code="invalid_multipart")
