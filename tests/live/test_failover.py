"""Keys die, run dry and rest, models go and break: the client sees none of it while anything is left that works."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.gemini_replies import GONE, KEY_INVALID, out_of_quota
from tests.live.answers import chat
from tests.live.conftest import Start, keys
from tests.live.gateway import SERVERS, Gateway, eventually
from tests.scripted_gemini import ScriptedGemini

DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
MINUTE = "GenerateRequestsPerMinutePerProjectPerModel"
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
both_servers = pytest.mark.parametrize("server", SERVERS)


def quickest(gateway: Gateway, model: str, status: int, code: str, *, stream: bool) -> float:
    """The seconds that the quickest of some equal refusals took: the machine may have other work to do."""
    taken = []
    for _ in range(4):
        began = time.monotonic()
        result = chat(gateway, model, stream=stream)
        taken.append(time.monotonic() - began)
        assert (result.status, result.error["code"]) == (status, code)
    return min(taken)


@both_servers
def test_one_dead_key_and_one_out_of_quota_of_three_fail_no_request_of_two_hundred(
    start: Start, gemini: ScriptedGemini, model: str, server: str
) -> None:
    gateway = start(server, keys(3, "third"))
    dead, dry, good = gateway.keys
    gemini.will_refuse(400, KEY_INVALID, key=dead)
    gemini.will_refuse(429, out_of_quota(DAY), key=dry)
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda n: chat(gateway, model, stream=n % 2 == 0), range(200)))
    assert {result.status for result in results} == {200}
    asked = [call.key for call in gemini.calls_of(model)]
    assert asked.count(good) == 200
    # Those that were under way at once may each find out for themselves.
    assert asked.count(dead) + asked.count(dry) <= 32
    assert eventually(lambda: gateway.key_state(dead)[0] == "disabled")
    assert gateway.key_state(dry) == ("active", "")
    assert [rest["reason"] for rest in gateway.rests(model)] == ["quota_day"]
    assert {row["status"] for row in gateway.usage_rows(model, 200)} == {200}


@both_servers
def test_when_every_key_is_dead_the_answer_is_a_quick_503_that_asks_nobody(
    start: Start, gemini: ScriptedGemini, model: str, server: str
) -> None:
    gateway = start(server, keys(3, "dead"))
    gemini.will_refuse(400, KEY_INVALID)
    first = chat(gateway, model)
    assert (first.status, first.error["code"], first.error["type"]) == (503, "no_upstream_key", "server_error")
    assert {call.key for call in gemini.calls_of(model)} == set(gateway.keys)
    assert quickest(gateway, model, 503, "no_upstream_key", stream=False) < 0.1
    assert quickest(gateway, model, 503, "no_upstream_key", stream=True) < 0.1
    assert len(gemini.calls) == 3
    assert eventually(lambda: len(gateway.disabled()) == 3)


@both_ways
def test_when_every_key_is_out_of_quota_the_answer_is_a_quick_429_with_the_soonest_slot(
    gateway: Gateway, gemini: ScriptedGemini, model: str, stream: bool
) -> None:
    for key, delay in zip(gateway.keys, ("50s", "40s", "55s"), strict=True):
        gemini.will_refuse(429, out_of_quota(MINUTE, retry=delay), key=key, model=model)
    assert chat(gateway, model, stream=stream).status == 429
    asked = len(gemini.calls_of(model))
    assert quickest(gateway, model, 429, "pool_exhausted", stream=stream) < 0.1
    result = chat(gateway, model, stream=stream)
    assert 38 <= int(result.headers["retry-after"]) <= 45
    assert len(gemini.calls_of(model)) == asked == 3


@both_ways
def test_a_target_that_is_gone_falls_to_the_next_and_is_not_asked_again(
    gateway: Gateway, gemini: ScriptedGemini, two_targets: tuple[str, str, str], stream: bool
) -> None:
    name, first, second = two_targets
    gemini.will_refuse(404, GONE, model=first)
    for attempts in (2, 1, 1):
        result = chat(gateway, name, stream=stream)
        assert (result.status, result.attempts) == (200, attempts)
        assert result.headers["x-tumbler-model"] == second
    assert len(gemini.calls_of(first)) == 1


def test_the_seeds_names_are_answered_by_current_models(gateway: Gateway, gemini: ScriptedGemini) -> None:
    """What they stood for once is gone upstream: the scripted Gemini says so as Google does."""
    for name in ("gpt-3.5-turbo", "gpt-4", "gpt-4-turbo", "gpt-4-turbo-preview", "some-name-that-nobody-mapped"):
        result = chat(gateway, name)
        assert (result.status, result.model) == (200, name)
        assert result.headers["x-tumbler-model"].startswith("gemini-")
        assert chat(gateway, name).attempts == 1
