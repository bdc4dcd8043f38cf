"""What goes over the wire of an answer under uvicorn, write by write."""

import asyncio

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from tumbler_site.serving.exchange import Exchange

PLAIN = (b"content-length", b"2")


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr("tumbler_site.serving.exchange.http_date", lambda: "now")


class Wire:
    """A transport that keeps what is written, without the date."""

    def __init__(self):
        self.writes = []
        self.closed = False

    def write(self, data):
        self.writes.append(data.replace(b"date: now\r\n", b""))

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed


def answer(app, method="GET", *, keep_alive=True):
    """The wire after `app` has run; what runs is forgotten."""

    async def run():
        wire, tasks = Wire(), set()
        exchange = Exchange({"method": method}, wire, FlowControl(wire), list, keep_alive=keep_alive)
        exchange.run(asyncio.get_running_loop(), app, tasks)
        await asyncio.wait(tasks)
        assert not tasks
        return wire

    return asyncio.run(run())


def says(*headers, in_text=False, status=200, body=(b"ok",), fails=False):
    """An app that answers with these headers and stretches of a body."""
    told = {name.decode(): value.decode() for name, value in headers} if in_text else headers

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": told})
        for number, stretch in enumerate(body, 1):
            await send({"type": "http.response.body", "body": stretch, "more_body": fails or number < len(body)})
        if fails:
            raise RuntimeError("the failure")

    return app


@pytest.fixture(params=[False, True], ids=["pairs", "text"])
def in_text(request):
    """Whether headers come as ours do, or as any app's."""
    return request.param


def test_a_whole_answer_is_one_write(in_text):
    wire = answer(says((b"Content-Type", b"text/plain"), PLAIN, in_text=in_text))
    assert wire.writes == [b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"]
    assert not wire.closed


def test_a_stream_is_a_write_a_stretch_the_head_with_the_first():
    wire = answer(says(body=(b"one", b"three", b"")))
    assert wire.writes == [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
        b"5\r\nthree\r\n",
        b"0\r\n\r\n",
    ]


@pytest.mark.parametrize(
    ("method", "status", "headers", "written"),
    [
        ("HEAD", 200, [PLAIN], b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"),
        ("HEAD", 200, [], b"HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", 204, [], b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", 599, [PLAIN], b"HTTP/1.1 599 \r\ncontent-length: 2\r\n\r\nok"),
    ],
)
def test_what_has_no_body_is_its_head_alone(method, status, headers, written):
    body = (b"",) if status == 204 else (b"ok",)
    assert answer(says(*headers, status=status, body=body), method).writes == [written]


def test_a_header_that_comes_twice_goes_out_twice():
    wire = answer(says((b"set-cookie", b"a"), (b"set-cookie", b"b"), PLAIN))
    assert wire.writes[0].startswith(b"HTTP/1.1 200 OK\r\nset-cookie: a\r\nset-cookie: b\r\n")


def test_a_connection_that_is_not_kept_is_closed_behind_the_answer_and_says_so(in_text):
    wire = answer(says(PLAIN, in_text=in_text), keep_alive=False)
    assert wire.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"]
    assert wire.closed
    same = answer(says(PLAIN, (b"connection", b"close"), in_text=in_text))
    assert same.closed
    assert same.writes == wire.writes


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-a", b"b\r\nx-c: d")],
        [(b"x-a", b"b\n")],
        [(b"x-a", b"b\x00")],
        [(b"x-a", b"b\x7f")],
        [(b"x a", b"b")],
        [(b"x-a:", b"b")],
        [(b"x-a\r\nx-c", b"b")],
        [(b"", b"b")],
    ],
    ids=repr,
)
def test_a_header_that_would_be_read_otherwise_is_a_500_and_never_sent(headers, in_text):
    wire = answer(says(*headers, PLAIN, in_text=in_text))
    assert [write[:13] for write in wire.writes] == [b"HTTP/1.1 500 "]
    assert b"x-c" not in wire.writes[0]
    assert wire.closed


@pytest.mark.parametrize("body", [(b"o",), (b"okay",), (b"o", b"")], ids=["short", "long", "short in two"])
def test_an_answer_is_as_long_as_it_said_or_is_cut_off(body):
    wire = answer(says(PLAIN, body=body))
    assert wire.closed
    assert not any(write.endswith(b"\r\n\r\nokay") for write in wire.writes)


def test_a_failure_is_a_500_until_something_was_sent_and_then_a_cut():
    wire = answer(says(PLAIN, body=(), fails=True))
    assert wire.writes[0].startswith(b"HTTP/1.1 500 ")
    assert wire.closed
    wire = answer(says(body=(b"a beginning",), fails=True))
    assert [b"a beginning" in write for write in wire.writes] == [True]
    assert wire.closed
