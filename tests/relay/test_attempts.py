"""The attempts of a call: which key and which model is asked next, and what each failure leaves behind."""

import json
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from accounts.pool import clock
from compat import errors
from compat.gemini.failures import EMPTY, UNREACHABLE, Facts, GeminiFailure, failure_of
from compat.relay import complete
from compat.relay.gone import is_gone
from tests.relay.conftest import FIRST, KEYS, SECOND


def failed(status, message="", *details):
    body = {"error": {"code": status, "message": message, "status": "X", "details": list(details)}}
    return failure_of(status, json.dumps(body).encode())


def out_of_quota(quota_id, value="20", delay="41s"):
    violations = {"@type": "x.QuotaFailure", "violations": [{"quotaId": quota_id, "quotaValue": value}]}
    return failed(429, "Quota.", violations, {"@type": "x.RetryInfo", "retryDelay": delay})


PER_DAY = out_of_quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
PER_MINUTE = out_of_quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")
NOT_OFFERED = out_of_quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "0")
DEAD = failed(400, "API key not valid. Please pass a valid API key.")
UNPAID = failed(402, "Your prepayment credits are depleted.")
GONE = failed(404, "models/x is not found for API version v1beta")
OVERLOADED = failed(503, "The model is overloaded.")
BROKEN = failed(500, "Internal error encountered.")
BAD = failed(400, "Request contains an invalid argument.")


def always(failure):
    return lambda model, key, before: failure


def for_model(**failures):
    names = {"first": FIRST, "second": SECOND}
    by_model = {names[name]: failure for name, failure in failures.items()}
    return lambda model, key, before: by_model.get(model)


def at_first(*failures):
    """These failures in turn, then answers."""
    return lambda model, key, before: failures[before] if before < len(failures) else None


async def answered(relay, *targets, **how):
    job = await relay.job(*targets, **how)
    ((_, reply),) = await complete(job)
    assert reply.candidates[0].content.parts[0].text == "Hello."
    job.settle()
    return job


async def refused(relay, *targets, **how):
    job = await relay.job(*targets, **how)
    with pytest.raises(errors.CompatError) as found:
        await complete(job)
    job.settle(found.value.status, found.value)
    return found.value


# --- Keys ------------------------------------------------------------------------------------------------


async def test_one_good_attempt_asks_once(relay, gemini):
    job = await answered(relay)
    assert (job.attempts, job.model, gemini.models) == (1, FIRST, [FIRST])
    assert await relay.counts() == {FIRST: (1, 0)}


async def test_the_keys_take_turns(relay, gemini):
    for _ in range(9):
        await answered(relay)
    assert {key: gemini.keys.count(key) for key in KEYS} == dict.fromkeys(KEYS, 3)


async def test_nothing_is_stored_upstream(relay, gemini, settings):
    await answered(relay)
    assert gemini.asked[0].body["store"] is False
    settings.UPSTREAM_STORE = True
    await answered(relay)
    assert "store" not in gemini.asked[1].body


@pytest.mark.parametrize(
    "failure", [DEAD, PER_DAY, PER_MINUTE, NOT_OFFERED, UNPAID, failed(401), failed(403, "leaked")]
)
async def test_a_failing_key_is_replaced_unseen_and_not_asked_again(relay, gemini, failure):
    gemini.failing = lambda model, key, before: failure if key == KEYS[0] else None
    for _ in range(8):
        await answered(relay)
    assert gemini.keys.count(KEYS[0]) <= 1
    assert {KEYS[1], KEYS[2]} <= set(gemini.keys)


async def test_no_key_is_asked_twice_for_one_model(relay, gemini):
    gemini.failing = always(PER_MINUTE)
    error = await refused(relay)
    assert sorted(gemini.keys) == sorted(KEYS)
    assert (type(error), error.wait) == (errors.PoolExhausted, pytest.approx(41, abs=5))


async def test_a_dead_key_is_disabled_with_the_reason(relay, gemini):
    gemini.failing = lambda model, key, before: DEAD if key == KEYS[1] else None
    for _ in range(6):
        await answered(relay)
    assert await relay.keys() == {"aaa1": ("active", ""), "bbb2": ("disabled", "key_invalid"), "ccc3": ("active", "")}


async def test_when_every_key_is_dead_the_client_is_told_and_nobody_is_asked_any_more(relay, gemini):
    gemini.failing = always(DEAD)
    assert isinstance(await refused(relay), errors.NoUpstreamKey)
    assert len(gemini.asked) == 3
    began = time.monotonic()
    assert isinstance(await refused(relay), errors.NoUpstreamKey)
    assert len(gemini.asked) == 3 and time.monotonic() - began < 0.5
    assert {state for state, _ in (await relay.keys()).values()} == {"disabled"}


# --- Rests -----------------------------------------------------------------------------------------------

# Noon in Los Angeles, in a summer to come: rests that are over by the database's own clock are dropped.
NOON = datetime(2040, 7, 1, 19, tzinfo=UTC)


@pytest.fixture
def at_noon(monkeypatch):
    """Noon in Los Angeles."""
    monkeypatch.setattr(clock, "source", lambda: NOON.timestamp())


@pytest.mark.parametrize(
    ("failure", "rest"),
    [
        (PER_DAY, timedelta(hours=12)),
        (NOT_OFFERED, timedelta(days=7)),
        (PER_MINUTE, timedelta(seconds=41)),
        (
            out_of_quota("GenerateContentInputTokensPerModelPerMinute-FreeTier", "250000", "7.5s"),
            timedelta(seconds=7.5),
        ),
        (out_of_quota("SpendLimit", "10", "soon"), timedelta(minutes=1)),
        (failed(429, "Resource has been exhausted (e.g. check quota)."), timedelta(seconds=30)),
        (failed(404, "This model is no longer available to new users."), timedelta(days=7)),
    ],
    ids=["a day", "never", "a minute", "tokens of a minute", "without a delay", "without a quota", "not to new users"],
)
async def test_a_quota_rests_as_long_as_it_takes_to_come_back(relay, gemini, at_noon, failure, rest):
    gemini.failing = lambda model, key, before: failure if before == 0 else None
    await answered(relay)
    found = (await relay.rests())[FIRST]
    assert (found.until - NOON).total_seconds() == pytest.approx(rest.total_seconds(), rel=0.11)
    assert found.domain.startswith("key:") and found.reason == failure.failure.name


async def test_a_day_ends_at_midnight_in_los_angeles_whatever_delay_the_upstream_names(relay, gemini, at_noon):
    gemini.failing = at_first(PER_DAY)
    await answered(relay)
    until = (await relay.rests())[FIRST].until.astimezone(ZoneInfo("America/Los_Angeles"))
    assert (until.day, until.hour, until.minute) == (2, 0, 0)


async def test_a_rest_is_of_one_model(relay, gemini):
    gemini.failing = for_model(first=PER_DAY)
    await refused(relay, FIRST)
    await answered(relay, SECOND)
    assert set(await relay.rests()) == {FIRST}


async def test_a_refused_place_rests_for_every_model(relay, gemini):
    gemini.failing = at_first(failed(400, "User location is not supported for the API use."))
    await answered(relay)
    assert set(await relay.rests()) == {""}


async def test_keys_of_one_project_rest_together(relay, gemini):
    from asgiref.sync import sync_to_async

    from accounts.models import ContributedKey

    await sync_to_async(lambda: [_put_in_project(key) for key in ContributedKey.objects.all()])()
    gemini.failing = always(PER_DAY)
    assert isinstance(await refused(relay), errors.PoolExhausted)
    assert len(gemini.asked) == 1


def _put_in_project(key):
    key.project = "one"
    key.save()


# --- Models ----------------------------------------------------------------------------------------------


async def test_a_model_that_is_gone_is_left_for_the_next_and_remembered_for_a_day(relay, gemini, monkeypatch):
    gemini.failing = for_model(first=GONE)
    job = await answered(relay, FIRST, SECOND)
    assert (job.model, gemini.models) == (SECOND, [FIRST, SECOND])
    await answered(relay, FIRST, SECOND)
    assert gemini.models == [FIRST, SECOND, SECOND]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 24 * 3600 - 60)
    assert is_gone(FIRST)
    monkeypatch.setattr(time, "time", lambda: now + 24 * 3600 + 60)
    assert not is_gone(FIRST)


async def test_a_model_that_is_gone_costs_no_key_anything(relay, gemini):
    gemini.failing = for_model(first=GONE)
    await answered(relay, FIRST, SECOND)
    assert {state for state, _ in (await relay.keys()).values()} == {"active"}
    assert await relay.rests() == {}


async def test_when_every_model_is_gone_there_is_no_such_model(relay, gemini):
    gemini.failing = always(GONE)
    for _ in range(2):
        error = await refused(relay, FIRST, SECOND)
        assert (type(error), error.param) == (errors.UnknownModel, "model")
    assert gemini.models == [FIRST, SECOND]


async def test_a_name_of_geminis_that_it_does_not_know_was_not_mapped_to_anything(relay, gemini):
    gemini.failing = always(GONE)
    job = await relay.job(FIRST)
    told = []
    for job.asked in (FIRST, "gpt-4"):
        with pytest.raises(errors.UnknownModel) as found:
            await complete(job)
        told.append(str(found.value))
    job.settle(404)
    assert told[0].startswith(f"The model `{FIRST}` does not exist: Gemini has no model of that name")
    assert told[1] == "The model `gpt-4` does not exist: Gemini retired every model it is mapped to."


@pytest.mark.parametrize("failure", [OVERLOADED, BROKEN, failed(504), GeminiFailure(EMPTY, Facts(200))])
async def test_a_model_in_trouble_is_left_for_the_next_at_once(relay, gemini, failure):
    gemini.failing = for_model(first=failure)
    job = await answered(relay, FIRST, SECOND)
    assert (job.model, gemini.models) == (SECOND, [FIRST, SECOND])
    assert {state for state, _ in (await relay.keys()).values()} == {"active"}
    assert await relay.rests() == {}


@pytest.mark.parametrize("failure", [OVERLOADED, BROKEN, GeminiFailure(UNREACHABLE, Facts(502))])
async def test_the_last_model_is_asked_again_a_few_times(relay, gemini, failure):
    gemini.failing = at_first(failure, failure)
    await answered(relay)
    assert len(gemini.asked) == 3


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (OVERLOADED, errors.UpstreamUnavailable),
        (BROKEN, errors.UpstreamError),
        (failed(504), errors.UpstreamTimeout),
        (GeminiFailure(UNREACHABLE, Facts(502)), errors.UpstreamUnavailable),
    ],
)
async def test_after_three_times_it_is_told(relay, gemini, failure, kind):
    gemini.failing = always(failure)
    assert type(await refused(relay)) is kind
    assert len(gemini.asked) == 3


async def test_a_model_out_of_quota_on_every_key_falls_to_the_next(relay, gemini):
    gemini.failing = for_model(first=PER_DAY)
    job = await answered(relay, FIRST, SECOND)
    assert gemini.models == [FIRST] * 3 + [SECOND]
    assert job.attempts == 4
    await answered(relay, FIRST, SECOND)
    assert gemini.models[4:] == [SECOND]


async def test_each_target_is_asked_in_its_own_words(relay, gemini):
    job = await relay.job(FIRST, SECOND)
    asked = []

    def to_body(model, candidates):
        asked.append((model, candidates))
        return {"contents": [{"role": "user", "parts": [{"text": model}]}]}

    job.calls = (replace(job.calls[0], to_body=to_body),)
    gemini.failing = for_model(first=OVERLOADED)
    await complete(job)
    job.settle()
    assert asked == [(FIRST, 1), (SECOND, 1)]
    assert [one.body["contents"][0]["parts"][0]["text"] for one in gemini.asked] == [FIRST, SECOND]


# --- The client's own mistakes, and repairs --------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (BAD, errors.InvalidRequest),
        (
            failed(400, "The input token count (9) exceeds the maximum number of tokens allowed (5)."),
            errors.ContextTooLong,
        ),
        (failed(403, "CachedContent not found"), errors.InvalidRequest),
        (failed(413), errors.InvalidRequest),
    ],
)
async def test_a_clients_mistake_is_told_at_once_and_harms_no_key(relay, gemini, failure, kind):
    gemini.failing = always(failure)
    assert type(await refused(relay, FIRST, SECOND)) is kind
    assert len(gemini.asked) == 1
    assert {state for state, _ in (await relay.keys()).values()} == {"active"}
    assert await relay.rests() == {} and await relay.counts() == {FIRST: (1, 0)}


BODY = {
    "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "generationConfig": {"presencePenalty": 1, "responseLogprobs": True, "thinkingConfig": {}, "temperature": 1},
}


async def test_a_refused_member_is_taken_out_and_the_same_model_asked_again(relay, gemini):
    gemini.failing = at_first(failed(400, "Penalty is not enabled for models/x"))
    await answered(relay, body=BODY)
    assert gemini.models == [FIRST, FIRST]
    assert "presencePenalty" not in gemini.asked[1].body["generationConfig"]
    assert gemini.asked[1].body["generationConfig"]["temperature"] == 1


async def test_each_repair_is_made_once(relay, gemini):
    texts = [
        "Penalty is not enabled for models/x",
        "Logprobs is not enabled for models/x",
        "Thinking level is not supported for this model.",
        "Developer instruction is not enabled for models/x",
        "Corrupted thought signature.",
    ]
    gemini.failing = at_first(*(failed(400, text) for text in texts))
    await answered(relay, body=BODY)
    last = gemini.asked[-1].body
    assert len(gemini.asked) == 6
    assert last["generationConfig"] == {"temperature": 1} and "systemInstruction" not in last
    assert [part["text"] for part in last["contents"][0]["parts"]] == ["Be brief.", "Hi"]


async def test_a_repair_that_does_not_help_is_told(relay, gemini):
    gemini.failing = always(failed(400, "Penalty is not enabled for models/x"))
    assert type(await refused(relay, FIRST, SECOND, body=BODY)) is errors.InvalidRequest
    assert len(gemini.asked) == 2


async def test_the_next_model_gets_the_whole_request_again(relay, gemini):
    gemini.failing = at_first(failed(400, "Penalty is not enabled for models/x"), OVERLOADED)
    await answered(relay, FIRST, SECOND, body=BODY)
    assert gemini.models == [FIRST, FIRST, SECOND]
    assert gemini.asked[2].body["generationConfig"]["presencePenalty"] == 1


# --- Time ------------------------------------------------------------------------------------------------


async def test_after_the_deadline_no_further_key_is_tried(relay, gemini, settings):
    settings.KEY_DEADLINE_SECONDS = 0
    gemini.failing = always(DEAD)
    await refused(relay)
    assert len(gemini.asked) == 1


async def test_a_slot_that_comes_in_time_is_waited_for(relay, gemini):
    gemini.failing = lambda model, key, before: out_of_quota("PerMinute", "5", "0.2s") if before < 3 else None
    began = time.monotonic()
    await answered(relay)
    assert 0.1 < time.monotonic() - began < 1.5
    assert len(gemini.asked) == 4


async def test_nothing_is_asked_while_every_key_rests(relay, gemini):
    gemini.failing = always(PER_DAY)
    await refused(relay)
    error = await refused(relay)
    assert len(gemini.asked) == 3
    assert error.wait > 60 and error.headers()["x-should-retry"] == "false"
