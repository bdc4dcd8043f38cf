"""Replies → completions and chunks: every kind of part, every way to end, and the same message by both ways out."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compat.schemas.chat import FunctionDefinition
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.tools import Declared
from tests.translation.answering import (
    CREATED,
    Kept,
    added_up,
    call,
    chunks_of,
    deltas,
    message,
    reply,
    streamed,
    whole,
)

FUNCTIONS = (FunctionDefinition("f"), FunctionDefinition("g"), FunctionDefinition("0day"))
USAGE = {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12}


# --- The objects -----------------------------------------------------------------------------------------


def test_a_completion_has_every_member_that_clients_read():
    made = whole({**reply("Hello"), "usageMetadata": USAGE, "modelVersion": "gemini-3.8-flash-001"})
    assert made == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": "gpt-4o",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 7,
            "completion_tokens": 5,
            "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
        "system_fingerprint": "gemini-3.8-flash-001",
    }


def test_a_stream_has_openais_order_of_chunks():
    made = chunks_of(streamed(reply("Hel", finish=None), reply("lo"), include_usage=True))
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": "gpt-4o"}
    assert all(head.items() <= chunk.items() for chunk in made)
    assert [chunk["choices"] for chunk in made] == [
        [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": "", "refusal": None},
                "logprobs": None,
                "finish_reason": None,
            }
        ],
        [{"index": 0, "delta": {"content": "Hel"}, "logprobs": None, "finish_reason": None}],
        [{"index": 0, "delta": {"content": "lo"}, "logprobs": None, "finish_reason": None}],
        [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}],
        [],
    ]
    assert [chunk["usage"] for chunk in made[:-1]] == [None] * 4
    assert made[-1]["usage"]["total_tokens"] == 0


def test_without_being_asked_for_usage_no_chunk_names_it():
    assert all("usage" not in chunk for chunk in chunks_of(streamed({**reply("Hi"), "usageMetadata": USAGE})))


def test_the_last_usage_of_a_stream_counts():
    first = {"promptTokenCount": 5, "candidatesTokenCount": 1, "totalTokenCount": 6}
    replies = [{**reply("a", finish=None), "usageMetadata": first}, {**reply("b"), "usageMetadata": USAGE}]
    usage = chunks_of(streamed(*replies, include_usage=True))[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (7, 5)


def test_line_ends_inside_of_a_text_do_not_end_the_line_of_an_event():
    text = "a\u2028b\u2029c\u0085d\r\ne\n\ndata: [DONE]\n\n😀"
    events = streamed(reply(text))
    assert "".join(delta.get("content", "") for delta in deltas(reply(text))) == text
    assert all(line == "" or line.startswith("data: ") for line in events.decode().splitlines())


# --- Parts -----------------------------------------------------------------------------------------------


def test_reasoning_comes_beside_the_text():
    made = message(reply({"text": "Hm. ", "thought": True}, {"text": "So.", "thought": True}, "Hi", " there"))
    assert (made["reasoning_content"], made["content"]) == ("Hm. So.", "Hi there")


def test_parts_of_server_side_tools_are_passed_over():
    parts = [
        {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"toolCall": {"id": "x", "toolType": "GOOGLE_SEARCH_WEB"}},
        {"unheardOf": {}},
        {},
    ]
    made = message(reply("a", *parts, "b"))
    assert made["content"] == "ab"
    assert "extra_content" not in made


def test_no_delta_is_empty():
    made = deltas(
        reply("", finish=None), reply({"text": "", "thought": True}, finish=None), reply("a", finish=None), reply()
    )
    assert [delta for delta in made[1:-1] if not any(delta.values())] == []


def test_calls_have_ids_of_their_own_and_are_numbered_across_the_stream():
    replies = [reply(call("f", {"x": 1}), call("f", {"x": 2}), finish=None), reply("and", call("g"))]
    made = [one for delta in deltas(*replies) for one in delta.get("tool_calls", [])]
    assert [(one["index"], one["id"]) for one in made] == [(0, "call_1"), (1, "call_2"), (2, "call_3")]
    assert [one["function"] for one in made] == [
        {"name": "f", "arguments": '{"x":1}'},
        {"name": "f", "arguments": '{"x":2}'},
        {"name": "g", "arguments": "{}"},
    ]


@pytest.mark.parametrize("args", [None, {}])
def test_no_arguments_are_an_empty_object(args):
    (made,) = message(reply(call("f", args)))["tool_calls"]
    assert made["function"]["arguments"] == "{}"
    assert "index" not in made


def test_content_is_null_beside_calls_alone_and_text_otherwise():
    assert message(reply(call("f")))["content"] is None
    assert message(reply("Wait.", call("f")))["content"] == "Wait."


@pytest.mark.parametrize(("gemini", "openai"), [("f", "f"), ("t__0day", "0day"), ("t__t__x", "t__x")])
def test_a_calls_name_is_the_clients_own(gemini, openai):
    assert message(reply(call(gemini)))["tool_calls"][0]["function"]["name"] == openai


def test_a_custom_tools_call_carries_its_text():
    declared = Declared((FunctionDefinition("shell"),), frozenset({"shell"}))
    (made,) = message(reply(call("shell", {"input": "ls"})), declared=declared)["tool_calls"]
    assert made == {"id": "call_1", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    (made,) = message(reply(call("shell")), declared=declared)["tool_calls"]
    assert made["custom"]["input"] == ""


def test_legacy_functions_are_answered_the_old_way():
    declared = Declared(FUNCTIONS, legacy=True, single=True)
    given_reply = reply(call("f", {"x": 1}), call("g"))
    (choice,) = whole(given_reply, declared=declared)["choices"]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": '{"x":1}'}
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"
    assert sum("function_call" in delta for delta in deltas(given_reply, declared=declared)) == 1


def test_without_parallel_calls_only_the_first_of_a_turn_is_answered():
    declared = Declared(FUNCTIONS, single=True)
    assert len(message(reply(call("f"), call("g")), declared=declared)["tool_calls"]) == 1
    made = deltas(reply(call("f"), finish=None), reply(call("g")), declared=declared)
    assert sum(len(delta.get("tool_calls", [])) for delta in made) == 1


# --- Signatures ------------------------------------------------------------------------------------------


def test_a_calls_signature_goes_to_the_client_and_into_the_memory():
    kept = Kept()
    first, second = message(reply(call("f", thoughtSignature="c2ln"), call("g")), kept=kept)["tool_calls"]
    assert first["extra_content"] == {"google": {"thought_signature": "c2ln"}}
    assert "extra_content" not in second
    assert kept == {first["id"]: "c2ln"}


def test_a_plain_answers_signature_comes_once_at_the_end():
    replies = [
        reply({"text": "Hi", "thoughtSignature": "b25l"}, finish=None),
        reply({"text": "", "thoughtSignature": "dHdv"}),
    ]
    made = [delta["extra_content"] for delta in deltas(*replies) if "extra_content" in delta]
    assert made == [{"google": {"thought_signature": "dHdv"}}]
    assert message(replies[0])["extra_content"] == {"google": {"thought_signature": "b25l"}}


def test_a_signature_of_a_megabyte_stays_here():
    kept, long = Kept(), "A" * 1_000_000
    made = message(reply({"text": "Hi", "thoughtSignature": long}, call("f", thoughtSignature=long)), kept=kept)
    assert "extra_content" not in made and "extra_content" not in made["tool_calls"][0]
    assert kept == {"call_1": long}


# --- Images and sounds -----------------------------------------------------------------------------------


def test_images_are_data_urls_numbered_across_the_stream():
    picture = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    made = deltas(reply("Here:", picture, finish=None), reply(picture))
    images = [image for delta in made for image in delta.get("images", [])]
    assert [image["index"] for image in images] == [0, 1]
    assert images[0]["image_url"] == {"url": "data:image/png;base64,iVBORw0KGgo="}
    assert message(reply(picture))["content"] == ""


def test_a_sound_is_openais_audio_object():
    sound = {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "AAAA"}}
    made = message(reply(sound), audio_format="pcm16")["audio"]
    assert made == {"id": "audio_call_1", "expires_at": CREATED + 3600, "data": "AAAA", "transcript": ""}


# --- Several candidates ----------------------------------------------------------------------------------


def several(*candidates):
    return {"candidates": [candidate for one in candidates for candidate in one["candidates"]]}


def test_candidates_are_choices_by_their_index_or_their_place():
    by_index = several(reply("b", index=1), reply("a", index=0))
    by_place = several(reply("a"), reply("b"))
    for given_reply in (by_index, by_place):
        choices = whole(given_reply)["choices"]
        assert [(choice["index"], choice["message"]["content"]) for choice in choices] == [(0, "a"), (1, "b")]
        assert [choice["message"]["content"] for choice in added_up(streamed(given_reply, choices=2))] == ["a", "b"]


def test_the_roles_of_a_stream_come_in_order_whatever_comes_first():
    made = chunks_of(streamed(several(reply("b", index=1), reply("a", index=0)), choices=2))
    assert [chunk["choices"][0]["index"] for chunk in made[:2]] == [0, 1]
    assert all("role" in chunk["choices"][0]["delta"] for chunk in made[:2])


def test_a_candidate_that_nobody_asked_for_is_passed_over():
    assert len(added_up(streamed(several(reply("a"), reply("b")), choices=1))) == 1


def test_one_empty_choice_beside_a_good_one_is_answered():
    choices = whole(several(reply("a"), reply("")))["choices"]
    assert [choice["message"]["content"] for choice in choices] == ["a", ""]


# --- Ends ------------------------------------------------------------------------------------------------

ENDS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "ESCALATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "MALFORMED_FUNCTION_CALL": "stop",
    "UNEXPECTED_TOOL_CALL": "stop",
    "TOO_MANY_TOOL_CALLS": "stop",
    "MALFORMED_RESPONSE": "stop",
    "MISSING_THOUGHT_SIGNATURE": "stop",
    "NO_IMAGE": "stop",
    "IMAGE_OTHER": "stop",
    "OTHER": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "INVENTED_LAST_NIGHT": "stop",
}


@pytest.mark.parametrize(("finish", "expected"), ENDS.items())
def test_every_end_of_a_text(finish, expected):
    assert whole(reply("Hi", finish=finish))["choices"][0]["finish_reason"] == expected
    (choice,) = added_up(streamed(reply("Hi", finish=finish)))
    assert (choice["finish_reason"], choice["message"]["content"], choice["message"]["refusal"]) == (
        expected,
        "Hi",
        None,
    )


@pytest.mark.parametrize("finish", ENDS)
def test_every_end_of_a_call(finish):
    expected = "tool_calls" if ENDS[finish] == "stop" else ENDS[finish]
    assert whole(reply(call("f"), finish=finish))["choices"][0]["finish_reason"] == expected
    (choice,) = added_up(streamed(reply(call("f"), finish=finish)))
    assert choice["finish_reason"] == expected


@pytest.mark.parametrize("finish", [name for name, end in ENDS.items() if end == "content_filter"])
def test_an_answer_that_was_withheld_says_why(finish):
    for given_reply in (reply(finish=finish), reply({"text": "Hm", "thought": True}, finish=finish)):
        made = message(given_reply)
        assert made["content"] is None
        assert finish in made["refusal"]
        (choice,) = added_up(streamed(given_reply))
        assert (choice["finish_reason"], choice["message"]["refusal"]) == ("content_filter", made["refusal"])


@pytest.mark.parametrize("finish", ["MAX_TOKENS", "CONTINUATION"])
def test_an_answer_that_was_cut_before_it_began_is_empty_and_says_length(finish):
    given_reply = reply(finish=finish)
    (choice,) = whole(given_reply)["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "length")
    (choice,) = added_up(streamed(given_reply))
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "length")


@pytest.mark.parametrize("finish", [name for name, end in ENDS.items() if end == "stop"])
@pytest.mark.parametrize("parts", [(), ("",), ({"text": "Hm", "thought": True},)])
def test_nothing_at_all_is_no_answer(finish, parts):
    with pytest.raises(EmptyAnswer):
        whole(reply(*parts, finish=finish))
    with pytest.raises(EmptyAnswer):
        streamed(reply(*parts, finish=finish))


@pytest.mark.parametrize("given_reply", [{}, {"candidates": []}, {"candidates": None}])
def test_no_candidate_is_no_answer(given_reply):
    with pytest.raises(EmptyAnswer):
        whole(given_reply)


def test_a_stop_in_the_middle_does_not_end_a_stream():
    replies = [reply("a", finish=None), reply(), reply("b", finish=None), reply(finish="MAX_TOKENS")]
    (choice,) = added_up(streamed(*replies))
    assert (choice["message"]["content"], choice["finish_reason"]) == ("ab", "length")


# --- Both ways out ---------------------------------------------------------------------------------------

_text = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["\u2028", "\r\n\r\n", "data: [DONE]", '"', "😀é"]
)
_signature = st.none() | st.sampled_from(["c2ln", "b25l"])
_part = st.one_of(
    st.builds(lambda text, sig: {"text": text} | ({"thoughtSignature": sig} if sig else {}), _text, _signature),
    st.builds(lambda text: {"text": text, "thought": True}, _text),
    st.builds(
        lambda name, args, sig: call(name, args, **({"thoughtSignature": sig} if sig else {})),
        st.sampled_from(["f", "g", "t__0day"]),
        st.none() | st.dictionaries(_text, st.integers() | _text, max_size=2),
        _signature,
    ),
    st.just({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}),
    st.just({"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}),
    st.just({"executableCode": {"language": "PYTHON", "code": "1"}}),
    st.just({}),
)
_grounding = st.none() | st.builds(
    lambda start, end: {
        "groundingChunks": [{"web": {"uri": "https://example.com", "title": "e"}}, {}],
        "groundingSupports": [{"segment": {"startIndex": start, "endIndex": end}, "groundingChunkIndices": [0, 1, 9]}],
    },
    st.integers(0, 20),
    st.integers(0, 40),
)
_logprobs = st.none() | st.just({"chosenCandidates": [{"token": "é", "logProbability": -0.5}]})
_declared = st.sampled_from(
    [Declared(), Declared(FUNCTIONS), Declared(FUNCTIONS, single=True), Declared(FUNCTIONS, frozenset({"g"}))]
)


def _split(parts, cuts):
    edges = [0, *sorted(cuts), len(parts)]
    return [parts[start:end] for start, end in itertools.pairwise(edges)]


@settings(max_examples=300)
@given(
    parts=st.lists(_part, max_size=8),
    cuts=st.lists(st.integers(0, 8), max_size=4),
    finish=st.sampled_from(list(ENDS)),
    grounding=_grounding,
    logprobs=_logprobs,
    declared=_declared,
)
def test_whole_or_streamed_in_any_pieces_the_message_is_the_same(parts, cuts, finish, grounding, logprobs, declared):
    ending = {name: value for name, value in (("groundingMetadata", grounding), ("logprobsResult", logprobs)) if value}
    pieces = [reply(*piece, finish=None) for piece in _split(parts, [min(cut, len(parts)) for cut in cuts])]
    pieces[-1]["candidates"][0] |= {"finishReason": finish, **ending}
    try:
        (expected,) = whole(reply(*parts, finish=finish, **ending), declared=declared)["choices"]
    except EmptyAnswer:
        with pytest.raises(EmptyAnswer):
            streamed(*pieces, declared=declared)
        return
    (made,) = added_up(streamed(*pieces, declared=declared))
    # A stream says "" before it is known whether there will be a text, and no list without an element.
    expected["message"]["content"] = expected["message"]["content"] or ""
    if not expected["message"]["annotations"]:
        del expected["message"]["annotations"]
    assert made == json.loads(json.dumps(expected))
