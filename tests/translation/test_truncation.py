"""truncation: auto. What is left out of a conversation that is too long, and what stays."""

import json
from typing import Any

import pytest

from compat.gemini.failures import failure_of, share_that_fits
from compat.translation.truncation import CutTranslation, cut
from tests.gemini_replies import error
from tests.translation.responding import chat

LONG = "x" * 4_000


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def call(name: str) -> list[dict[str, Any]]:
    return [
        {"type": "function_call", "call_id": name, "name": name, "arguments": "{}"},
        {"type": "function_call_output", "call_id": name, "output": LONG},
    ]


def left(most: int, *items: dict[str, Any]) -> list[str]:
    """The texts, and the names of calls and results, that are left."""
    request = chat(input=list(items), instructions="Be brief.")
    request.messages = cut(request.messages, most)
    body = CutTranslation(request, lambda *_: None).to_body("gemini-2.5-flash", 1)
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    found = []
    for content in body["contents"]:
        for part in content["parts"]:
            named = part.get("functionCall") or part.get("functionResponse") or {}
            found.append(part.get("text", "")[:3].strip() or named.get("name", ""))
    return [one for one in found if one]


OLD = (user("1: " + LONG), said("a: " + LONG), user("2: " + LONG), said("b: " + LONG), user("3: " + LONG))


@pytest.mark.parametrize(
    ("most", "texts"),
    [
        (6_000, ["1:", "a:", "2:", "b:", "3:"]),
        (4_500, ["2:", "b:", "3:"]),
        (3_100, ["2:", "b:", "3:"]),
        (2_500, ["3:"]),
        (0, ["3:"]),
    ],
)
def test_the_oldest_go_until_the_rest_fits(most, texts):
    """With a user's words goes what they were answered, so that what is left begins with the user."""
    assert left(most, *OLD) == texts


def test_a_call_goes_with_its_result():
    items = [user("1"), *call("f"), *call("g"), *call("h")]
    assert left(10_000, *items) == ["1", "f", "f", "g", "g", "h", "h"]
    assert left(2_200, *items) == ["1", "g", "g", "h", "h"]
    # The last words of the user, and what the model is to go on from.
    assert left(0, *items) == ["1", "h", "h"]


def test_instructions_within_a_conversation_stay():
    items = [user("1: " + LONG), {"role": "developer", "content": "Rule."}, said("a: " + LONG), user("2")]
    request = chat(input=items)
    request.messages = cut(request.messages, 10)
    body = CutTranslation(request, lambda *_: None).to_body("gemini-2.5-flash", 1)
    assert body["systemInstruction"]["parts"] == [{"text": "Rule."}]
    assert [part for content in body["contents"] for part in content["parts"]] == [{"text": "2"}]


def test_a_prompt_that_is_surely_too_long_is_cut_before_it_is_sent():
    items = [user("1: " + LONG), said("a: " + LONG), user("2: " + LONG * 4), said("b: " + LONG * 4), user("3")]
    translation = CutTranslation(chat(input=items), lambda *_: None)
    speech = translation.to_body("gemini-2.5-flash-preview-tts", 1)["contents"]
    assert speech[0]["parts"][0]["text"].startswith("2")
    assert len(translation.to_body("gemini-2.5-flash", 1)["contents"]) == 5


def test_a_shorter_body_has_the_share_that_is_wanted():
    translation = CutTranslation(chat(input=list(OLD)), lambda *_: None)
    shorter = translation.to_shorter("gemini-2.5-flash", 1, 0.7)
    assert shorter is not None
    assert [content["parts"][0]["text"][:1] for content in shorter["contents"]] == ["2", "b", "3"]
    alone = CutTranslation(chat(input=LONG), lambda *_: None)
    assert alone.to_shorter("gemini-2.5-flash", 1, 0.5) is None


@pytest.mark.parametrize(
    ("sentence", "share"),
    [
        ("The input token count (2000) exceeds the maximum number of tokens allowed (1000).", 0.475),
        ("The input token count 2000 exceeds the maximum number of tokens allowed 1000.", 0.475),
        ("The input token count exceeds the maximum number of tokens allowed 1048576.", 0.5),
    ],
)
def test_what_gemini_says_of_the_length_is_heeded(sentence, share):
    found = failure_of(400, json.dumps(error(400, "INVALID_ARGUMENT", sentence)).encode())
    assert found.failure.name == "too_long"
    assert share_that_fits(found.facts) == pytest.approx(share)
