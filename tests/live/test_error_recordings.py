"""Every recorded refusal of Gemini's: what the client sees, how often the upstream was asked, what it did to the key."""

import time
from typing import Any

import pytest

from accounts.pool.pacific import next_pacific_midnight
from tests.live.answers import Result, chat
from tests.live.conftest import Start, keys
from tests.live.gateway import Gateway, eventually
from tests.live.recorded import Recording, recordings
from tests.scripted_gemini import ScriptedGemini

DEAD = {
    "error-400-api-key-invalid.json": "key_invalid",
    "error-402-prepay-depleted.json": "project_unpaid",
    "error-403-api-not-enabled.json": "api_disabled",
    "error-403-leaked-key.json": "key_leaked",
}
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(scope="module")
def wide(start_for_good: Start) -> dict[str, Gateway]:
    return {}


@pytest.fixture
def wide_gateway(gateway: Gateway, wide: dict[str, Gateway], start_for_good: Start) -> Gateway:
    """A gateway with so many keys that each test may spoil one."""
    if gateway.server not in wide:
        wide[gateway.server] = start_for_good(gateway.server, keys(12, "wide"))
    return wide[gateway.server]


def refuse(gemini: ScriptedGemini, file: str, model: str, **which: Any) -> Recording:
    case = recordings()[file]
    kind = "text/event-stream" if case.file.startswith("stream-") else "application/json"
    gemini.will_refuse(case.status, case.body, content_type=kind, model=model, **which)
    return case


def assert_tells_nothing(result: Result, case: Recording, gateway: Gateway) -> None:
    """The upstream's own words, keys and projects stay here."""
    said = result.response.text
    assert case.payloads[0]["error"]["message"][:40] not in said
    assert "project" not in said
    assert not any(key in said for key in gateway.keys)


@both_ways
@pytest.mark.parametrize("file", DEAD)
def test_a_dead_key_is_replaced_unseen_and_taken_out(
    wide_gateway: Gateway, gemini: ScriptedGemini, model: str, file: str, stream: bool
) -> None:
    case = recordings()[file]
    gemini.will_find_dead(case.status, case.body, model=model)
    result = chat(wide_gateway, model, stream=stream)
    assert (result.status, result.attempts) == (200, 2)
    dead, good = gemini.calls_of(model)
    assert dead.key != good.key
    assert eventually(lambda: wide_gateway.key_state(dead.key)[0] == "disabled")
    assert DEAD[file] in wide_gateway.key_state(dead.key)[1]
    assert wide_gateway.key_state(good.key)[0] == "active"


@both_ways
def test_a_daily_quota_rests_until_midnight_in_los_angeles_whatever_delay_the_reply_names(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    refuse(gemini, "error-429-free-tier-per-day.json", model)
    result = chat(gateway, model, stream=stream)
    midnight = next_pacific_midnight(time.time()) - time.time()
    assert (result.status, result.error["code"], result.error["type"]) == (429, "pool_exhausted", "rate_limit_error")
    assert abs(int(result.headers["retry-after"]) - midnight) < 5
    assert result.headers["x-should-retry"] == "false" or midnight < 60
    assert len(gemini.calls_of(model)) == len(gateway.keys)
    rests = eventually(lambda: rows if len(rows := gateway.rests(model)) == 3 else None)
    assert {rest["reason"] for rest in rests} == {"quota_day"}
    assert not gateway.disabled()


@both_ways
def test_a_quota_a_minute_rests_as_long_as_the_reply_says(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    refuse(gemini, "error-429-paid-tier-input-tokens.json", model)
    result = chat(gateway, model, stream=stream)
    assert (result.status, result.error["code"]) == (429, "pool_exhausted")
    assert 46 <= int(result.headers["retry-after"]) <= 54
    assert 46_000 <= int(result.headers["retry-after-ms"]) <= 54_000
    assert {rest["reason"] for rest in gateway.rests(model)} == {"quota_minute"}


@both_ways
def test_a_key_out_of_quota_is_replaced_unseen_and_rests_for_that_model_alone(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    refuse(gemini, "error-429-paid-tier-input-tokens.json", model, times=1)
    assert chat(gateway, model, stream=stream).status == 200
    resting, _ = (call.key for call in gemini.calls_of(model))
    for _ in range(4):
        assert chat(gateway, model, stream=stream).status == 200
    assert resting not in [call.key for call in gemini.calls_of(model)][1:]
    other = f"{model}-other"
    for _ in range(6):
        assert chat(gateway, other, stream=stream).status == 200
    assert resting in [call.key for call in gemini.calls_of(other)]


@both_ways
def test_an_overloaded_model_is_asked_again_and_the_keys_are_left_alone(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    case = refuse(gemini, "error-503-high-demand.json", model, times=1)
    assert chat(gateway, model, stream=stream).status == 200
    refuse(gemini, "error-503-high-demand.json", model)
    result = chat(gateway, model, stream=stream)
    assert (result.status, result.error["code"]) == (503, "upstream_unavailable")
    assert int(result.headers["retry-after"]) >= 1
    assert 2 <= len(gemini.calls_of(model)) - 2 <= 3
    assert_tells_nothing(result, case, gateway)
    assert not gateway.rows("select * from accounts_keycooldown where model = ?", model)


@both_ways
def test_a_missing_signature_is_mended_once_with_the_placeholder(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    model = model.replace("2.5", "3.5")
    history = [
        {"role": "user", "content": "What time is it?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "now", "arguments": "{}"},
                    "extra_content": {"google": {"thought_signature": "Zm9yZWlnbg=="}},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "noon"},
    ]
    tools = [{"type": "function", "function": {"name": "now"}}]
    refuse(gemini, "error-400-thought-signature-missing.json", model, times=1)
    assert chat(gateway, model, stream=stream, messages=history, tools=tools).status == 200
    first, second = (call.json["contents"][1]["parts"][0]["thoughtSignature"] for call in gemini.calls_of(model))
    assert (first, second) == ("Zm9yZWlnbg==", "skip_thought_signature_validator")
    refuse(gemini, "error-400-thought-signature-missing.json", model)
    assert chat(gateway, model, stream=stream, messages=history, tools=tools).status == 400
    assert len(gemini.calls_of(model)) == 4


@both_ways
def test_a_place_that_gemini_does_not_serve_rests_the_key_for_all_models_and_disables_none(
    start: Start, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    gateway = start("uvicorn", keys(2, "away"))
    case = refuse(gemini, "error-400-location.json", model, times=1)
    assert chat(gateway, model, stream=stream).status == 200
    away, here = (call.key for call in gemini.calls_of(model))
    for _ in range(3):
        assert chat(gateway, f"{model}-other", stream=stream).status == 200
    assert {call.key for call in gemini.calls_of(f"{model}-other")} == {here}
    refuse(gemini, "error-400-location.json", model)
    result = chat(gateway, model, stream=stream)
    assert (result.status, result.error["code"]) == (503, "upstream_unavailable")
    assert_tells_nothing(result, case, gateway)
    assert away != here
    assert not gateway.disabled()
