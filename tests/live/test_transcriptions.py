"""Transcriptions and translations over TCP: the official openai package sends a recording and gets words in each format."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from compat.translation.media import wav_header
from tests.gemini_replies import OVERLOADED, events, reply
from tests.live.gateway import Gateway, eventually
from tests.live.openapi import ERROR, check
from tests.scripted_gemini import ScriptedGemini

WAV = wav_header(24_000, 96_000) + bytes(96_000)
FILE = ("evening.webm", WAV, "video/webm")
"""Open WebUI names and labels its recordings as it likes."""
COUNTS = {
    "promptTokenCount": 120,
    "candidatesTokenCount": 9,
    "totalTokenCount": 129,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 56}, {"modality": "AUDIO", "tokenCount": 64}],
}
SEGMENTS = json.dumps(
    {
        "language": "German",
        "segments": [
            {"start": "00:00.0", "end": "00:01.2", "text": "Guten Abend."},
            {"start": "00:01.2", "end": "00:09.0", "text": "Wo ist Ada?"},
        ],
    }
)


@pytest.fixture
def client(one_gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{one_gateway.url}/v1", api_key=one_gateway.token, timeout=20, max_retries=0
    ) as client:
        yield client


def test_a_recording_is_written_down(
    client: openai.OpenAI, one_gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_answer(reply("Guten Abend.", usage=COUNTS), model=model)
    made = client.audio.transcriptions.create(model=model, file=FILE, language="de", prompt="Ada", temperature=0.2)
    check(made.model_dump(exclude_none=True), "CreateTranscriptionResponseJson")
    assert made.text == "Guten Abend."
    assert made.usage is not None and made.usage.type == "tokens"
    assert made.usage.input_token_details is not None and made.usage.input_token_details.audio_tokens == 64
    (call,) = gemini.calls_of(model)
    sound, words = call.json["contents"][0]["parts"]
    assert sound["inlineData"]["mimeType"] == "audio/wav"
    assert "The language is de." in words["text"] and call.json["generationConfig"]["temperature"] == 0.2
    (row,) = one_gateway.usage_rows(model)
    assert (row["endpoint"], row["status"], row["prompt_tokens"]) == ("audio.transcriptions", 200, 120)


def test_every_format_with_times(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    gemini.will_answer(reply(SEGMENTS, usage=COUNTS), model=model)
    ask: Any = client.audio.transcriptions.create
    verbose = ask(model=model, file=FILE, response_format="verbose_json", timestamp_granularities=["segment"])
    check(verbose.model_dump(exclude_none=True), "CreateTranscriptionResponseVerboseJson")
    assert (verbose.language, verbose.duration) == ("german", 2)
    assert [(segment.start, segment.end) for segment in verbose.segments] == [(0, 1.2), (1.2, 2)]
    assert ask(model=model, file=FILE, response_format="srt").startswith(
        "1\n00:00:00,000 --> 00:00:01,200\nGuten Abend."
    )
    assert ask(model=model, file=FILE, response_format="vtt").startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.200\n")
    raw = client.audio.transcriptions.with_raw_response.create(model=model, file=FILE, response_format="srt")
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"


def test_text_is_plain(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    assert client.audio.transcriptions.create(model=model, file=FILE, response_format="text") == "Hello!\n"


def test_words_are_streamed_as_they_are_heard(client: openai.OpenAI, gemini: ScriptedGemini, model: str) -> None:
    stream = client.audio.transcriptions.create(model=model, file=FILE, stream=True)
    told = [event.model_dump(exclude_none=True) for event in stream]
    for event in told:
        check(event, "CreateTranscriptionResponseStreamEvent")
    assert [event.get("delta") for event in told] == ["Hel", "lo!", None]
    assert told[-1]["text"] == "Hello!" and told[-1]["usage"]["total_tokens"] == 12


@pytest.mark.filterwarnings("ignore:deprecated")  # the package calls its own overloads so
def test_translations_are_in_english(
    client: openai.OpenAI, one_gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_answer(reply("Good evening."), model=model, times=1)
    gemini.will_answer(reply(SEGMENTS), model=model)
    assert client.audio.translations.create(model=model, file=FILE).text == "Good evening."
    verbose: Any = client.audio.translations.create(model=model, file=FILE, response_format="verbose_json")
    check(verbose.model_dump(exclude_none=True), "CreateTranslationResponseVerboseJson")
    assert verbose.language == "english"
    first, *_ = gemini.calls_of(model)
    assert first.json["contents"][0]["parts"][1]["text"].startswith("Translate ")
    assert {row["endpoint"] for row in one_gateway.usage_rows(model, 2)} == {"audio.translations"}


def test_an_answer_without_segments_and_a_failing_key_are_not_the_clients_matter(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_answer(reply("Guten Abend."), model=model, times=1)
    gemini.will_refuse(429, OVERLOADED, model=model, times=1)
    gemini.will_answer(reply(SEGMENTS), model=model)
    answer = client.audio.transcriptions.with_raw_response.create(model=model, file=FILE, response_format="srt")
    assert (answer.status_code, answer.headers["x-tumbler-attempts"]) == (200, "3")


def test_what_gemini_would_not_hear_is_told_by_the_file(
    client: openai.OpenAI, gemini: ScriptedGemini, model: str
) -> None:
    gemini.will_answer({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, model=model, times=1)
    gemini.will_answer(reply(finish="RECITATION"), model=model)
    for _ in range(2):
        with pytest.raises(openai.BadRequestError) as refused:
            client.audio.transcriptions.create(model=model, file=FILE)
        assert (refused.value.code, refused.value.param) == ("content_filter", "file")


def test_who_leaves_a_streamed_transcription_stops_gemini(
    client: openai.OpenAI, one_gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    pieces = [events(reply(f"word-{number} ", finish=None, usage=COUNTS)) for number in range(400)]
    gemini.will_stream(b"".join(pieces), slice=len(pieces[0]), delay=0.05, model=model)
    stream = client.audio.transcriptions.create(model=model, file=FILE, stream=True)
    next(iter(stream))
    stream.close()
    (call,) = gemini.calls_of(model)
    assert eventually(lambda: call.left is not None, seconds=2.5), "the upstream call goes on"
    (row,) = one_gateway.usage_rows(model)
    assert (row["status"], row["prompt_tokens"]) == (499, 120)


BAD: list[tuple[dict[str, Any], bytes | None, int, str | None]] = [
    ({}, None, 400, "file"),
    ({}, b"", 400, "file"),
    ({}, b"%PDF-1.7", 400, "file"),
    ({"model": ""}, WAV, 400, "model"),
    ({"model": "tts-1"}, WAV, 400, "model"),
    ({"model": "no model"}, WAV, 404, "model"),
    ({"response_format": "xml"}, WAV, 400, "response_format"),
    ({"response_format": "diarized_json"}, WAV, 400, "response_format"),
    ({"temperature": "2"}, WAV, 400, "temperature"),
    ({"temperature": "hot"}, WAV, 400, "temperature"),
    ({"prompt": "x" * 8_193}, WAV, 400, "prompt"),
    ({"timestamp_granularities[]": "word", "response_format": "verbose_json"}, WAV, 400, "timestamp_granularities"),
    ({"timestamp_granularities[]": "letter"}, WAV, 400, "timestamp_granularities"),
    ({"stream": "true", "response_format": "vtt"}, WAV, 400, "stream"),
    ({"stream": "perhaps"}, WAV, 400, "stream"),
]


@pytest.mark.parametrize(("members", "data", "status", "param"), BAD, ids=lambda value: str(value)[:40])
def test_what_is_wrong_is_told_by_its_member(
    one_gateway: Gateway, gemini: ScriptedGemini, members: dict[str, Any], data: bytes | None, status: int, param: str
) -> None:
    files = {"nothing": ("a", b"")} if data is None else {"file": ("a.mp3", data)}
    form = {"model": "whisper-1", **members}
    answer = one_gateway.http.post("/v1/audio/transcriptions", data=form, files=files)
    assert answer.status_code == status, answer.text
    check(answer.json(), ERROR)
    assert answer.json()["error"]["param"].split("[")[0] == param
    assert not gemini.calls


def test_a_recording_that_is_too_large_and_one_in_json_are_refused(one_gateway: Gateway) -> None:
    large = one_gateway.http.post("/v1/audio/transcriptions", files={"file": ("a.mp3", bytes(21 * 1024 * 1024))})
    assert (large.status_code, large.json()["error"]["code"]) == (413, "request_too_large")
    as_json = one_gateway.post("/v1/audio/transcriptions", {"model": "whisper-1", "file": "UklGRg=="})
    assert (as_json.status_code, as_json.json()["error"]["code"]) == (415, "unsupported_media_type")
