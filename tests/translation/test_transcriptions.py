"""Transcriptions: what a recording is, what Gemini is asked, and its words in every format, whole and streamed."""

import io
import json
import wave

import msgspec
import pytest

from compat.schemas.gemini import ModalityCount, UsageMetadata
from compat.schemas.transcriptions import TranscriptionForm, TranslationForm
from compat.schemas.uploads import Upload
from compat.simulator.validation import violations
from compat.translation.media import wav_header
from compat.translation.refusals import Untranslatable
from compat.translation.transcriptions.answer import (
    TranscriptEvents,
    content_type,
    has_segments,
    to_transcription,
)
from compat.translation.transcriptions.recording import seconds_of, type_of
from compat.translation.transcriptions.request import TranscriptionRequest
from compat.translation.transcriptions.segments import to_seconds
from compat.translation.usage import Usage
from tests.live.openapi import check
from tests.translation.answering import decoded, reply

SECONDS = 65
WAV = wav_header(24_000, SECONDS * 48_000) + bytes(SECONDS * 48_000)
MODELS = ["gemini-2.5-flash", "gemini-3.5-flash-lite", "gemini-3.8-flash", "gemini-4-hydrogen"]
COUNTS = UsageMetadata(
    promptTokenCount=120,
    candidatesTokenCount=9,
    promptTokensDetails=[ModalityCount("TEXT", 20), ModalityCount("AUDIO", 100)],
)
USAGE = Usage().merged(COUNTS)


def asked(data=WAV, **members):
    return TranscriptionRequest(
        TranscriptionForm(file=Upload("a.wav", "audio/wav", data), model="whisper-1", **members)
    )


def into_english(data=WAV, **members):
    return TranscriptionRequest(TranslationForm(file=Upload("a.wav", "audio/wav", data), model="whisper-1", **members))


def told(*segments, language="German"):
    """The reply that tells (start, end, text) of each segment."""
    listed = [dict(zip(("start", "end", "text"), segment, strict=True)) for segment in segments]
    return reply(json.dumps({"language": language, "segments": listed}))


def answer(request, given):
    return to_transcription(request, decoded(given), USAGE).decode()


# --- The recording ---------------------------------------------------------------------------------------

BYTES = {
    "wav": (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
    "mp3 with tags": (b"ID3\x04", "audio/mp3"),
    "mp3": (b"\xff\xfb\x90\x00", "audio/mp3"),
    "mp3 of half the rate": (b"\xff\xf3\x84\xc4", "audio/mp3"),
    "aac": (b"\xff\xf1\x50\x80", "audio/aac"),
    "flac": (b"fLaC\0\0\0\x22", "audio/flac"),
    "ogg": (b"OggS\0\x02", "audio/ogg"),
    "aiff": (b"FORM\0\0\0\0AIFF", "audio/aiff"),
    "m4a": (b"\0\0\0\x20ftypM4A ", "video/mp4"),
    "mp4": (b"\0\0\0\x20ftypisom", "video/mp4"),
    "webm": (b"\x1a\x45\xdf\xa3\x9f\x42", "video/webm"),
    "mpeg": (b"\0\0\x01\xba", "video/mpeg"),
}


@pytest.mark.parametrize(("data", "mime_type"), BYTES.values(), ids=BYTES)
def test_the_bytes_tell_what_it_is_whatever_it_is_called(data, mime_type):
    assert type_of(data) == mime_type


@pytest.mark.parametrize("data", [b"", b"Hello", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"PK\x03\x04", b"RIFF....AVI LIST"])
def test_what_is_no_sound_is_refused(data):
    with pytest.raises(Untranslatable) as refused:
        type_of(data)
    assert refused.value.param == "file"


def test_a_wav_file_tells_how_long_it_lasts():
    with io.BytesIO() as file:
        with wave.open(file, "wb") as sound:
            sound.setparams((2, 2, 44_100, 0, "NONE", ""))
            sound.writeframes(bytes(4 * 66_150))
        assert seconds_of(file.getvalue()) == 1.5
    assert seconds_of(wav_header(24_000) + bytes(24_000)) == 0.5


@pytest.mark.parametrize(
    "data",
    [
        b"ID3",
        b"RIFF",
        b"RIFF\0\0\0\0WAVE",
        wav_header(24_000)[:30],
        wav_header(0) + b"ab",
        WAV[:12] + b"data\xff\xff",
        # A walk through megabytes of empty chunks would keep everybody waiting.
        WAV[:12] + bytes(8 * 200) + WAV[12:],
    ],
)
def test_a_length_that_nothing_tells_is_unknown(data):
    assert seconds_of(data) is None


# --- The question ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("response_format", [None, "text", "srt", "verbose_json"])
def test_gemini_takes_the_question(model, response_format):
    for request in (asked(WAV[:200], response_format=response_format, temperature=0.2), into_english(WAV[:200])):
        body = json.loads(msgspec.json.encode(request.to_body(model, 1)))
        assert violations(model, body) == []


def test_the_recording_goes_before_the_words():
    body = asked(WAV[:60]).to_body("gemini-3.8-flash", 1)
    sound, words = body["contents"][0]["parts"]
    assert sound["inlineData"]["mimeType"] == "audio/wav"
    assert words["text"].startswith("Transcribe what is said")
    assert "responseMimeType" not in body["generationConfig"]
    assert into_english().to_body("gemini-3.8-flash", 1)["contents"][0]["parts"][1]["text"].startswith("Translate ")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"language": "de"}, "The language is de."),
        ({"languages": ["de", "fr"]}, "The language is de or fr."),
        ({"language": ""}, None),
        ({"keywords": ["Tumbler", "Ärger"]}, "These words may come in it: Tumbler, Ärger."),
        (
            {"prompt": " Ohm's law "},
            "Keep to the spelling, names and style of this text, which is no part of it: Ohm's law",
        ),
        ({"prompt": "  "}, None),
    ],
)
def test_what_may_help_is_told_in_words(members, words):
    text = asked(**members).to_body("gemini-3.8-flash", 1)["contents"][0]["parts"][1]["text"]
    assert text.splitlines()[2:] == ([] if words is None else [words])


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"response_format": "diarized_json"}, "response_format"),
        ({"timestamp_granularities": "word"}, "timestamp_granularities"),
        ({"timestamp_granularities": ["segment", "word"]}, "timestamp_granularities"),
        ({"stream": True, "response_format": "srt"}, "stream"),
        ({"stream": True, "response_format": "verbose_json"}, "stream"),
    ],
)
def test_what_gemini_cannot_give_is_refused(members, param):
    with pytest.raises(Untranslatable) as refused:
        asked(**members)
    assert (refused.value.param, refused.value.code) == (param, "unsupported_value")


def test_a_long_recording_is_estimated_by_its_length():
    assert asked().characters // 4 > SECONDS * 32
    assert asked(b"ID3" + bytes(80_000)).characters // 4 > 10 * 32


# --- The words -------------------------------------------------------------------------------------------


def test_json_has_the_words_and_the_usage():
    made = json.loads(answer(asked(), reply("Guten Tag.\n")))
    check(made, "CreateTranscriptionResponseJson")
    assert made["text"] == "Guten Tag."
    assert made["usage"] == {
        "type": "tokens",
        "input_tokens": 120,
        "input_token_details": {"text_tokens": 20, "audio_tokens": 100},
        "output_tokens": 9,
        "total_tokens": 129,
    }
    made = json.loads(answer(into_english(), reply("Good day.")))
    check(made, "CreateTranslationResponseJson")
    assert made == {"text": "Good day."}


@pytest.mark.parametrize(("given", "text"), [("Hi.", "Hi.\n"), ("[no speech]", "\n"), (" [no speech]\n", "\n")])
def test_text_is_the_words_alone(given, text):
    assert answer(asked(response_format="text"), reply(given)) == text


SEGMENTS = told(("00:00.0", "00:02.5", "Guten\n Tag."), ("01:01", "01:04.25", "Bis --> morgen."))


def test_verbose_json_has_segments_with_times():
    made = json.loads(answer(asked(response_format="verbose_json", temperature=0.5), SEGMENTS))
    check(made, "CreateTranscriptionResponseVerboseJson")
    assert (made["task"], made["language"], made["duration"]) == ("transcribe", "german", 65)
    assert made["text"] == "Guten Tag. Bis --> morgen."
    assert [(one["id"], one["start"], one["end"]) for one in made["segments"]] == [(0, 0, 2.5), (1, 61, 64.25)]
    assert {one["temperature"] for one in made["segments"]} == {0.5}
    made = json.loads(answer(into_english(response_format="verbose_json"), SEGMENTS))
    check(made, "CreateTranslationResponseVerboseJson")
    assert (made["task"], made["language"]) == ("translate", "english")


def test_the_duration_of_other_files_is_what_gemini_counted():
    made = json.loads(answer(asked(b"ID3", response_format="verbose_json"), told()))
    assert (made["duration"], made["text"], made["segments"]) == (3.125, "", [])


def test_subtitles_are_read_by_players():
    assert answer(asked(response_format="srt"), SEGMENTS) == (
        "1\n00:00:00,000 --> 00:00:02,500\nGuten Tag.\n\n2\n00:01:01,000 --> 00:01:04,250\nBis → morgen.\n\n"
    )
    assert answer(asked(response_format="vtt"), SEGMENTS) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nGuten Tag.\n\n00:01:01.000 --> 00:01:04.250\nBis → morgen.\n\n"
    )


@pytest.mark.parametrize(
    ("segments", "times"),
    [
        ([("00:05", "00:03", "a")], [(5, 5)]),
        ([("00:05", "00:09", "a"), ("00:02", "00:06", "b")], [(5, 9), (5, 6)]),
        ([("soon", "later", "a")], [(0, 0)]),
        ([("10:00", "11:00", "a")], [(65, 65)]),
        ([(3, 4.5, "a")], [(3, 4.5)]),
        ([("00:01", "00:02", " "), ("00:02", "00:03", "b")], [(2, 3)]),
    ],
)
def test_times_that_cannot_be_are_mended(segments, times):
    made = json.loads(answer(asked(response_format="verbose_json"), told(*segments)))
    assert [(one["start"], one["end"]) for one in made["segments"]] == times


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        ("00:00", 0),
        ("01:02", 62),
        ("1:02:03.5", 3723.5),
        ("00:01,25", 1.25),
        ("7s", 7),
        (2.5, 2.5),
        ("", None),
        ("-1", None),
        ("a", None),
    ],
)
def test_a_time_is_read_in_any_of_its_spellings(clock, seconds):
    assert to_seconds(clock) == seconds


@pytest.mark.parametrize("response_format", [None, "text", "srt"])
@pytest.mark.parametrize(("finish", "code"), [("MAX_TOKENS", "invalid_value"), ("RECITATION", "content_filter")])
def test_half_a_transcript_is_none(response_format, finish, code):
    request = asked(response_format=response_format)
    given = decoded(reply('{"segm', finish=finish))
    assert has_segments(given)
    with pytest.raises(Untranslatable) as refused:
        to_transcription(request, given, USAGE)
    assert (refused.value.param, refused.value.code) == ("file", code)


@pytest.mark.parametrize("text", ["", "Hello.", "[]", '{"language": "german"}', '{"segments": [{"start": "0"}]}'])
def test_an_answer_without_segments_is_asked_for_again(text):
    assert not has_segments(decoded(reply(text)))


def test_each_format_has_its_media_type():
    kinds = {
        name: content_type(asked(response_format=name)) for name in (None, "json", "verbose_json", "text", "srt", "vtt")
    }
    assert [name for name, kind in kinds.items() if kind == "application/json"] == [None, "json", "verbose_json"]


# --- Streamed --------------------------------------------------------------------------------------------


def streamed(*replies):
    events = TranscriptEvents()
    told = b"".join(events.read(0, decoded(one)) for one in replies)
    assert not events.unfinished()
    made = [json.loads(event[6:]) for event in (told + events.close(USAGE)).decode().split("\n\n") if event]
    for event in made:
        check(event, "CreateTranscriptionResponseStreamEvent")
    assert [event["type"] for event in made][:-1] == ["transcript.text.delta"] * (len(made) - 1)
    assert "".join(event["delta"] for event in made[:-1]) == made[-1]["text"]
    return made


def test_words_come_as_they_are_heard():
    *deltas, done = streamed(reply("Guten ", finish=None), reply("Tag.", finish=None), reply(""))
    assert [event["delta"] for event in deltas] == ["Guten ", "Tag."]
    assert (done["type"], done["usage"]["total_tokens"]) == ("transcript.text.done", 129)


@pytest.mark.parametrize(
    ("pieces", "text"),
    [(("[no ", "speech]"), ""), (("[no", "ise] Hi"), "[noise] Hi"), (("[", ""), "["), ((" ", "Hi"), " Hi")],
)
def test_silence_is_no_word(pieces, text):
    assert streamed(*(reply(piece, finish=None) for piece in pieces), reply(""))[-1]["text"] == text


def test_a_stream_that_was_cut_short_does_not_pass_for_a_whole_one():
    events = TranscriptEvents()
    events.read(0, decoded(reply("Guten", finish="MAX_TOKENS")))
    with pytest.raises(Untranslatable):
        events.close(USAGE)
    assert TranscriptEvents().unfinished()
