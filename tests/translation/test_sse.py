"""Event streams: Gemini's bytes cut anywhere give the same events, and ours hold no line end of their own."""

import itertools
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compat.gemini.sse import MAX_EVENT_BYTES, EventReader, EventTooLarge
from compat.translation.sse import DONE, KEEP_ALIVE, to_event


def read(*pieces):
    """All the events of a stream that arrives in these pieces."""
    reader, events = EventReader(), []
    for piece in pieces:
        events += reader.feed(piece)
    return events + reader.close()


def cut(stream, size):
    return [stream[start : start + size] for start in range(0, len(stream), size)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(
            b'data: {"a":1}\r\n\r\ndata: {"b":2}\r\n\r\n', [b'{"a":1}', b'{"b":2}'], id="as Gemini sends them"
        ),
        pytest.param(b'data: {"a":1}\n\ndata: {"b":2}\n\n', [b'{"a":1}', b'{"b":2}'], id="bare LF"),
        pytest.param(b'data: {"a":1}\r\rdata: {"b":2}\r\r', [b'{"a":1}', b'{"b":2}'], id="bare CR"),
        pytest.param(b'data:{"a":1}\n\n', [b'{"a":1}'], id="no space"),
        pytest.param(b'data: {"a":1}', [b'{"a":1}'], id="no blank line at the end"),
        pytest.param(b'data: {"a":1}\r\n', [b'{"a":1}'], id="one line end at the end"),
        pytest.param(b'data: {\r\ndata: "a":1}\r\n\r\n', [b'{\n"a":1}'], id="an event of two lines"),
        pytest.param(b'\xef\xbb\xbfdata: {"a":1}\n\n', [b'{"a":1}'], id="a byte order mark"),
        pytest.param(b': hello\n\ndata: {"a":1}\n\n: bye\n\n', [b'{"a":1}'], id="comments"),
        pytest.param(b'event: x\nid: 1\nretry: 5\ndata: {"a":1}\n\n', [b'{"a":1}'], id="other fields"),
        pytest.param(
            b'data: {"a":"\xe2\x80\xa8\xc2\x85\x0b\x0c\x1c"}\n\n',
            [b'{"a":"\xe2\x80\xa8\xc2\x85\x0b\x0c\x1c"}'],
            id="what is no line end",
        ),
        pytest.param(b'data: {"a":"data: x"}\n\n', [b'{"a":"data: x"}'], id="data in data"),
        pytest.param(b'\n\n\n\ndata: {"a":1}\n\n\n\n', [b'{"a":1}'], id="blank lines"),
        pytest.param(
            b'{\n  "error": {\n    "code": 499\n  }\n}\n',
            [b'{\n  "error": {\n    "code": 499\n  }\n}'],
            id="a bare error",
        ),
        pytest.param(
            b'data: {"a":1}\r\n\r\n{\r\n "error": {\r\n\r\n "code": 1}}',
            [b'{"a":1}', b'{\n "error": {\n "code": 1}}'],
            id="a bare error behind an event, with a blank line in it",
        ),
        pytest.param(b"", [], id="nothing"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_every_form_of_event_cut_in_pieces(stream, events, size):
    assert [event for event in read(*cut(stream, size)) if event] == events


_text = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    ["\u2028", "\u0085", "data: ", "\r\n\r\n", "😀"]
)
_reply = st.dictionaries(st.sampled_from(["text", "code", "error"]), _text, min_size=1)


@settings(max_examples=200)
@given(
    replies=st.lists(_reply, max_size=6),
    end=st.sampled_from([b"\r\n", b"\n", b"\r"]),
    ascii_only=st.booleans(),
    bare=st.booleans(),
    cuts=st.lists(st.integers(0, 2_000), max_size=12),
)
def test_however_the_bytes_are_cut_the_replies_are_those_that_were_sent(replies, end, ascii_only, bare, cuts):
    stream = b"".join(b"data: " + json.dumps(reply, ensure_ascii=ascii_only).encode() + end * 2 for reply in replies)
    expected = list(replies)
    if bare:
        stream += json.dumps({"error": {"code": 499}}, indent=2).encode().replace(b"\n", end)
        expected.append({"error": {"code": 499}})
    edges = sorted({min(place, len(stream)) for place in cuts} | {0, len(stream)})
    pieces = [stream[start:stop] for start, stop in itertools.pairwise(edges)]
    assert [json.loads(event) for event in read(*pieces)] == expected


def test_an_event_that_never_ends_is_not_kept_in_memory():
    reader = EventReader()
    with pytest.raises(EventTooLarge):
        for _ in range(MAX_EVENT_BYTES // 1_000_000 + 2):
            reader.feed(b"x" * 1_000_000)


def test_an_image_in_tiny_pieces_is_no_labour():
    reader, piece = EventReader(), b"x" * 16
    reader.feed(b"data: ")
    began = time.process_time()
    for _ in range(250_000):
        assert reader.feed(piece) == []
    (event,) = reader.feed(b"\r\n\r\n")
    assert len(event) == 4_000_000
    assert time.process_time() - began < 5, "copying what came before at each piece takes minutes"


# --- Ours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Hi", "\u2028\u2029\u0085", "é\u2028日", "😀", "\\u2028", 'a"b\\'])
def test_an_event_is_one_line_to_every_client(text):
    event = to_event(json.dumps({"a": text}, ensure_ascii=False).encode())
    assert event.endswith(b"\n\n") and len(event.decode().splitlines()) == 2
    assert json.loads(event.removeprefix(b"data: ")) == {"a": text}


def test_the_end_and_the_comment_are_what_clients_take():
    assert DONE == b"data: [DONE]\n\n"
    assert KEEP_ALIVE.startswith(b":") and KEEP_ALIVE.endswith(b"\n") and b"data" not in KEEP_ALIVE
