"""Every recorded Gemini reply says at each door what its index tells: the same text, calls, end and counts."""

from typing import Any

import pytest

from tests.doors.conftest import EVERY_WAY, Client, record
from tests.doors.door import Door
from tests.doors.test_errors import BAD, check
from tests.live.recorded import FINISH, Recording, digest, recordings
from tests.scripted_gemini import ScriptedGemini

BROKEN = {"stream-error-mid-stream.sse"}
BLOCKED = {"stream-prompt-blocked.sse", "unary-prompt-feedback-only.json"}
EMPTY = {"unary-finish-other-message.json"}
# Pictures and speech alone: each door has its own member for them, or none.
MEDIA = {"unary-image-3.1-flash-lite.json", "unary-tts-2.5.json"}
CHATS = [case for case in recordings().values() if case.is_chat and not case.is_error]
ANSWERS = [case for case in CHATS if case.file not in BROKEN | BLOCKED | EMPTY]


def _fits(door: Door, stream: bool, case: Recording) -> bool:
    """True where the door can be told this, a recorded stream only as one."""
    calls = case.expected.get("tool_calls")
    if door.passes_on and case.file in BLOCKED | EMPTY:
        return False
    return door.talks and (stream or not case.streamed) and (door.calls_functions or not calls)


def at_every_door(cases: list[Recording]) -> Any:
    """Ada at every door that has such answers, with each recording."""
    ways = [(way, case) for way in EVERY_WAY for case in cases if _fits(*way, case)]
    names = [f"{way[0]}-{'stream' if way[1] else 'whole'}-{case.file}" for way, case in ways]
    return pytest.mark.parametrize(("talker", "case"), ways, indirect=["talker"], ids=names)


def script(gemini: ScriptedGemini, case: Recording, **how: Any) -> None:
    """Answer with the recording, byte for byte; a whole one as the only event where a stream is asked for."""
    gemini.will_stream(case.body if case.streamed else case.as_one_event, **how)


@at_every_door([case for case in ANSWERS if case.file not in MEDIA])
async def test_a_recording_becomes_what_its_index_expects(
    talker: Client, gemini: ScriptedGemini, case: Recording
) -> None:
    if talker.stream:
        script(gemini, case)
    else:
        gemini.will_answer(case.body)
    expected = case.expected
    told = await talker.ask(case.model)
    if expected["text_chars"] or expected["finish_reason"] != "SAFETY":
        assert (len(told.text), digest(told.text)) == (expected["text_chars"], expected["text_sha256"])
    assert told.calls == [(call["name"], call["args"]) for call in expected["tool_calls"]]
    assert told.finish == ("tool_calls" if told.calls else FINISH[expected["finish_reason"]])
    row = await record()
    assert (row.status, row.error_code, row.stream) == (200, "", talker.stream)
    if not talker.door.passes_on:
        assert (told.prompt_tokens, told.completion_tokens) == (row.prompt_tokens, row.completion_tokens)
    counts = expected.get("usage")
    if counts is None:
        assert row.counts_from == "estimated" and row.total_tokens > 0
        return
    assert row.prompt_tokens == counts["promptTokenCount"] + counts.get("toolUsePromptTokenCount", 0)
    assert row.tool_prompt_tokens == counts.get("toolUsePromptTokenCount", 0)
    assert row.cached_tokens == counts.get("cachedContentTokenCount", 0)
    assert row.reasoning_tokens == counts.get("thoughtsTokenCount", 0)
    # A few recordings hold visible text and count none of it: an estimate is better than nothing there.
    if "candidatesTokenCount" in counts or not told.text:
        assert row.completion_tokens == counts.get("candidatesTokenCount", 0) + row.reasoning_tokens
        assert row.total_tokens == counts["totalTokenCount"]


@at_every_door([recordings()[file] for file in sorted(BROKEN)])
@pytest.mark.parametrize("size", [None, 1, 7, 64], ids=["whole", "1", "7", "64"])
async def test_a_bare_error_object_in_a_stream_becomes_an_error_behind_the_text(
    talker: Client, gemini: ScriptedGemini, case: Recording, size: int | None
) -> None:
    script(gemini, case, slice=size)
    told = await talker.ask(case.model)
    assert told.error is not None
    assert told.error.type == talker.door.event_error_type(502, "server_error", "upstream_error")
    assert (len(told.text), digest(told.text), told.finish) == (13, case.expected["text_sha256"], None)


@at_every_door([recordings()[file] for file in sorted(BLOCKED)])
async def test_a_blocked_prompt_is_a_400(talker: Client, gemini: ScriptedGemini, case: Recording) -> None:
    gemini.will_say(case.payloads[0])
    check(talker, await talker.ask(case.model), 400, BAD, "content_filter")
    assert len(gemini.calls) == 1


@at_every_door([recordings()[file] for file in sorted(EMPTY)])
async def test_an_answer_without_content_is_an_error_and_never_a_silent_200(
    talker: Client, gemini: ScriptedGemini, case: Recording
) -> None:
    gemini.will_say(case.payloads[0])
    check(talker, await talker.ask(case.model), 502, "server_error", "upstream_error")


# What the only key is refused with; what the client is told.
ERRORS = {
    "error-400-api-key-invalid.json": (503, "server_error", "no_upstream_key"),
    "error-400-cache-too-small.json": (400, BAD, "invalid_value"),
    "error-400-location.json": (503, "server_error", "upstream_unavailable"),
    "error-400-thought-signature-missing.json": (400, BAD, "invalid_value"),
    "error-402-prepay-depleted.json": (503, "server_error", "no_upstream_key"),
    "error-403-api-not-enabled.json": (503, "server_error", "no_upstream_key"),
    "error-403-leaked-key.json": (503, "server_error", "no_upstream_key"),
    "error-404-model.json": (404, BAD, "model_not_found"),
    "error-429-free-tier-per-day.json": (429, "rate_limit_error", "pool_exhausted"),
    "error-429-paid-tier-input-tokens.json": (429, "rate_limit_error", "pool_exhausted"),
    "error-503-high-demand.json": (503, "server_error", "upstream_unavailable"),
    "stream-request-error-404.json": (404, BAD, "model_not_found"),
}


def test_every_recorded_refusal_is_in_the_table() -> None:
    assert ERRORS.keys() == {case.file for case in recordings().values() if case.is_error}


@pytest.mark.parametrize("file", ERRORS)
async def test_a_recorded_refusal_is_told_in_our_words(client: Client, gemini: ScriptedGemini, file: str) -> None:
    case = recordings()[file]
    kind = "text/event-stream" if file.startswith("stream-") else "application/json"
    gemini.will_refuse(case.status, case.body, content_type=kind)
    told = await client.ask()
    check(client, told, *ERRORS[file])
    assert case.payloads[0]["error"]["message"][:40] not in told.response.text
    assert "project" not in told.response.text
