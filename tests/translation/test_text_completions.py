"""completions, the legacy endpoint: prompts in every form, and texts back with n choices of each."""

import json

import msgspec
import pytest

from compat.schemas.completions import CompletionRequest
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.chat.request import ChatTranslation
from compat.translation.completions import TextChunks, to_chats, to_text_completion
from compat.translation.decoding import decode
from compat.translation.refusals import Untranslatable
from compat.translation.usage import Usage
from tests.translation.answering import call, decoded, reply

_completion = msgspec.json.Decoder(CompletionRequest)
# bpe-openai opens its table in a way that Python calls old.
pytestmark = pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")
HELLO = [15339, 1917]  # "hello world" in cl100k_base


def request(**members):
    return decode(json.dumps({"model": "gpt-3.5-turbo-instruct", "prompt": "Hi", **members}).encode(), _completion)


def bodies(**members):
    chats = to_chats(request(**members))
    return [ChatTranslation(chat, lambda *_: None).to_body("gemini-2.5-flash", 1) for _, chat in chats]


def refused(**members):
    with pytest.raises(Untranslatable) as error:
        bodies(**members)
    return error.value


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("Hi", ["Hi"]),
        (["Hi", "Ho"], ["Hi", "Ho"]),
        (HELLO, ["hello world"]),
        ([HELLO, [15339]], ["hello world", "hello"]),
        ([HELLO], ["hello world"]),
    ],
)
def test_each_prompt_is_one_turn_of_the_user(prompt, texts):
    assert [made["contents"] for made in bodies(prompt=prompt)] == [
        [{"role": "user", "parts": [{"text": text}]}] for text in texts
    ]


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        (None, "missing_required_parameter"),
        ([], "missing_required_parameter"),
        ("", "invalid_value"),
        (["a", ""], "invalid_value"),
        ([[]], "invalid_value"),
        (["a", 5], "invalid_value"),
        (["a", [5]], "invalid_value"),
        ([5, [5]], "invalid_value"),
        ([-1], "invalid_value"),
        ([10**9], "invalid_value"),
        ([2**40], "invalid_value"),
        ([[15339], [10**9]], "invalid_value"),
        (["a"] * 33, "array_above_max_length"),
        (5, "invalid_type"),
        ({"a": 1}, "invalid_type"),
        ([1.5], "invalid_type"),
        ([True], "invalid_type"),
        ([None], "invalid_type"),
    ],
)
def test_what_is_no_prompt_is_refused(prompt, code):
    error = refused(prompt=prompt)
    assert error.code == code
    assert error.param.startswith("prompt")


def test_parameters_are_those_of_a_chat():
    (made,) = bodies(
        max_tokens=5_000, temperature=0.5, top_p=0.5, stop="x", seed=3, presence_penalty=1, frequency_penalty=1
    )
    assert made["generationConfig"] == {
        "maxOutputTokens": 5_000,
        "temperature": 0.5,
        "topP": 0.5,
        "stopSequences": ["x"],
        "seed": 3,
        "presencePenalty": 1,
        "frequencyPenalty": 1,
    }


def test_without_a_limit_there_is_none():
    assert "generationConfig" not in bodies()[0]


@pytest.mark.parametrize(
    ("members", "code", "param"),
    [
        ({"suffix": "end"}, "unsupported_parameter", "suffix"),
        ({"max_tokens": 0}, "integer_below_min_value", "max_tokens"),
        ({"n": 17}, "integer_above_max_value", "n"),
        ({"best_of": 21}, "integer_above_max_value", "best_of"),
        ({"logprobs": 6}, "integer_above_max_value", "logprobs"),
        ({"stop": ""}, "invalid_value", "stop"),
        ({"stream_options": {}}, "invalid_value", "stream_options"),
        ({"echo": "yes"}, "invalid_type", "echo"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_name(members, code, param):
    error = refused(**members)
    assert (error.code, error.param) == (code, param)


@pytest.mark.parametrize("suffix", [None, ""])
def test_no_suffix_is_no_wish(suffix):
    assert bodies(suffix=suffix) == bodies()


# --- Answers ---------------------------------------------------------------------------------------------


def whole(*replies, echoes=("",), **members):
    made = [(first, decoded(one)) for first, one in replies]
    usage = Usage(prompt=3, completion=2, known=True)
    return json.loads(to_text_completion("cmpl-1", request(**members), 5, list(echoes), made, usage))


def streamed(*replies, echoes=("",), **members):
    chunks = TextChunks("cmpl-1", request(**members), 5, list(echoes))
    events = b"".join(chunks.read(first, decoded(one)) for first, one in replies) + chunks.close(Usage())
    blocks = events.decode().split("\n\n")
    assert blocks.pop() == "" and blocks.pop() == "data: [DONE]"
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def added_up(chunks):
    texts, ends = {}, {}
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        texts[choice["index"]] = texts.get(choice["index"], "") + choice["text"]
        ends[choice["index"]] = choice["finish_reason"] or ends.get(choice["index"])
    return [(index, texts[index], ends[index]) for index in sorted(texts)]


def test_a_text_completion_has_every_member():
    assert whole((0, reply("Hello", {"text": "hm", "thought": True}))) == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 5,
        "model": "gpt-3.5-turbo-instruct",
        "choices": [{"text": "Hello", "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": whole((0, reply("x")))["usage"],
    }


def test_choices_of_several_prompts_are_numbered_by_prompt_and_choice():
    second = {"candidates": [reply("c")["candidates"][0], reply("d", finish="MAX_TOKENS")["candidates"][0]]}
    first = {"candidates": [reply("b", index=1)["candidates"][0], reply("a", index=0)["candidates"][0]]}
    echoes = ["1:", "1:", "2:", "2:"]
    expected = [(0, "1:a", "stop"), (1, "1:b", "stop"), (2, "2:c", "stop"), (3, "2:d", "length")]
    made = whole((2, second), (0, first), echoes=echoes)["choices"]
    assert [(choice["index"], choice["text"], choice["finish_reason"]) for choice in made] == expected
    assert added_up(streamed((2, second), (0, first), echoes=echoes)) == expected


def test_a_candidate_that_nobody_asked_for_is_passed_over():
    extra = {"candidates": [*reply("a")["candidates"], *reply("b")["candidates"], reply("c", index=7)["candidates"][0]]}
    assert [choice["text"] for choice in whole((0, extra))["choices"]] == ["a"]
    assert added_up(streamed((0, extra))) == [(0, "a", "stop")]


def test_a_stream_says_the_echo_once_and_the_end_last():
    made = streamed((0, reply("a", finish=None)), (0, reply("", finish=None)), (0, reply("b")), echoes=["Hi "])
    assert [choice["text"] for chunk in made for choice in chunk["choices"]] == ["Hi a", "b", ""]
    assert [choice["finish_reason"] for chunk in made for choice in chunk["choices"]] == [None, None, "stop"]


def test_usage_of_a_stream_comes_when_asked_for():
    plain = streamed((0, reply("a")), stream=True)
    assert all("usage" not in chunk for chunk in plain)
    asked = streamed((0, reply("a")), stream=True, stream_options={"include_usage": True})
    assert [chunk["usage"] is None for chunk in asked] == [True, True, False]
    assert asked[-1]["choices"] == []


def test_logprobs_are_parallel_lists():
    result = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.5}, {"token": "!", "logProbability": -1}],
        "topCandidates": [{"candidates": [{"token": "e", "logProbability": -2}]}, {}],
    }
    (choice,) = whole((0, reply("é!", logprobsResult=result)))["choices"]
    assert choice["logprobs"] == {
        "tokens": ["é", "!"],
        "token_logprobs": [-0.5, -1.0],
        "top_logprobs": [{"e": -2.0}, {}],
        "text_offset": [0, 1],
    }


@pytest.mark.parametrize("finish", ["STOP", "OTHER"])
@pytest.mark.parametrize("parts", [(), ("",), ({"text": "hm", "thought": True},), (call("f"),)])
def test_nothing_at_all_is_no_answer_even_with_an_echo(finish, parts):
    with pytest.raises(EmptyAnswer):
        whole((0, reply(*parts, finish=finish)))
    with pytest.raises(EmptyAnswer):
        whole((0, reply(*parts, finish=finish)), echoes=["Hi"])
    with pytest.raises(EmptyAnswer):
        streamed((0, reply(*parts, finish=finish)), echoes=["Hi"])


@pytest.mark.parametrize(("finish", "expected"), [("MAX_TOKENS", "length"), ("SAFETY", "content_filter")])
def test_an_answer_that_was_cut_or_withheld_says_so(finish, expected):
    assert whole((0, reply(finish=finish)))["choices"][0]["finish_reason"] == expected
    assert added_up(streamed((0, reply(finish=finish)))) == [(0, "", expected)]


def test_a_stream_knows_whether_it_was_cut_off():
    chunks = TextChunks("cmpl-1", request(), 5, [""])
    assert chunks.unfinished()
    chunks.read(0, decoded(reply("a", finish=None)))
    assert chunks.unfinished()
    chunks.read(0, decoded(reply("b")))
    assert not chunks.unfinished()
