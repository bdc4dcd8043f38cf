"""Streams: framing, order, running counts, and what differs between families."""

import pytest

from tests.simulator.asking import said, text_of

FLASH_25 = "gemini-2.5-flash"
FLASH = "gemini-3.8-flash"
TOOLS = {"tools": [{"functionDeclarations": [{"name": "get_time"}]}]}


def finishes(events):
    return [
        candidate["finishReason"]
        for event in events
        for candidate in event.get("candidates", [])
        if "finishReason" in candidate
    ]


async def test_text_comes_word_by_word_and_ends_once(gemini):
    events = await gemini.stream(FLASH_25, said("one two three"))

    assert [text_of(event) for event in events] == ["You ", "said: ", "one ", "two ", "three"]
    assert finishes(events) == ["STOP"]
    assert "finishReason" in events[-1]["candidates"][0]


async def test_gemini_3_ends_with_an_empty_signed_text(gemini):
    events = await gemini.stream(FLASH, said("one"))

    (part,) = events[-1]["candidates"][0]["content"]["parts"]
    assert part["text"] == ""
    assert "thoughtSignature" in part
    assert not any("thoughtSignature" in str(event) for event in events[:-1])


@pytest.mark.parametrize("model", [FLASH_25, FLASH])
async def test_counts_are_a_running_total_that_ends_as_the_whole_reply_says(gemini, model):
    events = await gemini.stream(model, said("one two three"))
    whole = await gemini.generate(model, said("one two three"))

    counts = [event["usageMetadata"].get("candidatesTokenCount", 0) for event in events]
    assert counts == sorted(counts)
    assert events[-1]["usageMetadata"] == whole["usageMetadata"]


async def test_id_and_version_repeat(gemini):
    events = await gemini.stream(FLASH, said("one two"))

    assert len({(event["responseId"], event["modelVersion"]) for event in events}) == 1


async def test_thoughts_come_first(gemini):
    body = said("one", generationConfig={"thinkingConfig": {"includeThoughts": True}})
    parts = [event["candidates"][0]["content"]["parts"][0] for event in await gemini.stream(FLASH, body)]

    assert [part.get("thought", False) for part in parts] == [True, True, False, False, False, False]


@pytest.mark.parametrize(("model", "calls_an_event"), [(FLASH_25, [2]), (FLASH, [1, 1, 0])])
async def test_calls_come_whole(gemini, model, calls_an_event):
    events = await gemini.stream(model, said("get_time twice", **TOOLS))

    parts = [event["candidates"][0]["content"]["parts"] for event in events]
    assert [sum("functionCall" in part for part in of_event) for of_event in parts] == calls_an_event
    assert finishes(events) == ["STOP"]


async def test_candidates_take_turns(gemini):
    events = await gemini.stream(FLASH_25, said("one", generationConfig={"candidateCount": 2}))

    assert [event["candidates"][0]["index"] for event in events] == [0, 1, 0, 1, 0, 1]
    assert finishes(events) == ["STOP", "STOP"]


async def test_grounding_comes_with_the_last_event(gemini):
    events = await gemini.stream(FLASH_25, said("one two", tools=[{"googleSearch": {}}]))

    assert ["groundingMetadata" in event["candidates"][0] for event in events] == [False, False, False, True]


async def test_a_long_text_comes_in_groups_of_words(gemini):
    text = "word " * 1_000
    events = await gemini.stream(FLASH_25, said(text))

    assert len(events) <= 48
    assert text_of(*events) == f"You said: {text}"


async def test_without_sse_the_stream_is_one_json_array(gemini):
    response = await gemini.post(FLASH_25, said("one two"), method="streamGenerateContent")

    assert response.headers["content-type"].startswith("application/json")
    assert text_of(*response.json()) == "You said: one two"


async def test_an_error_before_the_stream_is_an_object_or_a_list_of_one(gemini):
    body = {"contents": []}
    sse = await gemini.post(FLASH, body, method="streamGenerateContent?alt=sse")
    array = await gemini.post(FLASH, body, method="streamGenerateContent")

    assert (sse.status_code, sse.headers["content-type"]) == (400, "text/event-stream")
    assert array.json() == [sse.json()]
