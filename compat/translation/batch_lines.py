"""The lines of a batch's file: each is checked before any is run."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from compat.schemas.batches import Asked, BatchError, BatchLine
from compat.translation.decoding import decode_part
from compat.translation.refusals import Untranslatable

MOST_LINES = 50_000
MOST_ERRORS = 100
"""More are not told."""
_line = msgspec.json.Decoder(BatchLine)
_asked = msgspec.json.Decoder(Asked)


class Numbered(NamedTuple):
    """A request and the number of its line in the file, from 1."""

    number: int
    request: BatchLine


class Checked(NamedTuple):
    """What a file holds."""

    total: int
    errors: list[BatchError]
    """What is wrong with it: nothing, if it may be run."""
    model: str
    """The model that all of its requests name; "" where they name several, or some name none."""


def read_lines(lines: Iterable[bytes], endpoint: str) -> Iterator[Numbered]:
    """The requests of a file that was checked; empty lines are none."""
    for number, text in _filled(lines):
        yield Numbered(number, _read(text, endpoint))


def check_lines(lines: Iterable[bytes], endpoint: str) -> Checked:
    """How many requests a file holds, and what is wrong with it."""
    seen: dict[str, int] = {}
    errors: list[BatchError] = []
    models: set[str] = set()
    for number, text in _filled(lines):
        try:
            line = _read(text, endpoint)
            first = seen.setdefault(line.custom_id, number)
            models.add(_model_of(line))
        except Untranslatable as refusal:
            errors.append(BatchError(refusal.code or "invalid_request", refusal.message, refusal.param, number))
        else:
            if first != number:
                message = f"The custom_id of this line is that of line {first}."
                errors.append(BatchError("duplicate_custom_id", message, "custom_id", number))
        if len(errors) >= MOST_ERRORS:
            break
        if len(seen) > MOST_LINES:
            message = f"A batch has at most {MOST_LINES:,} requests."
            return Checked(len(seen), [BatchError("too_many_requests", message, None, number)], "")
    if not seen and not errors:
        errors.append(BatchError("empty_file", "The file holds no request.", None, None))
    return Checked(len(seen), errors, models.pop() if len(models) == 1 else "")


def _model_of(line: BatchLine) -> str:
    """The model that it names; "" when it names none, or what is no name."""
    try:
        model = _asked.decode(line.body).model
    except (msgspec.DecodeError, RecursionError):
        return ""  # it will be refused by its own route
    return model if isinstance(model, str) else ""


def _filled(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def _read(text: bytes, endpoint: str) -> BatchLine:
    """The request of a line. Raises Untranslatable."""
    try:
        request = decode_part(text.removeprefix(b"\xef\xbb\xbf"), _line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Untranslatable("This line is no JSON object in UTF-8.", None, "invalid_json_line") from None
    if request.method != "POST":
        raise Untranslatable("Invalid 'method': expected POST.", "method", "invalid_method")
    if request.url != endpoint:
        raise Untranslatable(f"Invalid 'url': the batch is for {endpoint}.", "url", "invalid_url")
    if not bytes(request.body).startswith(b"{"):
        raise Untranslatable("Invalid type for 'body': expected an object.", "body", "invalid_type")
    return request
