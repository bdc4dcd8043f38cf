"""Every recorded Gemini reply, byte for byte through a real server, whole and in slices, becomes what its index expects."""

import base64
import json
from typing import Any

import pytest

from tests.live.answers import Result, chat
from tests.live.gateway import Gateway
from tests.live.recorded import FINISH, Recording, digest, recordings
from tests.scripted_gemini import ScriptedGemini

CHATS = [case for case in recordings().values() if case.is_chat and not case.is_error]
BROKEN = {"stream-error-mid-stream.sse"}
BLOCKED = {"stream-prompt-blocked.sse", "unary-prompt-feedback-only.json"}
EMPTY = {"unary-finish-other-message.json"}
ANSWERS = [case for case in CHATS if case.file not in BROKEN | BLOCKED | EMPTY]
STREAMS = [case for case in ANSWERS if case.streamed]
WHOLES = [case for case in ANSWERS if not case.streamed]


def named(cases: list[Recording]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.file)


def ask(gateway: Gateway, case: Recording, model: str, *, stream: bool) -> Result:
    """A request that may get such an answer."""
    more: dict[str, Any] = {"n": case.expected["candidates"]} if case.expected.get("candidates", 1) > 1 else {}
    if "logprobs" in case.file:
        more["logprobs"] = True
    return chat(gateway, f"{case.model}--{model.partition('--')[2]}", stream=stream, **more)


def script(gemini: ScriptedGemini, case: Recording, model: str, **how: Any) -> None:
    name = f"{case.model}--{model.partition('--')[2]}"
    if how.pop("stream"):
        gemini.will_stream(case.body if case.streamed else case.as_one_event, model=name, **how)
    else:
        gemini.will_answer(case.body, model=name, **how)


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
def test_a_whole_reply_becomes_the_completion_that_its_index_expects(
    gateway: Gateway, gemini: ScriptedGemini, model: str, case: Recording
) -> None:
    script(gemini, case, model, stream=False)
    check(ask(gateway, case, model, stream=False), case)


@named(WHOLES)
def test_a_whole_reply_as_the_only_event_of_a_stream_becomes_the_same(
    gateway: Gateway, gemini: ScriptedGemini, model: str, case: Recording
) -> None:
    script(gemini, case, model, stream=True)
    result = ask(gateway, case, model, stream=True)
    assert result.done
    check(result, case)


@pytest.mark.parametrize("size", [None, 1, 7, 64], ids=["whole", "1", "7", "64"])
@named(STREAMS)
def test_a_stream_cut_anywhere_becomes_what_its_index_expects(
    gateway: Gateway, gemini: ScriptedGemini, model: str, case: Recording, size: int | None
) -> None:
    script(gemini, case, model, stream=True, slice=size)
    result = ask(gateway, case, model, stream=True)
    assert result.done
    check(result, case)


@pytest.mark.parametrize("size", [None, 1, 7, 64], ids=["whole", "1", "7", "64"])
def test_a_bare_error_object_in_a_stream_becomes_an_error_event_behind_the_text(
    gateway: Gateway, gemini: ScriptedGemini, model: str, size: int | None
) -> None:
    case = recordings()["stream-error-mid-stream.sse"]
    script(gemini, case, model, stream=True, slice=size)
    result = ask(gateway, case, model, stream=True)
    assert result.error is not None
    assert not result.done
    assert result.error["type"] == "server_error"
    assert (len(result.first.text), digest(result.first.text)) == (13, case.expected["text_sha256"])
    assert result.first.finish is None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@named([recordings()[file] for file in sorted(BLOCKED)])
def test_a_blocked_prompt_is_a_400_content_filter(
    gateway: Gateway, gemini: ScriptedGemini, model: str, case: Recording, stream: bool
) -> None:
    if case.streamed and not stream:
        gemini.will_answer(case.payloads[0], model=model)
    else:
        script(gemini, case, model, stream=stream)
    result = chat(gateway, model, stream=stream)
    assert (result.status, result.error["code"]) == (400, "content_filter")
    assert len(gemini.calls_of(model)) == 1
    assert not gateway.disabled()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_answer_without_content_is_an_error_and_never_a_silent_200(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    case = recordings()["unary-finish-other-message.json"]
    script(gemini, case, model, stream=stream)
    result = ask(gateway, case, model, stream=stream)
    assert (result.status, result.error["code"]) == (502, "upstream_error")


def test_an_image_comes_as_a_data_url_and_speech_as_a_wav(gateway: Gateway, gemini: ScriptedGemini, model: str) -> None:
    image, speech = recordings()["unary-image-3.1-flash-lite.json"], recordings()["unary-tts-2.5.json"]
    for case in (image, speech):
        script(gemini, case, model, stream=False)
    url = ask(gateway, image, model, stream=False).first.images[0]["image_url"]["url"]
    assert url.startswith("data:image/")
    assert base64.b64decode(url.partition(",")[2], validate=True)
    audio = ask(gateway, speech, model, stream=False).first.audio
    assert base64.b64decode(audio["data"])[:4] == b"RIFF"


def test_web_sources_come_as_annotations_that_point_into_the_text(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    for file in ("unary-google-search-2.5.json", "stream-google-search-2.5.sse"):
        case = recordings()[file]
        name = f"{model}-{case.kind}"
        script(gemini, case, name, stream=case.streamed)
        result = ask(gateway, case, name, stream=case.streamed)
        citations = [annotation["url_citation"] for annotation in result.first.annotations]
        assert citations
        for citation in citations:
            assert citation["url"].startswith("https://")
            assert 0 <= citation["start_index"] < citation["end_index"] <= len(result.first.text)


def test_what_a_recording_counted_is_what_its_usage_record_holds(
    gateway: Gateway, gemini: ScriptedGemini, model: str
) -> None:
    asked: list[tuple[Recording, str]] = []
    for place, case in enumerate(ANSWERS):
        name = f"{model}-{place}"
        script(gemini, case, name, stream=case.streamed)
        ask(gateway, case, name, stream=case.streamed)
        asked.append((case, f"{case.model}--{name.partition('--')[2]}"))
    for case, name in asked:
        (row,) = gateway.usage_rows(name)
        counts = case.expected.get("usage")
        assert (row["status"], row["error_code"], row["stream"]) == (200, "", case.streamed)
        if counts is None:
            assert row["counts_from"] == "estimated"
            assert row["total_tokens"] > 0
            continue
        assert row["prompt_tokens"] == counts["promptTokenCount"] + counts.get("toolUsePromptTokenCount", 0)
        assert row["tool_prompt_tokens"] == counts.get("toolUsePromptTokenCount", 0)
        assert row["cached_tokens"] == counts.get("cachedContentTokenCount", 0)
        assert row["reasoning_tokens"] == counts.get("thoughtsTokenCount", 0)
