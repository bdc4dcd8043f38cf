"""Speech: what Gemini is told, and its sound as bytes and as events in every format."""

import asyncio
import base64
import io
import json
import wave

import pytest

from compat.encoders import _Av, encoder_of
from compat.schemas.gemini import UsageMetadata
from compat.schemas.speech import SpeechRequest
from compat.simulator.validation import violations
from compat.translation.chat.completion import EmptyAnswer
from compat.translation.media import wav_header
from compat.translation.refusals import Untranslatable
from compat.translation.speech.request import SpeechTranslation
from compat.translation.speech.sound import CONTENT_TYPES, SpeechStream
from compat.translation.usage import Usage
from compat.translation.voices import VOICES, to_speech_config
from tests.live.openapi import check
from tests.translation.answering import decoded, reply

SPEAKS = "gemini-2.5-flash-preview-tts"
SAMPLES = bytes(range(256)) * 750
USAGE = Usage().merged(UsageMetadata(promptTokenCount=9, candidatesTokenCount=100))


def translated(**members):
    return SpeechTranslation(SpeechRequest("tts-1", **{"input": "Hello there.", "voice": "nova"} | members))


def prompt(**members):
    return translated(**members).prompt


def spoken(*pieces, finish="STOP"):
    """The replies of a stream that brings the pieces."""
    sounds = [
        {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": base64.b64encode(piece).decode()}}
        for piece in pieces
    ]
    return [decoded(reply(sound, finish=None)) for sound in sounds] + [decoded(reply("", finish=finish))]


def written(replies, response_format, *, as_events=False):
    async def write():
        stream = SpeechStream(encoder_of(response_format), as_events=as_events)
        told = [await stream.read(0, one) for one in replies]
        assert not stream.unfinished()
        return [*told, await stream.close(USAGE)]

    return asyncio.run(write())


# --- What Gemini is told ---------------------------------------------------------------------------------


def test_the_text_is_read_and_not_obeyed():
    body = translated(input="What is the capital of France?").to_body(SPEAKS, 1)
    (content,) = body["contents"]
    told, _, text = content["parts"][0]["text"].partition("\n\n")
    assert told.startswith("Read the following text aloud") and text == "What is the capital of France?"
    assert body["generationConfig"] == {
        "responseModalities": ["AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Aoede"}}},
    }
    assert violations(SPEAKS, body) == []


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, False),
        ({"speed": 1}, False),
        ({"instructions": "  "}, False),
        ({"speed": 1.25}, "Speak 1.25 times as fast as you usually would."),
        ({"instructions": "Whisper."}, "How to speak: Whisper."),
    ],
)
def test_how_to_speak_is_told_in_words_before_the_text(members, said):
    told, _, text = prompt(**members).partition("\n\n")
    assert text == "Hello there."
    assert told.splitlines()[1:] == ([said] if said else [])


def test_no_two_voices_are_the_same():
    assert len(set(VOICES.values())) == len(VOICES)


@pytest.mark.parametrize(
    ("voice", "name"), [("alloy", "Kore"), ("ALLOY", "Kore"), ("Zephyr", "Zephyr"), ({"id": "echo"}, "Puck")]
)
def test_a_voice_is_openais_or_geminis_own(voice, name):
    assert to_speech_config(voice, "voice")["voiceConfig"]["prebuiltVoiceConfig"] == {"voiceName": name}


@pytest.mark.parametrize("voice", ["", "voice_123", "a b", {"id": 5}, "x" * 50, "Kore\n"])
def test_a_voice_that_is_none_is_refused_by_its_member(voice):
    with pytest.raises(Untranslatable) as refused:
        translated(voice=voice)
    assert refused.value.param == "voice"


def test_nothing_to_say_and_a_model_that_does_not_speak_are_refused():
    with pytest.raises(Untranslatable) as refused:
        translated(input=" \n")
    assert refused.value.param == "input"
    with pytest.raises(Untranslatable) as refused:
        translated().to_body("gemini-3.8-flash", 1)
    assert (refused.value.param, refused.value.code) == ("model", "unsupported_value")


# --- The sound -------------------------------------------------------------------------------------------


def test_samples_cut_anywhere_are_the_same_sound():
    pieces = spoken(SAMPLES[:1], SAMPLES[1:2], SAMPLES[2:1001], b"", SAMPLES[1001:])
    assert b"".join(written(pieces, "pcm")) == SAMPLES
    whole = b"".join(written(pieces, "wav"))
    assert whole == wav_header(24_000) + SAMPLES
    with wave.open(io.BytesIO(whole)) as sound:
        assert sound.readframes(len(SAMPLES)) == SAMPLES


def test_mp3_is_made_as_the_sound_comes():
    told = written(spoken(SAMPLES[:96_000], SAMPLES[96_000:]), "mp3")
    assert told[0].startswith(b"\xff\xf3") and len(told[0]) > 10_000
    assert len(b"".join(told)) == pytest.approx(len(SAMPLES) / 48_000 * 8_000, rel=0.1)


@pytest.mark.parametrize("response_format", CONTENT_TYPES)
def test_every_format_holds_the_whole_sound(response_format):
    av = pytest.importorskip("av", reason="PyAV, which reads the formats here, is not installed")
    data = b"".join(
        written(spoken(*(SAMPLES[at : at + 5_001] for at in range(0, len(SAMPLES), 5_001))), response_format)
    )
    if response_format == "pcm":
        data = wav_header(24_000) + data
    with av.open(io.BytesIO(data)) as file:
        frames = list(file.decode(audio=0))
    assert sum(frame.samples / frame.sample_rate for frame in frames) == pytest.approx(4, abs=0.1)
    assert {frame.layout.nb_channels for frame in frames} == {1}


def test_a_sound_that_nobody_wants_any_more_is_closed():
    pytest.importorskip("av", reason="PyAV is not installed")
    codec = _Av("ogg", "libopus", 24_000)
    codec.encode(SAMPLES)
    sink = codec._sink
    sink.taken()
    del codec
    assert sink.taken().startswith(b"OggS"), "the last page is written when a file is closed"


@pytest.mark.parametrize("response_format", ["opus", "aac", "flac"])
def test_a_format_without_its_library_is_refused_with_what_to_do(response_format, monkeypatch):
    monkeypatch.setattr("compat.encoders.find_spec", lambda name: None)
    with pytest.raises(Untranslatable) as refused:
        encoder_of(response_format)
    assert (refused.value.param, refused.value.code) == ("response_format", "unsupported_value")
    assert "PyAV" in refused.value.message and "mp3" in refused.value.message


def test_events_bring_the_same_bytes_and_the_usage():
    pieces = spoken(SAMPLES[:5_000], SAMPLES[5_000:])
    told = b"".join(written(pieces, "mp3", as_events=True)).decode().split("\n\n")
    assert told.pop() == ""
    *deltas, done = (json.loads(event.removeprefix("data: ")) for event in told)
    for event in (*deltas, done):
        check(event, "CreateSpeechResponseStreamEvent")
    assert b"".join(base64.b64decode(event["audio"]) for event in deltas) == b"".join(written(pieces, "mp3"))
    assert done == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 9, "output_tokens": 100, "total_tokens": 109},
    }


@pytest.mark.parametrize(("finish", "code"), [("MAX_TOKENS", "invalid_value"), ("SAFETY", "content_filter")])
def test_half_a_speech_does_not_pass_for_a_whole_one(finish, code):
    with pytest.raises(Untranslatable) as refused:
        written(spoken(SAMPLES[:5_000], finish=finish), "wav")
    assert (refused.value.code, refused.value.param) == (code, "input")


@pytest.mark.parametrize("finish", ["STOP", "OTHER"])
def test_no_sound_at_all_is_no_answer(finish):
    with pytest.raises(EmptyAnswer):
        written(spoken(finish=finish), "wav")


def test_a_text_that_gemini_would_not_say_is_the_clients_to_change():
    with pytest.raises(Untranslatable) as refused:
        written(spoken(finish="PROHIBITED_CONTENT"), "wav")
    assert (refused.value.code, refused.value.param) == ("content_filter", "input")


def test_a_sound_that_was_cut_off_is_told_in_events_and_cuts_the_bytes():
    assert SpeechStream(encoder_of("mp3"), as_events=False).error({"message": "x"}, 502) == b""
    assert b'"error"' in SpeechStream(encoder_of("mp3"), as_events=True).error({"message": "x"}, 502)
    assert SpeechStream(encoder_of("mp3"), as_events=False).unfinished()


def test_sound_that_nobody_counted_is_estimated_by_its_length():
    async def write():
        stream = SpeechStream(encoder_of("pcm"), as_events=False)
        await stream.read(0, spoken(bytes(48_000 * 2))[0])
        return stream.text_length

    assert asyncio.run(write()) // 4 == 50
