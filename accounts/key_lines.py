"""The lines of a list of keys, whatever program wrote it: any line ending, UTF-8 or UTF-16, quoted or with a second column."""

import codecs
import re
from typing import NamedTuple

from accounts.redaction import redact

MOST_LINES = 50_000
MOST_BYTES = 2 * 1024 * 1024
"""With the form around it less than what Django keeps in memory, so no key is ever spooled to a disk."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ENDING = re.compile(r"\r\n|\r|\n")
_SEPARATOR = re.compile(r"[,;\t]")
_PROJECT_AT_MOST = 100


class Unreadable(Exception):
    """This is no list of keys; the message is for a person and repeats nothing of it."""


class Line(NamedTuple):
    """One line: a key and, if there is a second column, the project it is of. An empty or remarked line has no key."""

    key: str
    project: str = ""
    is_malformed: bool = False


def read_lines(data: bytes) -> list[Line]:
    """Every line, in order. Raises Unreadable."""
    if len(data) > MOST_BYTES:
        raise Unreadable(
            f"This is larger than {MOST_BYTES // 1024 // 1024} MiB. Split it and import one part at a time."
        )
    lines = _ENDING.split(_text(data))
    if lines and not lines[-1]:
        lines.pop()
    if len(lines) > MOST_LINES:
        raise Unreadable(f"These are more than {MOST_LINES:,} lines. Split them and import one part at a time.")
    return [_line(text) for text in lines]


def _text(data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    start = data[:200]
    if not encoding and 3 * start.count(0) > len(start):
        # Without a mark: of UTF-16 every other byte of plain letters is empty.
        encoding = "utf-16-le" if start[1::2].count(0) > start[::2].count(0) else "utf-16-be"
    try:
        text = data.decode(encoding or "utf-8", "strict" if encoding.startswith("utf-16") else "replace")
    except UnicodeDecodeError:
        raise Unreadable("This is no text.") from None
    # A few odd characters spoil their lines; many mean that it is a picture, an archive or a program.
    odd = sum(character in "\0\ufffd" or (character < " " and character not in "\t\r\n") for character in text)
    if 10 * odd > len(text):
        raise Unreadable("This is no text. Save the list as plain text, one key a line.")
    return text


def _line(text: str) -> Line:
    text = text.strip().lstrip("\ufeff")
    if not text or text.startswith("#"):
        return Line("")
    key, project, *others = [*(column.strip().strip("\"'").strip() for column in _SEPARATOR.split(text)), ""]
    # A key in the second column would be shown as a project.
    is_odd = len(project) > _PROJECT_AT_MOST or not project.isprintable() or redact(project) != project
    return Line(key, "" if is_odd else project, is_malformed=is_odd or not key or any(others))
