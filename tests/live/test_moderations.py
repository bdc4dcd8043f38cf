"""Moderations over TCP: the official openai package asks, each content is a call of its own, and all are one record."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from compat.translation.moderations.categories import CATEGORIES, member_of
from tests.gemini_replies import OVERLOADED, reply
from tests.live.gateway import Gateway
from tests.live.openapi import ERROR, check
from tests.scripted_gemini import ScriptedGemini
from tests.scripted_wire import Call, Wire, send_whole

PNG = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture
def client(one_gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{one_gateway.url}/v1", api_key=one_gateway.token, timeout=20, max_retries=0
    ) as client:
        yield client


async def judge(call: Call, wire: Wire) -> None:
    """Finds violence where the word is."""
    told = json.dumps(call.json["contents"]).lower()
    scores = {member_of(name): 0.97 if name in told else 0.01 for name in CATEGORIES}
    body = json.dumps(reply(json.dumps(scores))).encode()
    await send_whole(wire, 200, {"Content-Type": "application/json"}, body, "length")


def test_texts_are_judged_one_by_one(
    client: openai.OpenAI, one_gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will(judge, model=model)
    made = client.moderations.create(model=model, input=["Good morning!", "Violence!", "Bye."])
    check(made.model_dump(by_alias=True), "CreateModerationResponse")
    assert (made.id[:5], made.model) == ("modr-", model)
    assert [result.flagged for result in made.results] == [False, True, False]
    assert made.results[1].categories.violence and not made.results[1].categories.hate_threatening
    assert len(gemini.calls_of(model)) == 3
    (row,) = one_gateway.usage_rows(model)
    assert (row["endpoint"], row["status"], row["prompt_tokens"], row["attempts"]) == ("moderations", 200, 21, 3)


def test_a_picture_and_its_text_are_one_content(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    gemini.will(judge, model=model)
    parts: Any = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": PNG}}]
    (result,) = client.moderations.create(model=model, input=parts).results
    assert result.category_applied_input_types.violence == ["text", "image"]
    (call,) = gemini.calls_of(model)
    assert [set(part) for part in call.json["contents"][0]["parts"]] == [{"text"}, {"inlineData"}]


def test_what_gemini_blocks_is_flagged_and_no_error(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, model=model)
    assert client.moderations.create(model=model, input="…").results[0].flagged


def test_an_answer_without_scores_is_asked_for_again(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer(reply("I would rather not."), model=model, times=1)
    gemini.will_refuse(503, OVERLOADED, model=model, times=1)
    gemini.will(judge, model=model)
    answer = client.moderations.with_raw_response.create(model=model, input="Hello")
    assert (answer.parse().results[0].flagged, answer.headers["x-tumbler-attempts"]) == (False, "3")


BAD: list[tuple[dict[str, Any], int, str | None]] = [
    ({}, 400, "input"),
    ({"input": None}, 400, "input"),
    ({"input": ""}, 400, "input"),
    ({"input": []}, 400, "input"),
    ({"input": ["a"] * 33}, 400, "input"),
    ({"input": [5]}, 400, "input[0]"),
    ({"input": [{"type": "audio"}]}, 400, "input[0].type"),
    ({"input": [{"type": "image_url", "image_url": {"url": "http://10.0.0.1/a.png"}}]}, 400, "input[0].image_url"),
    ({"input": "a", "model": 5}, 400, "model"),
    ({"input": "a", "model": "tts-1"}, 400, "model"),
    ({"input": "a", "model": "no model"}, 404, "model"),
]


@pytest.mark.parametrize(("body", "status", "param"), BAD, ids=lambda value: str(value)[:50])
def test_what_is_wrong_is_told_by_its_member(
    one_gateway: Gateway, gemini: ScriptedGemini, body: dict[str, Any], status: int, param: str | None
) -> None:
    answer = one_gateway.post("/v1/moderations", body)
    assert answer.status_code == status, answer.text
    check(answer.json(), ERROR)
    assert answer.json()["error"]["param"] == param
    assert not gemini.calls
