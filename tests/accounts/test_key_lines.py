"""Lists of keys as other programs write them: every ending and encoding, odd lines told by number, no file that is no list."""

import io
import os
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.key_lines import MOST_BYTES, MOST_LINES, Line, Unreadable, read_lines

ONE, TWO = "fake-key-in-a-list-0001", "fake-key-in-a-list-0002"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_ending_and_encoding_gives_the_same_lines(ending, encoding):
    data = ending.join((ONE, "", TWO, "")).encode(encoding)
    assert read_lines(data) == [Line(ONE), Line(""), Line(TWO)]


def test_endings_may_be_mixed_and_no_other_character_ends_a_line():
    assert [line.key for line in read_lines(f"{ONE}\r\n{TWO}\r{ONE}\n{TWO}".encode())] == [ONE, TWO, ONE, TWO]
    assert len(read_lines(f"{ONE}\u2028{TWO}\x0b".encode())) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"  {ONE} ", Line(ONE)),
        (f'"{ONE}"', Line(ONE)),
        (f'"{ONE}', Line(ONE)),
        (f"{ONE},mine", Line(ONE, "mine")),
        (f'"{ONE}";"mine"', Line(ONE, "mine")),
        (f"{ONE}\tmine", Line(ONE, "mine")),
        (f"{ONE},=HYPERLINK(1)", Line(ONE, "=HYPERLINK(1)")),
        ("# a remark", Line("")),
        (f"{ONE},", Line(ONE)),
        (f"{ONE},mine,more", Line(ONE, "mine", is_malformed=True)),
        (f"{ONE},{'x' * 101}", Line(ONE, "", is_malformed=True)),
        (f"{ONE},AI" + "zaFAKEFAKEFAKE", Line(ONE, "", is_malformed=True)),
        (",mine", Line("", "mine", is_malformed=True)),
    ],
)
def test_a_line_is_a_key_and_perhaps_its_project(text, line):
    assert read_lines(text.encode()) == [line]


def test_a_few_odd_bytes_spoil_their_line_only():
    lines = read_lines(f"{ONE}\n".encode() + b"\xff\xfe\x00caf\xe9\n" + f"{TWO}\n".encode())
    assert (len(lines), lines[0].key, lines[2].key) == (3, ONE, TWO)


def a_zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("keys.txt", ONE * 50_000)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        os.urandom(4096),
        a_zip(),
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        b"\0" * 4096,
        b"\xff\xfe" + b"\xd8" * 201,
    ],
    ids=["random", "zip", "picture", "zeros", "cut UTF-16"],
)
def test_what_is_no_text_is_refused_as_a_whole(data):
    with pytest.raises(Unreadable, match="no text"):
        read_lines(data)


def test_what_is_too_much_is_refused_with_what_to_do():
    with pytest.raises(Unreadable, match="larger than 2 MiB"):
        read_lines(b"x" * (MOST_BYTES + 1))
    with pytest.raises(Unreadable, match="more than 50,000 lines"):
        read_lines(b"\n" * (MOST_LINES + 1))
    assert len(read_lines(b"\n" * MOST_LINES)) == MOST_LINES


@given(st.binary(max_size=400))
def test_any_bytes_are_lines_or_refused_and_never_an_error(data):
    try:
        lines = read_lines(data)
    except Unreadable as error:
        assert len(str(error)) < 120
    else:
        assert all(isinstance(line, Line) for line in lines)
