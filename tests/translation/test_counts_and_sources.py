"""usage, annotations, logprobs and media: what stands beside the text of an answer."""

import base64
import io
import itertools
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.schemas.gemini import UsageMetadata
from compat.translation.annotations import to_annotations
from compat.translation.media import wav_header
from compat.translation.usage import Usage, estimate_tokens, to_usage
from tests.translation.answering import decoded, deltas, message, reply, whole

# --- Usage -----------------------------------------------------------------------------------------------


def usage(**counts):
    return to_usage(Usage().merged(UsageMetadata(**counts)))


def test_reasoning_counts_as_completion_and_tools_as_prompt():
    made = usage(
        promptTokenCount=100,
        cachedContentTokenCount=40,
        toolUsePromptTokenCount=20,
        candidatesTokenCount=10,
        thoughtsTokenCount=5,
        totalTokenCount=135,
    )
    assert (made["prompt_tokens"], made["completion_tokens"], made["total_tokens"]) == (120, 15, 135)
    assert made["prompt_tokens_details"]["cached_tokens"] == 40
    assert made["completion_tokens_details"]["reasoning_tokens"] == 5


def test_what_gemini_leaves_out_is_zero():
    made = usage(promptTokenCount=7, totalTokenCount=7)
    assert (made["prompt_tokens"], made["completion_tokens"], made["total_tokens"]) == (7, 0, 7)
    assert to_usage(Usage().merged(None))["total_tokens"] == 0


def test_sounds_are_counted_apart():
    meta = {
        "promptTokenCount": 9,
        "candidatesTokenCount": 6,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}, {"modality": "TEXT", "tokenCount": 5}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 6}],
    }
    made = whole({**reply("x"), "usageMetadata": meta})["usage"]
    assert made["prompt_tokens_details"]["audio_tokens"] == 4
    assert made["completion_tokens_details"]["audio_tokens"] == 6


def test_later_counts_of_a_call_replace_earlier_ones_and_what_they_lack_is_kept():
    first = UsageMetadata(promptTokenCount=5, cachedContentTokenCount=2, candidatesTokenCount=1)
    made = Usage().merged(first).merged(UsageMetadata(promptTokenCount=6, thoughtsTokenCount=3)).merged(None)
    assert (made.prompt, made.cached, made.completion, made.reasoning) == (6, 2, 1, 3)


def test_the_tier_is_kept_where_it_is_not_the_usual_one():
    told = [None, "standard", "PRIORITY", "flex", "unheard-of"]
    assert [Usage().merged(UsageMetadata(serviceTier=one)).tier for one in told] == ["", "", "priority", "flex", ""]
    made = Usage().merged(UsageMetadata(serviceTier="flex")).merged(UsageMetadata(promptTokenCount=5))
    assert made.tier == "flex" and (Usage(prompt=1) + made).tier == "flex" and (Usage(prompt=1) + made).prompt == 6


@pytest.mark.parametrize("nonsense", [-1, 2**53, 2**80])
def test_counts_that_cannot_be_are_passed_over(nonsense):
    made = Usage().merged(UsageMetadata(promptTokenCount=5)).merged(UsageMetadata(promptTokenCount=nonsense))
    assert made.prompt == 5


def test_calls_of_one_request_are_summed_and_known_only_when_all_are():
    known, unknown = Usage(prompt=1, completion=2, known=True), Usage(prompt=3)
    assert known + known == Usage(prompt=2, completion=4, known=True)
    assert not (known + unknown).known


@pytest.mark.parametrize(("characters", "tokens"), [(0, 1), (1, 1), (4, 1), (5, 2), (400, 100)])
def test_an_estimate_is_four_characters_a_token(characters, tokens):
    assert estimate_tokens(characters) == tokens


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.integers(0, 10**9)
            for name in (
                "promptTokenCount",
                "cachedContentTokenCount",
                "candidatesTokenCount",
                "thoughtsTokenCount",
                "toolUsePromptTokenCount",
            )
        },
    )
)
def test_the_total_is_the_sum_of_prompt_and_completion(counts):
    made = usage(**counts)
    assert made["total_tokens"] == made["prompt_tokens"] + made["completion_tokens"]


# --- Annotations -----------------------------------------------------------------------------------------


def grounded(*spans, chunks=1, **segment):
    return {
        "groundingChunks": [{"web": {"uri": f"https://example.com/{i}", "title": f"t{i}"}} for i in range(chunks)],
        "groundingSupports": [
            {"segment": {"startIndex": start, "endIndex": end, **segment}, "groundingChunkIndices": indices}
            for start, end, *indices in spans
        ],
    }


def cited(text, metadata):
    made = decoded(reply(text, groundingMetadata=metadata)).candidates[0].groundingMetadata
    return [annotation["url_citation"] for annotation in to_annotations(made, text)]


@pytest.mark.parametrize("word", ["plain", "naïve", "日本語", "😀😀", "a\u0301", "\u2028"])
@pytest.mark.parametrize("before", ["", "x ", "é ", "日 ", "😀 "])
def test_bytes_of_a_stretch_become_characters(word, before):
    text = f"{before}{word} and more 😀"
    start = len(before.encode())
    (citation,) = cited(text, grounded((start, start + len(word.encode()), 0)))
    assert text[citation["start_index"] : citation["end_index"]] == word
    assert (citation["url"], citation["title"]) == ("https://example.com/0", "t0")


def test_a_missing_start_is_the_beginning():
    metadata = grounded((0, 2, 0))
    del metadata["groundingSupports"][0]["segment"]["startIndex"]
    (citation,) = cited("Hi there", metadata)
    assert (citation["start_index"], citation["end_index"]) == (0, 2)


def test_a_stretch_is_cited_once_for_each_of_its_sources():
    made = cited("abc", grounded((0, 3, 1, 0), chunks=2))
    assert [citation["title"] for citation in made] == ["t1", "t0"]


def test_sources_that_no_stretch_names_are_cited_for_the_whole():
    made = cited("Hé!", {"groundingChunks": [{"web": {"uri": "u", "title": "t"}}, {"maps": {}}]})
    assert [(citation["url"], citation["start_index"], citation["end_index"]) for citation in made] == [("u", 0, 3)]


@pytest.mark.parametrize("span", [(0, 99, 0), (-5, 2, 0), (1, 2, 0), (2, 1, 0)])
def test_offsets_that_fit_nothing_stay_within_the_text(span):
    (citation,) = cited("é", grounded(span))
    assert 0 <= citation["start_index"] <= 1 and 0 <= citation["end_index"] <= 1


@pytest.mark.parametrize("index", [-1, 1, 99])
def test_a_source_that_is_not_there_is_passed_over(index):
    made = cited("abc", grounded((0, 1, index)))
    assert [(citation["start_index"], citation["end_index"]) for citation in made] == [(0, 3)]


def test_a_stretch_of_a_later_part_is_found_by_its_words():
    text = "Let me see. 日本 won."
    metadata = grounded((0, len("日本 won.".encode()), 0), text="日本 won.", partIndex=1)
    (citation,) = cited(text, metadata)
    assert text[citation["start_index"] : citation["end_index"]] == "日本 won."


@pytest.mark.parametrize(
    "metadata", [{}, {"groundingChunks": []}, {"webSearchQueries": ["x"]}, {"groundingSupports": []}]
)
def test_without_sources_there_are_no_annotations(metadata):
    assert cited("abc", metadata) == []


# --- Logprobs --------------------------------------------------------------------------------------------


def test_two_parallel_lists_become_one():
    result = {
        "chosenCandidates": [
            {"token": "é", "tokenId": 1, "logProbability": -0.5},
            {"token": "!", "logProbability": -1},
        ],
        "topCandidates": [{"candidates": [{"token": "e", "logProbability": -2}]}, {}],
    }
    (choice,) = whole(reply("é!", logprobsResult=result))["choices"]
    assert choice["logprobs"] == {
        "content": [
            {
                "token": "é",
                "logprob": -0.5,
                "bytes": [195, 169],
                "top_logprobs": [{"token": "e", "logprob": -2.0, "bytes": [101]}],
            },
            {"token": "!", "logprob": -1.0, "bytes": [33], "top_logprobs": []},
        ],
        "refusal": None,
    }


@pytest.mark.parametrize("result", [{}, {"chosenCandidates": []}, {"topCandidates": [{"candidates": []}]}])
def test_no_chosen_tokens_are_null(result):
    assert whole(reply("x", logprobsResult=result))["choices"][0]["logprobs"] is None


def test_a_shorter_list_of_likely_tokens_is_no_error():
    result = {"chosenCandidates": [{"token": "a"}, {"token": "b"}], "topCandidates": [{"candidates": []}]}
    assert len(whole(reply("ab", logprobsResult=result))["choices"][0]["logprobs"]["content"]) == 2


# --- Sounds ----------------------------------------------------------------------------------------------


def sound(data, mime_type="audio/L16;codec=pcm;rate=24000"):
    return {"inlineData": {"mimeType": mime_type, "data": base64.b64encode(data).decode()}}


@pytest.mark.parametrize(
    ("mime_type", "rate"),
    [("audio/L16;codec=pcm;rate=24000", 24_000), ("audio/L16;rate=16000", 16_000), ("audio/L16", 24_000)],
)
def test_bare_samples_get_a_header_that_any_player_reads(mime_type, rate):
    samples = bytes(range(256)) * 4
    made = message(reply(sound(samples, mime_type)))["audio"]
    with wave.open(io.BytesIO(base64.b64decode(made["data"]))) as played:
        assert (played.getnchannels(), played.getsampwidth(), played.getframerate()) == (1, 2, rate)
        assert played.readframes(played.getnframes()) == samples


def test_samples_are_left_bare_for_who_asks_for_pcm16():
    made = message(reply(sound(b"\0\1\2\3", "audio/L16;rate=24000")), audio_format="pcm16")["audio"]
    assert base64.b64decode(made["data"]) == b"\0\1\2\3"


def test_other_sounds_are_passed_on():
    assert base64.b64decode(message(reply(sound(b"ID3", "audio/mp3")))["audio"]["data"]) == b"ID3"


@pytest.mark.parametrize("audio_format", ["wav", "pcm16"])
def test_every_piece_of_a_spoken_answer_reaches_the_client(audio_format):
    samples = bytes(range(256)) * 3
    cuts = (0, 2, 4, 100, 102, 302, len(samples))
    pieces = [samples[start:end] for start, end in itertools.pairwise(cuts)]
    replies = [reply(sound(piece), finish=None) for piece in pieces]
    told = [delta["audio"] for delta in deltas(*replies, reply(), audio_format=audio_format) if "audio" in delta]
    assert [set(piece) for piece in told] == [{"id", "expires_at", "transcript", "data"}, *[{"data"}] * (len(told) - 1)]
    data = base64.b64decode("".join(piece["data"] for piece in told), validate=True)
    assert data == (samples if audio_format == "pcm16" else wav_header(24_000) + samples)


def test_the_pieces_of_a_whole_spoken_answer_are_one_sound():
    made = message(reply(sound(b"\0\1"), sound(b"\2\3")))["audio"]
    assert base64.b64decode(made["data"]) == wav_header(24_000, 4) + b"\0\1\2\3"


def test_a_sound_that_is_no_base64_is_none():
    assert "audio" not in message(reply("Hm.", {"inlineData": {"mimeType": "audio/L16", "data": "é"}}))
