"""What chat has beyond the words of a recording: reasoning, signatures, pictures, speech, sources; however it is cut."""

import base64
import json
from typing import Any

import pytest

from accounts.issuing import issue_token
from accounts.models import User
from tests.doors.conftest import Client
from tests.doors.openai_doors import Chat
from tests.doors.test_recordings import ANSWERS, script
from tests.live.answers import Result, read
from tests.live.recorded import FINISH, Recording, digest, recordings
from tests.scripted_gemini import ScriptedGemini

STREAMS = [case for case in ANSWERS if case.streamed]
WHOLES = [case for case in ANSWERS if not case.streamed]


def named(cases: list[Recording]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.file)


@pytest.fixture
def whole(ada: User) -> Client:
    return Client(Chat(), False, ada, issue_token(ada)[1])


@pytest.fixture
def streamer(ada: User) -> Client:
    return Client(Chat(), True, ada, issue_token(ada)[1])


async def ask(client: Client, case: Recording) -> Result:
    """A request that may get such an answer."""
    more: dict[str, Any] = {"n": case.expected["candidates"]} if case.expected.get("candidates", 1) > 1 else {}
    if "logprobs" in case.file:
        more["logprobs"] = True
    return read(await client.send(client.request(case.model, **more)), include_usage=client.stream)


def check(result: Result, case: Recording) -> None:
    """Hold the first choice against the index and against the recorded parts."""
    assert result.status == 200
    expected, answer = case.expected, result.first
    assert len(result.choices) == expected["candidates"]
    assert (len(answer.text), digest(answer.text)) == (expected["text_chars"], expected["text_sha256"])
    assert len(answer.reasoning) == expected["thought_chars"]
    assert len(answer.images) == expected.get("images", 0)
    assert (answer.audio is not None) == bool(expected.get("audio"))
    check_calls(result, case)
    check_usage(result, expected.get("usage"))


def check_calls(result: Result, case: Recording) -> None:
    answer, wanted = result.first, case.expected["tool_calls"]
    called = [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in answer.calls]
    assert called == [(call["name"], call["args"]) for call in wanted]
    assert len({call["id"] for call in answer.calls}) == len(wanted)
    finish = FINISH[case.expected["finish_reason"]]
    assert answer.finish == ("tool_calls" if wanted else finish)
    signatures = [call.get("extra_content", {}).get("google", {}).get("thought_signature") for call in answer.calls]
    assert signatures == case.call_signatures
    if not wanted:
        google = (answer.extra or {}).get("google", {})
        assert google.get("thought_signature") == case.text_signature


def check_usage(result: Result, counts: dict[str, Any] | None) -> None:
    usage = result.usage
    assert usage is not None
    if counts is None:
        assert usage["prompt_tokens"] > 0
        return
    prompt = counts["promptTokenCount"] + counts.get("toolUsePromptTokenCount", 0)
    completion = counts.get("candidatesTokenCount", 0) + counts.get("thoughtsTokenCount", 0)
    assert usage["prompt_tokens"] == prompt
    # A few recordings hold visible text and count none of it: an estimate is better than nothing there.
    if "candidatesTokenCount" in counts or not result.first.text:
        assert usage["completion_tokens"] == completion
        assert usage["total_tokens"] == counts["totalTokenCount"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == counts.get("thoughtsTokenCount", 0)
    assert usage["prompt_tokens_details"]["cached_tokens"] == counts.get("cachedContentTokenCount", 0)


@named(WHOLES)
async def test_a_whole_reply_becomes_the_completion_that_its_index_expects(
    whole: Client, gemini: ScriptedGemini, case: Recording
) -> None:
    gemini.will_answer(case.body)
    check(await ask(whole, case), case)


@named(WHOLES)
async def test_a_whole_reply_as_the_only_event_of_a_stream_becomes_the_same(
    streamer: Client, gemini: ScriptedGemini, case: Recording
) -> None:
    script(gemini, case)
    check(await ask(streamer, case), case)


@pytest.mark.parametrize("size", [None, 1, 7, 64], ids=["whole", "1", "7", "64"])
@named(STREAMS)
async def test_a_stream_cut_anywhere_becomes_what_its_index_expects(
    streamer: Client, gemini: ScriptedGemini, case: Recording, size: int | None
) -> None:
    script(gemini, case, slice=size)
    check(await ask(streamer, case), case)


async def test_an_image_comes_as_a_data_url_and_speech_as_a_wav(whole: Client, gemini: ScriptedGemini) -> None:
    image, speech = recordings()["unary-image-3.1-flash-lite.json"], recordings()["unary-tts-2.5.json"]
    for case in (image, speech):
        gemini.will_answer(case.body, model=case.model)
    url = (await ask(whole, image)).first.images[0]["image_url"]["url"]
    assert url.startswith("data:image/")
    assert base64.b64decode(url.partition(",")[2], validate=True)
    audio = (await ask(whole, speech)).first.audio
    assert audio is not None
    assert base64.b64decode(audio["data"])[:4] == b"RIFF"


@pytest.mark.parametrize("file", ["unary-google-search-2.5.json", "stream-google-search-2.5.sse"])
async def test_web_sources_come_as_annotations_that_point_into_the_text(
    whole: Client, streamer: Client, gemini: ScriptedGemini, file: str
) -> None:
    case = recordings()[file]
    if case.streamed:
        script(gemini, case)
    else:
        gemini.will_answer(case.body)
    result = await ask(streamer if case.streamed else whole, case)
    citations = [annotation["url_citation"] for annotation in result.first.annotations]
    assert citations
    for citation in citations:
        assert citation["url"].startswith("https://")
        assert 0 <= citation["start_index"] < citation["end_index"] <= len(result.first.text)
