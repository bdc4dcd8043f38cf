"""Which files go ahead of a request, and how a body names them before and after their addresses are known."""

import pytest

from compat.translation.stored_files import going_ahead, named_ahead, part_ahead, put_addresses

FILE = part_ahead("file-a", "application/pdf")
ADDRESSES = {"file-a": "https://x/files/1", "file-b": "https://x/files/2"}
PUT = {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x/files/1"}}


@pytest.mark.parametrize(
    ("sizes", "ahead"),
    [
        ({}, set()),
        ({"a": 100}, set()),
        ({"a": 101}, {"a"}),
        ({"a": 40, "b": 60}, set()),
        ({"a": 40, "b": 61}, {"b"}),
        ({"a": 60, "b": 60, "c": 30}, {"a"}),
        ({"a": 90, "b": 80, "c": 70}, {"a", "b"}),
        ({"b": 60, "a": 60}, {"a"}),
    ],
)
def test_as_few_go_ahead_as_will_do(sizes, ahead):
    assert going_ahead(sizes, 100) == ahead


def contents(*parts):
    return [{"role": "user", "parts": list(parts)}]


@pytest.mark.parametrize(
    ("body", "put"),
    [
        ({"contents": contents({"text": "Hi"}, FILE)}, {"contents": contents({"text": "Hi"}, PUT)}),
        (
            {"generateContentRequest": {"contents": contents(FILE), "model": "m"}},
            {"generateContentRequest": {"contents": contents(PUT), "model": "m"}},
        ),
        (
            {"requests": [{"content": {"parts": [FILE]}}, {"content": {"parts": [{"text": "Hi"}]}}]},
            {"requests": [{"content": {"parts": [PUT]}}, {"content": {"parts": [{"text": "Hi"}]}}]},
        ),
        (
            {"contents": contents({"functionResponse": {"name": "f", "response": {}, "parts": [FILE]}})},
            {"contents": contents({"functionResponse": {"name": "f", "response": {}, "parts": [PUT]}})},
        ),
        (
            {"contents": contents({**FILE, "videoMetadata": {"fps": 1}})},
            {"contents": contents({**PUT, "videoMetadata": {"fps": 1}})},
        ),
    ],
)
def test_the_address_is_put_where_the_file_is_named(body, put):
    assert named_ahead(body) == {"file-a": "application/pdf"}
    before = repr(body)
    assert put_addresses(body, ADDRESSES) == put
    assert repr(body) == before


@pytest.mark.parametrize(
    "body",
    [
        {"contents": contents({"functionCall": {"name": "f", "args": FILE}})},
        {"contents": contents({"functionResponse": {"name": "f", "response": {"parts": [FILE]}}})},
        {"contents": contents({"text": "stored:file-a"}, {"fileData": {"fileUri": "https://x/stored:file-a"}})},
        {"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"parts": [FILE]}}]}]},
        {"generationConfig": {"responseJsonSchema": FILE}, "contents": contents({"fileData": None})},
    ],
)
def test_nothing_else_is_taken_for_the_name_of_a_file(body):
    assert named_ahead(body) == {}
    assert put_addresses(body, ADDRESSES) == body
