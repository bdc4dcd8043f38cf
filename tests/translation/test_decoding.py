"""Bytes → structs: what is no request is refused in OpenAI's words, with its code and the path of the member."""

import json

import msgspec
import pytest

from compat.schemas.chat import ChatRequest
from compat.schemas.completions import CompletionRequest
from compat.schemas.embeddings import EmbeddingRequest
from compat.translation.decoding import decode
from compat.translation.nesting import MAX_NESTING, is_nested_too_deep
from compat.translation.refusals import Untranslatable
from tests.translation.translating import chat

DECODERS = [msgspec.json.Decoder(kind) for kind in (ChatRequest, CompletionRequest, EmbeddingRequest)]
GOOD = b'{"model":"a","messages":[{"role":"user","content":"Hi"}],"prompt":"Hi","input":"Hi"%b}'


def refused(body, decoder=DECODERS[0]):
    with pytest.raises(Untranslatable) as error:
        decode(body, decoder)
    return error.value


def nested(opening, closing, depth, inner=b"1"):
    return GOOD % (b',"x":' + opening * depth + inner + closing * depth)


@pytest.mark.parametrize("decoder", DECODERS, ids=["chat", "completions", "embeddings"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"", "invalid_json", id="nothing"),
        pytest.param(b" \r\n\t", "invalid_json", id="white space"),
        pytest.param(b"[]", "invalid_type", id="a list"),
        pytest.param(b'"x"', "invalid_type", id="a text"),
        pytest.param(b"1", "invalid_type", id="a number"),
        pytest.param(b"null", "invalid_type", id="null"),
        pytest.param(GOOD % b"" + b" x", "invalid_json", id="something behind it"),
        pytest.param(GOOD % b"" + GOOD % b"", "invalid_json", id="two of them"),
        pytest.param(GOOD[:-4], "invalid_json", id="cut off"),
        pytest.param(b"\xef\xbb\xbf" + GOOD % b"", "invalid_json", id="a byte order mark"),
        pytest.param((GOOD % b"").decode().encode("utf-16"), "invalid_json", id="UTF-16"),
        pytest.param(b"\xff", "invalid_json", id="no UTF-8"),
        pytest.param(GOOD % b',"x":"\xff"', "invalid_json", id="no UTF-8 in an unknown member"),
        pytest.param(GOOD % b',"user":"\xff"', "invalid_json", id="no UTF-8 in a known member"),
        pytest.param(GOOD % b',"x":NaN', "invalid_json", id="NaN"),
        pytest.param(GOOD % b',"temperature":NaN', "invalid_json", id="NaN as a number"),
        pytest.param(GOOD % b',"x":Infinity', "invalid_json", id="Infinity"),
        pytest.param(GOOD % b',"x":01', "invalid_json", id="a leading zero"),
        pytest.param(GOOD % b",'x':1", "invalid_json", id="other quotes"),
        pytest.param(GOOD % b',"x":1,', "invalid_json", id="a trailing comma"),
        pytest.param(GOOD % (b',"x":' + b"9" * 5_000), "invalid_json", id="5,000 digits"),
        pytest.param(GOOD % b',"x":[-1e999]', "invalid_json", id="more than any number"),
        pytest.param(GOOD % (b',"seed":' + b"9" * 5_000), None, id="5,000 digits as a number"),
        pytest.param(GOOD % b',"x":"\\ud800"', "invalid_json", id="half a surrogate pair"),
        pytest.param(GOOD % b',"user":"\\udc00\\ud800"', "invalid_json", id="surrogates the wrong way round"),
        pytest.param(GOOD % b',"x":"\n"', "invalid_json", id="a bare line end in a text"),
        pytest.param(GOOD % b',"model":"b"', "duplicate_key", id="a member twice"),
        pytest.param(GOOD % b',"x":{"a":[{"b":1,"b":2}]}', "duplicate_key", id="a member twice, deep inside"),
        pytest.param(nested(b"[", b"]", 100_000), "too_deep", id="100,000 lists"),
        pytest.param(nested(b'{"a":', b"}", 990), "too_deep", id="990 objects"),
        pytest.param(nested(b'{"a":', b"}", 100), "too_deep", id="100 objects in one"),
        pytest.param(nested(b'[{"a":', b"}]", 300), "too_deep", id="lists and objects"),
    ],
)
def test_what_is_no_request_is_refused(decoder, body, code):
    error = refused(body, decoder)
    if code is None:
        code = "invalid_json" if decoder is DECODERS[2] else "invalid_value"
    assert error.code == code
    assert len(error.message) < 300


@pytest.mark.parametrize("decoder", DECODERS, ids=["chat", "completions", "embeddings"])
@pytest.mark.parametrize(
    "body",
    [
        GOOD % b"",
        b" \n" + GOOD % b"" + b"\r\n ",
        GOOD % b',"x":1e300',
        GOOD % b',"x":"\\ud83d\\ude00\\u0000"',
        GOOD % b',"x":"[[[[[["',
        nested(b'{"a":', b"}", 99),
        GOOD % (b',"x":[' + b"[1]," * 500 + b"1]"),
    ],
)
def test_other_bodies_are_taken(decoder, body):
    assert decode(body, decoder).model == "a"


def test_the_limit_of_nesting_is_exact_and_blind_to_texts():
    for depth in (MAX_NESTING, MAX_NESTING + 1):
        lists, objects = b"[" * depth + b"]" * depth, b'{"]":' * depth + b"1" + b"}" * depth
        assert is_nested_too_deep(lists) == is_nested_too_deep(objects) == (depth > MAX_NESTING)
    assert not is_nested_too_deep(json.dumps(["[" * 500, '"\\"[' * 500]).encode())
    assert not is_nested_too_deep(b"[" + b"[],{}," * 5_000 + b"1]")


@pytest.mark.parametrize(
    ("messages", "code", "param"),
    [
        (None, "invalid_type", "messages"),
        ("Hi", "invalid_type", "messages"),
        ({}, "invalid_type", "messages"),
        ([], "empty_array", "messages"),
        (["Hi"], "invalid_type", "messages[0]"),
        ([{"content": "Hi"}], "missing_required_parameter", "messages[0].role"),
        ([{"role": None, "content": "Hi"}], "invalid_value", "messages[0].role"),
        ([{"role": 5, "content": "Hi"}], "invalid_value", "messages[0].role"),
        ([{"role": "root", "content": "Hi"}], "invalid_value", "messages[0].role"),
        ([{"role": "User", "content": "Hi"}], "invalid_value", "messages[0].role"),
        ([{"role": "user"}], "missing_required_parameter", "messages[0].content"),
        ([{"role": "user", "content": None}], "invalid_type", "messages[0].content"),
        ([{"role": "user", "content": 5}], "invalid_type", "messages[0].content"),
        ([{"role": "user", "content": {}}], "invalid_type", "messages[0].content"),
        ([{"role": "user", "content": ["Hi"]}], "invalid_type", "messages[0].content[0]"),
        ([{"role": "user", "content": [{"text": "Hi"}]}], "missing_required_parameter", "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "smell"}]}], "invalid_value", "messages[0].content[0].type"),
        (
            [{"role": "user", "content": [{"type": "text"}]}],
            "missing_required_parameter",
            "messages[0].content[0].text",
        ),
        ([{"role": "user", "content": [{"type": "text", "text": 5}]}], "invalid_type", "messages[0].content[0].text"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
            "missing_required_parameter",
            "messages[0].content[0].image_url.url",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": 5}]}],
            "invalid_type",
            "messages[0].content[0].image_url",
        ),
        (
            [{"role": "user", "content": "Hi"}, {"role": "system", "content": None}],
            "invalid_type",
            "messages[1].content",
        ),
        ([{"role": "assistant", "tool_calls": {}}], "invalid_type", "messages[0].tool_calls"),
        (
            [{"role": "assistant", "tool_calls": [{"id": "1", "function": {}}]}],
            "missing_required_parameter",
            "messages[0].tool_calls[0].function.name",
        ),
        ([{"role": "assistant", "tool_calls": [{"id": []}]}], "invalid_type", "messages[0].tool_calls[0].id"),
        ([{"role": "tool", "tool_call_id": {}, "content": "x"}], "invalid_type", "messages[0].tool_call_id"),
        ([{"role": "function", "content": "x"}], "missing_required_parameter", "messages[0].name"),
    ],
)
def test_a_member_of_the_wrong_kind_is_named_by_its_path(messages, code, param):
    with pytest.raises(Untranslatable) as error:
        chat(messages=messages)
    assert (error.value.code, error.value.param) == (code, param)
    assert param in error.value.message


def test_a_missing_member_is_named():
    assert refused(b'{"messages":[{"role":"user","content":"Hi"}]}').param == "model"
    assert refused(b'{"model":"a"}').param == "messages"


def test_a_duplicate_is_named_but_not_at_length():
    error = refused(GOOD % (b',"' + b"k" * 5_000 + b'":1,"' + b"k" * 5_000 + b'":2'))
    assert len(error.message) < 300 and len(error.param) <= 100


@pytest.mark.parametrize(
    ("member", "path", "offered"),
    [
        (
            '"messages":[{"role":"usr"}]',
            "messages[0].role",
            "'system', 'developer', 'user', 'assistant', 'tool', and 'function'",
        ),
        ('"messages":[{"role":"user","content":[{"type":"film"}]}]', "messages[0].content[0].type", "'text', "),
        ('"messages":[{"role":"user","content":"Hi"}],"reasoning_effort":"big"', "reasoning_effort", "'high', 'low', "),
        (
            '"messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"func"}]',
            "tools[0].type",
            "'custom' and 'function'.",
        ),
        (
            '"messages":[{"role":"user","content":"Hi"}],"tool_choice":"maybe"',
            "tool_choice",
            "'any', 'auto', 'none', and 'required'.",
        ),
        (
            '"messages":[{"role":"user","content":"Hi"}],"modalities":["text","smell"]',
            "modalities[1]",
            "'audio', 'image', and 'text'.",
        ),
    ],
)
def test_a_value_that_is_none_is_refused_with_those_that_are(member, path, offered):
    error = refused(f'{{"model":"a",{member}}}'.encode())
    assert (error.param, error.code) == (path, "invalid_value")
    assert f"Supported values are: {offered}" in str(error)
    assert str(error).startswith(f"Invalid value for '{path}': '")
