"""embeddings ↔ batchEmbedContents: inputs in every form, vectors of unit length in two."""

import base64
import json
import math
import struct

import msgspec
import pytest

from compat.schemas.embeddings import EmbeddingRequest
from compat.schemas.gemini import Embedding, EmbeddingReply
from compat.simulator.validation import violations
from compat.translation.decoding import decode
from compat.translation.embeddings import EmbeddingTranslation, to_embeddings
from compat.translation.refusals import Untranslatable

_embedding = msgspec.json.Decoder(EmbeddingRequest)
MODEL = "gemini-embedding-2"
# bpe-openai opens its table in a way that Python calls old.
pytestmark = pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")
HELLO = [15339, 1917]  # "hello world" in cl100k_base


def translated(default_dimensions=None, **members):
    request = {"model": "text-embedding-3-small", "input": "Hi", **members}
    return EmbeddingTranslation(decode(json.dumps(request).encode(), _embedding), default_dimensions)


def texts(**members):
    made = translated(**members)
    bodies = [made.to_body(MODEL, first, count) for first, count in made.slices()]
    assert all(violations(MODEL, body, "batchEmbedContents") == [] for body in bodies)
    return [[one["content"]["parts"][0]["text"] for one in body["requests"]] for body in bodies]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Hi", ["Hi"]),
        (["Hi"], ["Hi"]),
        (["a", "b"], ["a", "b"]),
        (HELLO, ["hello world"]),
        ([HELLO, [15339]], ["hello world", "hello"]),
        (" ", [" "]),
    ],
)
def test_every_form_of_input(given, expected):
    assert texts(input=given) == [expected]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (None, "invalid_type"),
        ("", "invalid_value"),
        ([], "missing_required_parameter"),
        (["a", ""], "invalid_value"),
        ([[]], "invalid_value"),
        (["a", 5], "invalid_value"),
        ([-1], "invalid_value"),
        ([10**9], "invalid_value"),
        (["a"] * 2_049, "array_above_max_length"),
        (5, "invalid_type"),
        ({"text": "a"}, "invalid_type"),
    ],
)
def test_what_is_no_input_is_refused(given, code):
    with pytest.raises(Untranslatable) as error:
        translated(input=given)
    assert error.value.code == code and error.value.param.startswith("input")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("dimensions", 0, "integer_below_min_value"),
        ("dimensions", 3_073, "integer_above_max_value"),
        ("dimensions", "5", "invalid_type"),
        ("encoding_format", "hex", "invalid_value"),
        ("user", 5, "invalid_type"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name(name, value, code):
    with pytest.raises(Untranslatable) as error:
        translated(**{name: value})
    assert (error.value.code, error.value.param) == (code, name)


@pytest.mark.parametrize(("count", "slices"), [(1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
def test_many_texts_go_in_slices_of_a_hundred(count, slices):
    made = texts(input=[str(i) for i in range(count)])
    assert [len(one) for one in made] == slices
    assert [text for one in made for text in one] == [str(i) for i in range(count)]


@pytest.mark.parametrize(
    ("asked", "default", "sent"), [(None, None, None), (None, 1536, 1536), (256, 1536, 256), (256, None, 256)]
)
def test_the_length_of_vectors_is_the_clients_or_the_mappings(asked, default, sent):
    (one,) = translated(default, dimensions=asked).to_body(MODEL, 0, 1)["requests"]
    assert one.get("outputDimensionality") == sent
    assert one["model"] == f"models/{MODEL}"


def answered(*vectors, as_base64=False):
    replies = [
        EmbeddingReply([Embedding(vector) for vector in vectors[:1]]),
        EmbeddingReply([Embedding(v) for v in vectors[1:]]),
    ]
    return json.loads(to_embeddings("text-embedding-3-small", replies, 9, as_base64=as_base64))


def test_vectors_come_in_order_at_length_one():
    made = answered([3.0, 4.0], [0.0, 2.0], [1.0, 0.0])
    assert [(one["index"], one["embedding"]) for one in made["data"]] == [
        (0, [0.6, 0.8]),
        (1, [0.0, 1.0]),
        (2, [1.0, 0.0]),
    ]
    assert made["object"] == "list" and made["model"] == "text-embedding-3-small"
    assert made["usage"] == {"prompt_tokens": 9, "total_tokens": 9}
    assert {one["object"] for one in made["data"]} == {"embedding"}


def test_base64_is_little_endian_floats_of_four_bytes():
    (one,) = answered([3.0, 4.0], as_base64=True)["data"]
    values = struct.unpack("<2f", base64.b64decode(one["embedding"]))
    assert values == pytest.approx((0.6, 0.8)) and math.hypot(*values) == pytest.approx(1)


def test_a_vector_of_nothing_stays():
    assert answered([0.0, 0.0])["data"][0]["embedding"] == [0.0, 0.0]


def test_characters_are_counted_for_an_estimate():
    assert translated(input=["ab", "cde"]).characters == 5
