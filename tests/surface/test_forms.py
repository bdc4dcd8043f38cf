"""Forms (multipart/form-data): what clients send, in pieces of any size, and what is refused."""

import asyncio

import httpx
import msgspec
import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from compat.body import ClientGone
from compat.errors import CompatError
from compat.forms import MOST_PARTS, is_form, read_form
from compat.schemas.uploads import Upload
from compat.translation.decoding import convert
from compat.translation.refusals import Untranslatable

TYPE = "multipart/form-data; boundary=b"
PICTURE = bytes(range(256)) * 40


class Sent:
    """A request whose body comes in pieces; it breaks off where `cut` says."""

    def __init__(self, body, content_type=TYPE, *, step=None, cut=False, **more):
        headers = {"content_type": content_type, "content_length": str(len(body)), **more}
        self.fields = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        step = step or len(body) or 1
        pieces = [body[start : start + step] for start in range(0, len(body), step)] or [b""]
        self.messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        self.messages.append({"type": "http.disconnect" if cut else "http.request"})
        self.was_read = False

    async def receive(self):
        return self.messages.pop(0)

    def body_is_read(self):
        self.was_read = True


def read(body, *more, most_bytes=None, **options):
    sent = Sent(body, *more, **options)
    form = asyncio.run(read_form(sent, most_bytes))
    assert sent.was_read
    return form


def part(name, value, more="", *, head="Content-Disposition: form-data; name="):
    return f'--b\r\n{head}"{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


def form(*parts):
    return b"".join(parts) + b"--b--\r\n"


def refused(*arguments, **options):
    with pytest.raises(CompatError) as caught:
        read(*arguments, **options)
    return caught.value


@pytest.mark.parametrize("step", [None, 1, 7, 1000])
def test_a_form_of_httpx_is_read_in_pieces_of_any_size(step):
    request = httpx.Request(
        "POST",
        "http://x/",
        data={"prompt": "Ein Öl\r\nbild", "n": "2", "include[]": ["a", "b"], "expires_after[seconds]": "60"},
        files=[("image[]", ("ä b.png", PICTURE, "image/PNG; x=y")), ("image[]", ("c.jpg", b"", None))],
    )
    assert read(request.read(), request.headers["content-type"], step=step) == {
        "prompt": "Ein Öl\r\nbild",
        "n": "2",
        "include": ["a", "b"],
        "expires_after": {"seconds": "60"},
        "image": [Upload("ä b.png", "image/png", PICTURE), Upload("c.jpg", "image/jpeg", b"")],
    }


def test_a_name_that_comes_again_is_a_list_and_no_form_is_nothing():
    assert read(form(part("a", b"1"), part("a", b"2"), part("a", b"3"))) == {"a": ["1", "2", "3"]}
    assert read(form()) == {}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        (r"C:\\pictures\\a.png", "a.png"),
        ("a%0D%0Ab\x01\x7f.png", "ab.png"),
        ("x" * 300 + ".png", "x" * 251 + ".png"),
        ("", ""),
    ],
)
def test_a_file_name_is_the_last_part_of_a_path_in_printable_characters(sent, kept):
    assert read(form(part("f", b"x", f'; filename="{sent}"')))["f"].filename == kept


BROKEN = [
    ("nothing", b"", TYPE, None),
    ("no boundary named", form(), "multipart/form-data", None),
    ("another boundary", form(part("a", b"1")), "multipart/form-data; boundary=c", None),
    ("JSON", b'{"a": 1}', TYPE, None),
    ("no end", part("a", b"1"), TYPE, None),
    ("a cut part", part("a", b"1")[:-9], TYPE, None),
    ("a part without a name", form(b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n"), TYPE, None),
    ("an empty name", form(part("", b"1")), TYPE, None),
    ("a name of brackets", form(part("a[b][c]", b"1")), TYPE, None),
    ("an open bracket", form(part("a[b", b"1")), TYPE, None),
    ("a part that is no form's", form(part("a", b"1", head="Content-Disposition: attachment; name=")), TYPE, None),
    ("a header of 5 kB", form(part("a", b"1", "\r\nX-A: " + "x" * 5_000)), TYPE, None),
    ("twenty headers", form(part("a", b"1", "\r\nX-A: 1" * 20)), TYPE, None),
    ("too many parts", form(*[part("a", b"1")] * (MOST_PARTS + 1)), TYPE, None),
    ("a file's bytes as a text", form(part("a", b"\xff\xfe")), TYPE, "a"),
]


@pytest.mark.parametrize("step", [None, 1])
@pytest.mark.parametrize(("body", "kind", "param"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_is_no_form_is_refused(body, kind, param, step):
    error = refused(body, kind, step=step)
    assert (error.status, error.code, error.param) == (400, "invalid_multipart", param)
    assert len(error.message) < 300


@pytest.mark.parametrize("names", [("a[b]", "a[b]"), ("a", "a[b]"), ("a[b]", "a"), ("a[]", "a[b]")])
def test_a_member_is_not_two_things(names):
    error = refused(form(*[part(name, b"1") for name in names]))
    assert (error.status, error.code) == (400, "duplicate_key")


@pytest.mark.parametrize(
    ("kind", "encoding", "code"),
    [
        ("application/json", "", "unsupported_media_type"),
        ("", "", "unsupported_media_type"),
        ("multipart/mixed; boundary=b", "", "unsupported_media_type"),
        (TYPE, "gzip", "unsupported_content_encoding"),
    ],
)
def test_other_bodies_are_not_taken(kind, encoding, code):
    error = refused(form(), kind, content_encoding=encoding)
    assert (error.status, error.code) == (415, code)


@pytest.mark.parametrize("declared", ["", "1", None])
@pytest.mark.parametrize(("site_takes", "most_bytes"), [(5_000, None), (100_000, 5_000), (5_000, 100_000)])
def test_a_form_is_bounded_by_the_endpoint_and_the_site(site_takes, most_bytes, declared):
    body = form(part("f", PICTURE, '; filename="a"'))
    meta = {} if declared is None else {"content_length": declared}
    with override_settings(MAX_BODY_BYTES=site_takes):
        error = refused(body, most_bytes=most_bytes, step=1_000, **meta)
    assert (error.status, error.code) == (413, "request_too_large")


def test_a_client_that_leaves_in_the_middle_is_gone():
    with pytest.raises(ClientGone):
        read(part("a", b"1"), cut=True)


_PIECES = st.sampled_from(
    [
        *(
            b"--b",
            b"--b--",
            b"\r\n",
            b"\n",
            b"--",
            b"Content-Disposition: form-data; name=",
            b'"a"',
            b'"a[b]"',
            b'"a[]"',
        ),
        *(b'; filename="x"', b"Content-Type: text/plain", b"Content-Length: 3", b": ", b" ", b"\x00", b"\xff"),
    ]
)


@given(st.lists(_PIECES | st.binary(max_size=8), max_size=40).map(b"".join), st.integers(1, 50))
def test_whatever_comes_is_a_form_or_refused(body, step):
    try:
        members = read(body, step=step)
    except CompatError as error:
        assert error.status == 400
    else:
        # What stands before the first boundary is passed over, or refused if it comes in one piece with it.
        if body.startswith(b"--"):
            assert read(body) == members, "the same in one piece"


def test_forms_are_told_from_json():
    assert is_form(Sent(b"", "Multipart/Form-Data; boundary=x"))
    assert not is_form(Sent(b"", "application/json"))
    assert not is_form(Sent(b"", ""))


class Wanted(msgspec.Struct):
    file: Upload
    image: Upload | list[Upload] | None = None
    n: int | None = None
    temperature: float | None = None
    stream: bool | None = None
    prompt: str | None = None


def test_a_form_becomes_a_struct_whose_numbers_and_truths_were_texts():
    given = {"file": Upload("a", "", b"1"), "image": [Upload("b", "", b"2")], "n": "2", "temperature": "0.5"}
    made = convert({**given, "stream": "true", "prompt": "null", "unknown": "x"}, Wanted)
    assert made == Wanted(given["file"], given["image"], 2, 0.5, True, "null")


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({}, "file", "missing_required_parameter"),
        ({"file": "a text"}, "file", "invalid_type"),
        ({"file": Upload("a", "", b""), "n": "two"}, "n", "invalid_type"),
        ({"file": Upload("a", "", b""), "prompt": ["a", "b"]}, "prompt", "invalid_type"),
        ({"file": Upload("a", "", b""), "prompt": Upload("a", "", b"")}, "prompt", "invalid_type"),
    ],
)
def test_a_form_is_refused_as_json_is(members, param, code):
    with pytest.raises(Untranslatable) as caught:
        convert(members, Wanted)
    assert (caught.value.param, caught.value.code) == (param, code)
