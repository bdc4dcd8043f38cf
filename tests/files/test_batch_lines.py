"""The lines of a batch's file, checked before any is run."""

import json

import pytest

from compat.translation.batch_lines import MOST_ERRORS, check_lines, read_lines

CHAT = "/v1/chat/completions"
GOOD = {"custom_id": "a", "method": "POST", "url": CHAT, "body": {"model": "m"}}


def line(**members):
    return json.dumps({**GOOD, **members}).encode()


def test_the_requests_of_a_file_have_the_numbers_of_their_lines():
    text = [b"\xef\xbb\xbf" + line(), b"", b"  \r", line(custom_id="b") + b"\r"]
    assert check_lines(text, CHAT) == (2, [], "m")
    assert [(number, request.custom_id) for number, request in read_lines(text, CHAT)] == [(1, "a"), (4, "b")]


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        (b"{", "invalid_json_line", None),
        (b"\xff", "invalid_json_line", None),
        (b'{"x": ' + b"[" * 100_000, "invalid_json_line", None),
        (b"[]", "invalid_type", None),
        (b"{}", "missing_required_parameter", "custom_id"),
        (line(custom_id=""), "string_below_min_length", "custom_id"),
        (line(custom_id="x" * 513), "string_above_max_length", "custom_id"),
        (line(custom_id=7), "invalid_type", "custom_id"),
        (line(method="GET"), "invalid_method", "method"),
        (line(url="/v1/embeddings"), "invalid_url", "url"),
        (line(url="https://example.com/v1/chat/completions"), "invalid_url", "url"),
        (line(body=[]), "invalid_type", "body"),
        (line(body=None), "invalid_type", "body"),
        (line(), "duplicate_custom_id", "custom_id"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_by_its_number(wrong, code, param):
    errors = check_lines([line(), wrong], CHAT).errors
    assert [(error.code, error.param, error.line) for error in errors] == [(code, param, 2)]


def test_every_wrong_line_is_told_up_to_some():
    assert [error.line for error in check_lines([b"{", line(), b"{"], CHAT).errors] == [1, 3]
    assert len(check_lines([b"{"] * 1_000, CHAT).errors) == MOST_ERRORS


@pytest.mark.parametrize(
    ("bodies", "model"),
    [
        ([{"model": "m"}, {"model": "m"}], "m"),
        ([{"model": "m"}, {"model": "n"}], ""),
        ([{"model": "m"}, {}], ""),
        ([{}, {}], ""),
        ([{"model": 7}], ""),
    ],
)
def test_the_model_of_a_file_is_the_one_that_all_of_its_requests_name(bodies, model):
    text = [line(custom_id=str(number), body=body) for number, body in enumerate(bodies)]
    assert check_lines(text, CHAT).model == model


@pytest.mark.parametrize(("text", "code"), [([], "empty_file"), ([b"", b" "], "empty_file")])
def test_a_file_without_a_request_is_told_so(text, code):
    assert [(error.code, error.line) for error in check_lines(text, CHAT).errors] == [(code, None)]


def test_a_file_with_too_many_requests_is_told_so(monkeypatch):
    monkeypatch.setattr("compat.translation.batch_lines.MOST_LINES", 2)
    errors = check_lines([line(custom_id=str(number)) for number in range(5)], CHAT).errors
    assert [(error.code, error.line) for error in errors] == [("too_many_requests", 3)]
