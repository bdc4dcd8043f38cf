"""Speech over TCP: the official openai package asks, and what it gets is the sound that Gemini made."""

import base64
import io
import json
import time
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.gemini_replies import OVERLOADED, events, reply, sound
from tests.live.gateway import Gateway, eventually
from tests.live.openapi import ERROR, check
from tests.live.recorded import recordings
from tests.scripted_gemini import ScriptedGemini

SECOND = bytes(range(240)) * 200


def piece(samples: bytes, finish: str | None = None) -> bytes:
    """The event that brings so much sound."""
    return events(reply(sound(samples), finish=finish))


@pytest.fixture
def speaker(model: str) -> str:
    """A speech model that no other test asks for."""
    return model.replace("flash--", "flash-preview-tts--")


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token, timeout=20, max_retries=0) as client:
        yield client


def test_a_text_is_said(client: openai.OpenAI, gateway: Gateway, gemini: ScriptedGemini, speaker: str) -> None:
    gemini.will_stream(piece(SECOND) + piece(SECOND, "STOP"), model=speaker)
    spoken = client.audio.speech.create(model=speaker, voice="nova", input="Hello!", response_format="wav")
    with wave.open(io.BytesIO(spoken.content)) as played:
        assert (played.getframerate(), played.readframes(48_000)) == (24_000, SECOND * 2)
    assert spoken.response.headers["content-type"] == "audio/wav"
    assert spoken.response.headers["x-tumbler-model"] == speaker
    (call,) = gemini.calls_of(speaker)
    assert call.method == "streamGenerateContent"
    (row,) = gateway.usage_rows(speaker)
    assert (row["endpoint"], row["status"], row["stream"]) == ("audio.speech", 200, 0)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (7, 5)


def test_a_recorded_speech_of_geminis_comes_back_bit_for_bit(
    client: openai.OpenAI, gemini: ScriptedGemini, speaker: str
) -> None:
    recorded = json.loads(recordings()["unary-tts-2.5.json"].body)
    gemini.will_stream(events(recorded), model=speaker)
    (part,) = recorded["candidates"][0]["content"]["parts"]
    spoken = client.audio.speech.create(model=speaker, voice="alloy", input="Hello!", response_format="pcm")
    assert spoken.content == base64.b64decode(part["inlineData"]["data"])


def test_mp3_is_what_comes_unless_something_else_is_asked_for(
    client: openai.OpenAI, gemini: ScriptedGemini, speaker: str
) -> None:
    gemini.will_stream(piece(SECOND, "STOP"), model=speaker)
    spoken = client.audio.speech.create(model=speaker, voice="alloy", input="Hello!")
    assert spoken.response.headers["content-type"] == "audio/mpeg"
    assert spoken.content[:2] == b"\xff\xf3"
    assert 6_000 < len(spoken.content) < 12_000


def test_the_sound_arrives_while_it_is_made(client: openai.OpenAI, gemini: ScriptedGemini, speaker: str) -> None:
    pieces = [piece(SECOND) for _ in range(5)]
    gemini.will_stream(b"".join(pieces) + piece(SECOND, "STOP"), slice=len(pieces[0]), delay=0.3, model=speaker)
    with client.audio.speech.with_streaming_response.create(
        model=speaker, voice="alloy", input="Hello!", response_format="pcm"
    ) as spoken:
        arrived = [(time.monotonic(), chunk) for chunk in spoken.iter_bytes()]
    assert b"".join(chunk for _, chunk in arrived) == SECOND * 6
    assert arrived[-1][0] - arrived[0][0] > 0.9


def test_events_tell_the_sound_and_the_usage(gateway: Gateway, gemini: ScriptedGemini, speaker: str) -> None:
    gemini.will_stream(piece(SECOND) + piece(SECOND, "STOP"), model=speaker)
    asked = {"model": speaker, "voice": "alloy", "input": "Hello!", "response_format": "pcm", "stream_format": "sse"}
    answer = gateway.post("/v1/audio/speech", asked)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *deltas, done = [json.loads(line[6:]) for line in answer.text.splitlines() if line]
    for event in (*deltas, done):
        check(event, "CreateSpeechResponseStreamEvent")
    assert b"".join(base64.b64decode(event["audio"]) for event in deltas) == SECOND * 2
    assert done["usage"] == {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_chat_that_speaks_tells_every_piece(
    client: openai.OpenAI, gemini: ScriptedGemini, speaker: str, stream: bool
) -> None:
    gemini.will_say(reply(sound(SECOND), finish=None), reply(sound(SECOND)), model=f"{speaker}-stream")
    gemini.will_say(reply(sound(SECOND), sound(SECOND)), model=f"{speaker}-whole")
    asked: Any = {
        "model": f"{speaker}-{'stream' if stream else 'whole'}",
        "messages": [{"role": "user", "content": "Say hello."}],
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
        "stream": stream,
    }
    answer: Any = client.chat.completions.create(**asked)
    if stream:
        deltas = [chunk.choices[0].delta.model_dump() for chunk in answer if chunk.choices]
        data = "".join(delta["audio"]["data"] for delta in deltas if delta.get("audio"))
    else:
        data = answer.choices[0].message.audio.data
    with wave.open(io.BytesIO(base64.b64decode(data, validate=True))) as played:
        assert (played.getframerate(), played.readframes(48_000)) == (24_000, SECOND * 2)


def test_a_failing_key_is_replaced_before_the_first_sound(
    client: openai.OpenAI, gemini: ScriptedGemini, speaker: str
) -> None:
    gemini.will_refuse(429, OVERLOADED, model=speaker, times=1)
    gemini.will_stream(piece(SECOND, "STOP"), model=speaker)
    spoken = client.audio.speech.with_raw_response.create(model=speaker, voice="alloy", input="Hi")
    assert (spoken.status_code, spoken.headers["x-tumbler-attempts"]) == (200, "2")


def test_a_sound_that_breaks_off_is_no_whole_file(gateway: Gateway, gemini: ScriptedGemini, speaker: str) -> None:
    """Bytes can tell no error: the connection is cut instead, and every client sees it."""
    whole = piece(SECOND)
    gemini.will_stream(whole + piece(SECOND), cut_after=len(whole), model=speaker)
    asked = {"model": speaker, "voice": "alloy", "input": "Hi", "response_format": "pcm"}
    with pytest.raises(httpx.RemoteProtocolError):
        gateway.post("/v1/audio/speech", asked)
    (row,) = gateway.usage_rows(speaker)
    assert (row["status"], row["prompt_tokens"]) == (502, 7)
    told = gateway.post("/v1/audio/speech", {**asked, "stream_format": "sse"}).text.splitlines()
    assert json.loads([line for line in told if line][-1][6:])["error"]["code"] == "upstream_error"


def test_who_leaves_while_it_speaks_stops_gemini_and_pays_for_what_was_said(
    client: openai.OpenAI, gateway: Gateway, gemini: ScriptedGemini, speaker: str
) -> None:
    pieces = [piece(SECOND) for _ in range(400)]
    gemini.will_stream(b"".join(pieces), slice=len(pieces[0]), delay=0.05, model=speaker)
    with client.audio.speech.with_streaming_response.create(model=speaker, voice="alloy", input="Hi") as spoken:
        next(spoken.iter_bytes(4_096))
    (call,) = gemini.calls_of(speaker)
    assert eventually(lambda: call.left is not None, seconds=2.5), "the upstream call goes on"
    (row,) = gateway.usage_rows(speaker)
    assert (row["status"], row["error_code"], row["prompt_tokens"]) == (499, "client_closed", 7)


_GOOD = {"model": "tts-1", "voice": "alloy", "input": "Hi"}
BAD: list[tuple[dict[str, Any], int, str | None]] = [
    ({"input": ""}, 400, "input"),
    ({"input": "   "}, 400, "input"),
    ({"input": "x" * 4_097}, 400, "input"),
    ({"input": 5}, 400, "input"),
    ({"input": None}, 400, "input"),
    ({"voice": "no-one"}, 400, "voice"),
    ({"voice": None}, 400, "voice"),
    ({"speed": 0.2}, 400, "speed"),
    ({"speed": 4.1}, 400, "speed"),
    ({"speed": "fast"}, 400, "speed"),
    ({"response_format": "ogg"}, 400, "response_format"),
    ({"stream_format": "ws"}, 400, "stream_format"),
    ({"instructions": "x" * 4_097}, 400, "instructions"),
    ({"model": "gpt-4o"}, 400, "model"),
    ({"model": "no model"}, 404, "model"),
]


@pytest.mark.parametrize(("change", "status", "param"), BAD, ids=lambda value: str(value)[:40])
def test_what_is_wrong_is_told_by_its_member(
    one_gateway: Gateway, gemini: ScriptedGemini, change: dict[str, Any], status: int, param: str | None
) -> None:
    answer = one_gateway.post("/v1/audio/speech", _GOOD | change)
    assert answer.status_code == status, answer.text
    check(answer.json(), ERROR)
    assert answer.json()["error"]["param"] == param
    assert not gemini.calls


def test_a_form_is_no_speech_request(one_gateway: Gateway) -> None:
    answer = one_gateway.http.post("/v1/audio/speech", files={"input": ("a.txt", b"Hi")})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
