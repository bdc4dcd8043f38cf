"""Images over TCP: the official openai packages ask for them, change them, and open their links."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from tests.gemini_replies import OVERLOADED, reply
from tests.live.gateway import Gateway, eventually
from tests.live.openapi import check
from tests.scripted_gemini import ScriptedGemini

FLASH = "gemini-3.1-flash-image"


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=20, max_retries=0) as client:
        yield client


@pytest.fixture
def model(model: str) -> str:
    """A model that draws and that no other test asks for."""
    return f"{FLASH}--{model[-10:]}"


def png(size: tuple[int, int] = (8, 8)) -> io.BytesIO:
    written = io.BytesIO()
    Image.new("RGBA", size, (0, 0, 0, 0)).save(written, "PNG")
    written.seek(0)
    written.name = "cat.png"
    return written


def opened(data: str | None) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data or "")))


def test_generate_gives_images_of_the_shape_that_was_asked_for(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    answer = client.images.generate(model=model, prompt="A cat", n=2, size="1536x1024")
    assert answer.data is not None
    assert [opened(one.b64_json).size for one in answer.data] == [(1248, 832)] * 2
    assert answer.usage is not None and answer.usage.total_tokens == 24
    assert len(gemini.calls_of(model)) == 2


def test_the_names_of_openais_models_lead_to_models_that_draw(client: openai.OpenAI, gemini: ScriptedGemini) -> None:
    for name in ("gpt-image-1", "gpt-image-1-mini", "gpt-image-2", "dall-e-3", "dall-e-2"):
        answer = client.images.generate(model=name, prompt="A cat", response_format="b64_json")
        assert answer.data and opened(answer.data[0].b64_json).size == (1024, 1024)
        assert answer.output_format == "png"


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_edit_sends_files_and_takes_a_format(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str, output_format: Any
) -> None:
    answer = client.images.edit(
        model=model, image=[png(), png()], mask=png(), prompt="A hat", n=1, output_format=output_format
    )
    assert answer.data and opened(answer.data[0].b64_json).format == output_format.upper()
    [call] = gemini.calls_of(model)
    assert [list(part) for part in call.json["contents"][0]["parts"]] == [["inlineData"]] * 3 + [["text"]]


def test_one_image_may_be_edited_and_streamed(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    stream = client.images.edit(model=model, image=png(), prompt="A hat", stream=True, partial_images=1)
    [event] = list(stream)
    assert event.type == "image_edit.completed"
    check(event.to_dict(), "ImageEditStreamEvent")


def test_generate_streams(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    events = list(client.images.generate(model=model, prompt="A cat", stream=True, n=3))
    assert [event.type for event in events] == ["image_generation.completed"] * 3
    for event in events:
        check(event.to_dict(), "ImageGenStreamEvent")


def test_a_link_opens_for_anybody_who_has_it(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    answer = client.images.generate(model=model, prompt="A cat", response_format="url", size="1024x1024")
    assert answer.data and answer.data[0].url
    with httpx.Client(trust_env=False) as anybody:
        got = anybody.get(answer.data[0].url)
        assert Image.open(io.BytesIO(got.content)).size == (1024, 1024)
        assert got.headers["content-type"] == "image/png"
        assert anybody.head(answer.data[0].url).headers["content-length"] == str(len(got.content))
        assert anybody.get(answer.data[0].url[:-1]).status_code == 404


def test_a_failing_key_is_replaced_unseen(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer(OVERLOADED, 503, model=model, times=1)
    answer = client.images.with_raw_response.generate(model=model, prompt="A cat")
    assert answer.headers["x-tumbler-attempts"] == "2"


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_a_bad_request_with_openais_code(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    refused = reply(finish="IMAGE_SAFETY")
    if stream:
        gemini.will_stream(b"data: " + json.dumps(refused).encode() + b"\r\n\r\n", model=model)
    else:
        gemini.will_answer(refused, model=model)
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model=model, prompt="A cat", stream=stream)
    assert caught.value.code == "moderation_blocked"


def test_a_client_that_leaves_ends_every_call(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer(reply(), delay=20, model=model)
    with pytest.raises(httpx.ReadTimeout):
        gateway.http.post("/v1/images/generations", json={"model": model, "prompt": "A cat", "n": 3}, timeout=0.5)
    calls = gemini.calls_of(model)
    assert len(calls) == 3
    assert eventually(lambda: all(call.left for call in calls))


def test_a_chat_with_a_model_that_draws_brings_images(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_answer(reply("Here:", {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}), model=model)
    completion = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "A cat"}], extra_body={"modalities": ["text", "image"]}
    )
    message = completion.choices[0].message.to_dict()
    assert message["images"] == [
        {"index": 0, "type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    ]
