"""The official google-genai package over TCP, told nothing but this server's address: what its users write works here."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest
from google import genai
from google.genai import errors, types

from tests.gemini_replies import OVERLOADED, error, events, reply
from tests.live.gateway import Gateway
from tests.live.recorded import recordings
from tests.scripted_gemini import ScriptedGemini

CALL = reply({"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}, "thoughtSignature": "c2lnbg=="})


def client_of(gateway: Gateway, token: str = "", **options: Any) -> genai.Client:
    http = types.HttpOptions(base_url=gateway.url, timeout=20_000, **options)
    return genai.Client(api_key=token or gateway.token, http_options=http)


@pytest.fixture
def client(gateway: Gateway) -> Iterator[genai.Client]:
    client = client_of(gateway)
    yield client
    client.close()


def test_generate_answers(client: genai.Client, gemini: ScriptedGemini, model: str) -> None:
    config = types.GenerateContentConfig(
        system_instruction="Be brief.",
        max_output_tokens=100,
        temperature=0.5,
        stop_sequences=["END"],
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT, threshold=types.HarmBlockThreshold.BLOCK_NONE
            )
        ],
    )
    answer = client.models.generate_content(model=model, contents="Hello", config=config)
    assert answer.text == "Hello!"
    assert (answer.usage_metadata.prompt_token_count, answer.usage_metadata.candidates_token_count) == (7, 5)
    assert answer.response_id.startswith("req_")
    (call,) = gemini.calls_of(model)
    assert call.json["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert call.json["safetySettings"] == [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    assert call.json["store"] is False


def test_a_stream_comes_piece_by_piece(client: genai.Client, gemini: ScriptedGemini, model: str) -> None:
    pieces = list(client.models.generate_content_stream(model=model, contents="Hello"))
    assert [piece.text for piece in pieces if piece.text] == ["Hel", "lo!"]
    assert pieces[-1].usage_metadata.total_token_count == 12


def test_a_long_silence_is_no_trouble(client: genai.Client, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_stream(events(reply("late")), first=1.2, model=model)
    assert "".join(piece.text for piece in client.models.generate_content_stream(model=model, contents="Hi")) == "late"


async def test_the_asynchronous_client_works_as_well(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    client = client_of(gateway)
    answers = await asyncio.gather(
        *(client.aio.models.generate_content(model=model, contents="Hello") for _ in range(3))
    )
    assert {answer.text for answer in answers} == {"Hello!"}
    pieces = [piece.text async for piece in await client.aio.models.generate_content_stream(model=model, contents="Hi")]
    assert "".join(filter(None, pieces)) == "Hello!"
    await client.aio.aclose()
    client.close()


def test_automatic_calls_name_their_results(client: genai.Client, gemini: ScriptedGemini, model: str) -> None:
    """From 3.5 on Gemini wants the id of each call back, which the package leaves out."""

    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"sunny in {city}"

    model = model.replace("2.5", "3.5")
    calls: list[dict[str, Any]] = [
        {"functionCall": {"id": f"id{city}", "name": "get_weather", "args": {"city": city}}}
        for city in ("Oslo", "Rome")
    ]
    calls[0]["thoughtSignature"] = "c2lnbg=="
    gemini.will_answer(reply(*calls), model=model, times=1)
    config = types.GenerateContentConfig(tools=[get_weather])
    assert client.models.generate_content(model=model, contents="Weather?", config=config).text == "Hello!"
    results = [part["functionResponse"] for part in gemini.calls_of(model)[1].json["contents"][2]["parts"]]
    assert [(result["id"], result["response"]["result"]) for result in results] == [
        ("idOslo", "sunny in Oslo"),
        ("idRome", "sunny in Rome"),
    ]


def test_a_chat_brings_its_history_back(client: genai.Client, gemini: ScriptedGemini, model: str) -> None:
    chat = client.chats.create(model=model)
    assert chat.send_message("one").text == "Hello!"
    assert "".join(filter(None, (piece.text for piece in chat.send_message_stream("two")))) == "Hello!"
    assert len(chat.get_history()) >= 4
    said = [part["text"] for content in gemini.calls_of(model)[-1].json["contents"] for part in content["parts"]]
    assert said == ["one", "Hello!", "two"]


def test_functions_are_called_and_their_signatures_brought_back(
    client: genai.Client, gemini: ScriptedGemini, model: str
) -> None:
    asked: list[str] = []

    def get_weather(city: str) -> dict[str, str]:
        """The weather in a city."""
        asked.append(city)
        return {"weather": "sunny"}

    gemini.will_answer(CALL, model=model, times=1)
    config = types.GenerateContentConfig(tools=[get_weather])
    answer = client.models.generate_content(model=model, contents="What is it like in Oslo?", config=config)
    assert (answer.text, asked) == ("Hello!", ["Oslo"])
    first, second = gemini.calls_of(model)
    (declared,) = first.json["tools"][0]["functionDeclarations"]
    assert (declared["name"], declared["description"]) == ("get_weather", "The weather in a city.")
    _, called, result = second.json["contents"]
    assert called["parts"][0]["thoughtSignature"].rstrip("=") == "c2lnbg"
    assert result["parts"][0]["functionResponse"]["response"] == {"result": {"weather": "sunny"}}


def test_an_answer_fits_a_schema(client: genai.Client, gemini: ScriptedGemini, model: str) -> None:
    class City(pydantic.BaseModel):
        name: str
        people: int

    gemini.will_answer(reply('{"name": "Oslo", "people": 700000}'), model=model)
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=City)
    answer = client.models.generate_content(model=model, contents="Which?", config=config)
    assert answer.parsed == City(name="Oslo", people=700_000)
    schema = City.model_json_schema()
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=schema)
    assert (
        json.loads(client.models.generate_content(model=model, contents="Which?", config=config).text)["name"] == "Oslo"
    )
    assert gemini.calls_of(model)[-1].json["generationConfig"]["responseJsonSchema"] == schema


def test_pictures_and_addresses_go_along(client: genai.Client, gemini: ScriptedGemini, model: str) -> None:
    picture = types.Part.from_bytes(data=b"\x89PNG\r\n\x1a\n\xfb\xff\xfe", mime_type="image/png")
    film = types.Part.from_uri(file_uri="https://www.youtube.com/watch?v=9hE5-98ZeCg", mime_type="video/mp4")
    client.models.generate_content(model=model, contents=["Look", picture, film])
    _, first, second = gemini.calls_of(model)[0].json["contents"][0]["parts"]
    assert first["inlineData"] == {"mimeType": "image/png", "data": "iVBORw0KGgr7//4="}
    assert second["fileData"]["fileUri"].startswith("https://www.youtube.com/")


def test_thoughts_are_told_where_they_are_asked_for(client: genai.Client, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer(recordings()["unary-thoughts-2.5.json"].body, model=model)
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    answer = client.models.generate_content(model=model, contents="Think", config=config)
    parts = answer.candidates[0].content.parts
    assert any(part.thought for part in parts) and answer.usage_metadata.thoughts_token_count > 0


def test_tokens_vectors_and_models(client: genai.Client, gemini: ScriptedGemini, model: str) -> None:
    assert client.models.count_tokens(model=model, contents="Hello").total_tokens == 7
    config = types.EmbedContentConfig(output_dimensionality=3)
    vectors = client.models.embed_content(model="gemini-embedding-001", contents=["a", "bcd"], config=config).embeddings
    assert [vector.values[0] for vector in vectors] == [1.0, 3.0]
    vector = client.models.embed_content(model="text-embedding-3-small", contents="a").embeddings[0]
    assert vector.values[0] == 1.0
    names = {listed.name for listed in client.models.list(config={"page_size": 7})}
    assert {"models/gpt-4o", "models/gemini-3.8-flash"} <= names
    assert client.models.get(model="gemini-3.8-flash").input_token_limit == 1_048_576
    with pytest.raises(errors.ClientError) as missing:
        client.models.get(model="nobody")
    assert (missing.value.code, missing.value.status) == (404, "NOT_FOUND")


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_a_client_may_be_set_to_either_version(
    gateway: Gateway, gemini: ScriptedGemini, model: str, version: str
) -> None:
    client = client_of(gateway, api_version=version)
    assert client.models.generate_content(model=model, contents="Hello").text == "Hello!"
    assert client.models.get(model="models/gemini-3.8-flash").name == "models/gemini-3.8-flash"
    assert next(piece.text for piece in client.models.generate_content_stream(model=model, contents="Hi")) == "Hel"
    client.close()


def test_what_goes_wrong_raises_what_they_catch(
    client: genai.Client, gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    stranger = client_of(gateway, "AIza-wrong")
    with pytest.raises(errors.ClientError) as refused:
        stranger.models.generate_content(model=model, contents="Hello")
    assert (refused.value.code, refused.value.status) == (401, "UNAUTHENTICATED")
    stranger.close()
    with pytest.raises(errors.ClientError) as bad:
        client.models.generate_content(model=model, contents="Hi", config={"cached_content": "cachedContents/a"})
    assert (bad.value.code, bad.value.status) == (403, "PERMISSION_DENIED")
    gemini.will_refuse(503, json.dumps(OVERLOADED).encode(), model=model)
    with pytest.raises(errors.ServerError) as overloaded:
        client.models.generate_content(model=model, contents="Hello")
    assert (overloaded.value.code, overloaded.value.status) == (503, "UNAVAILABLE")


def test_a_stream_that_breaks_midway_raises(client: genai.Client, gemini: ScriptedGemini, model: str) -> None:
    begun = events(reply("Hel", finish=None))
    gemini.will_stream(begun + events(error(503, "UNAVAILABLE", "The model is overloaded.")), model=model)
    told: list[str] = []
    with pytest.raises(errors.ServerError) as broken:
        told.extend(piece.text for piece in client.models.generate_content_stream(model=model, contents="Hello"))
    assert (told, broken.value.code) == (["Hel"], 503)


def test_a_blocked_prompt_is_an_answer(client: genai.Client, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer({"promptFeedback": {"blockReason": "SAFETY"}}, model=model)
    answer = client.models.generate_content(model=model, contents="Hello")
    assert answer.prompt_feedback.block_reason == types.BlockedReason.SAFETY
    assert len(gemini.calls_of(model)) == 1
