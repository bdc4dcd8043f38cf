"""Every way to fail at every door: the contract's status, in the dialect's own shape, and words that hold no secret."""

import json
import logging
from typing import Any

import pytest
from django.db import OperationalError

from accounts import metering
from accounts.contributing import disable_key
from accounts.in_db import in_db
from accounts.models import ContributedKey
from compat import views
from tests.doors.conftest import KEYS, Client, record, records
from tests.doors.door import Told
from tests.gemini_replies import GONE, KEY_INVALID, OVERLOADED, error, out_of_quota
from tests.scripted_gemini import ScriptedGemini

SECRET = "AIzaFakeSecretInUpstreamText"
PROMPT = "prompt-like-no-other"
BAD = "invalid_request_error"


def check(client: Client, told: Told, status: int, kind: str, code: str | None, param: str | None = None) -> None:
    """Hold an error to the contract, as the dialect says it."""
    door = client.door
    assert told.error is not None, told.response.text
    assert (told.status, told.error.type) == (status, door.error_type(status, kind, code))
    assert told.error.message and told.headers["x-request-id"].startswith("req_")
    if door.has_codes:
        assert told.error.code == code
        assert param is None or told.error.param == param


async def untouched(gemini: ScriptedGemini) -> bool:
    """True when nothing was sent upstream and nothing written down."""
    return not gemini.calls and not await records()


# --- whoever asks -------------------------------------------------------------------------------------------------


async def test_without_a_token_nobody_is_answered(client: Client, gemini: ScriptedGemini) -> None:
    client.token = None
    told = await client.ask()
    check(client, told, 401, BAD, None)
    assert told.headers["www-authenticate"] == "Bearer"
    assert await untouched(gemini)


async def test_a_wrong_token_is_refused(client: Client, gemini: ScriptedGemini) -> None:
    client.token = f"{client.token}x"
    check(client, await client.ask(), 401, BAD, "invalid_api_key")
    assert await untouched(gemini)


async def test_a_token_of_another_scope_is_refused(whole: Client, gemini: ScriptedGemini) -> None:
    await whole.issue(scopes=["usage"])
    check(whole, await whole.ask(), 403, BAD, "insufficient_permissions")
    assert await untouched(gemini)


async def test_a_model_that_the_token_may_not_use_is_refused(client: Client, gemini: ScriptedGemini) -> None:
    await client.issue(allowed_models=["gemma-*"])
    check(client, await client.ask(), 403, BAD, "model_not_allowed", "model")
    assert await untouched(gemini)


async def test_a_token_is_taken_in_either_header(whole: Client, gemini: ScriptedGemini) -> None:
    gemini.will_say(whole.door.reply("Hello!"))
    token, whole.token = whole.token, None
    for headers in ({"authorization": f"Bearer {token}"}, {"x-api-key": f"{token}"}):
        assert (await whole.send(whole.request(), headers)).status_code == 200


# --- bad requests -------------------------------------------------------------------------------------------------

# What it is, the bytes, the contract's code.
BODIES = [
    ("nothing", b"", "invalid_json"),
    ("half an object", b'{"model":', "invalid_json"),
    ("no UTF-8", b'{"model":"\xff"}', "invalid_json"),
    ("a list", b"[]", "invalid_type"),
    ("null", b"null", "invalid_type"),
    ("NaN", b'{"model":NaN}', "invalid_json"),
    ("something behind it", b'{"model":"gemini-2.5-flash"} x', None),
    ("no member at all", b"{}", "missing_required_parameter"),
    ("a member twice", b'{"model":"a","model":"b"}', None),
    ("100,000 lists", b"[" * 100_000, "invalid_type"),
    ("100,000 lists inside", b'{"model":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None),
]


@pytest.mark.parametrize(("body", "code"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
async def test_what_is_no_request_is_a_400(
    whole: Client, gemini: ScriptedGemini, body: bytes, code: str | None
) -> None:
    if not whole.door.takes_json:
        pytest.skip("its requests are forms: tests/surface/test_forms.py")
    asked = whole.request()
    asked.body = body
    told = whole.door.read(await whole.send(asked))
    assert told.error is not None
    check(whole, told, 400, BAD, code or told.error.code)
    assert len(told.response.content) < 1_000
    assert await untouched(gemini)


@pytest.mark.parametrize("number", [1, None, "", "x" * 10_240], ids=["a number", "null", "empty", "10 kB"])
async def test_what_is_no_model_is_named(whole: Client, gemini: ScriptedGemini, number: Any) -> None:
    asked = whole.request()
    if "model" not in asked.body:
        pytest.skip("the model is in this door's path")
    if not whole.door.takes_json:
        pytest.skip("a form holds only texts, and each of these may be a model's name")
    if number is None and not whole.door.names_model:
        pytest.skip("null is as absent, and the door has a model of its own")
    asked.body["model"] = number
    told = whole.door.read(await whole.send(asked))
    assert told.error is not None
    check(whole, told, 400, BAD, told.error.code, "model")
    assert whole.door.has_codes or "model" in told.error.message
    assert await untouched(gemini)


async def test_an_unknown_model_is_a_404(client: Client, gemini: ScriptedGemini) -> None:
    check(client, await client.ask("gpt-nobody-knows"), 404, BAD, "model_not_found", "model")
    assert await untouched(gemini)


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "found out"])
async def test_a_body_over_the_limit_is_a_413(
    whole: Client, gemini: ScriptedGemini, settings: Any, declared: bool
) -> None:
    settings.MAX_BODY_BYTES = 1_000
    asked = whole.request(text="x" * 1_000)
    headers = {"content-length": str(len(asked.content))} if declared else {}
    told = whole.door.read(await whole.send(asked, headers))
    check(whole, told, 413, BAD, "request_too_large")
    assert await untouched(gemini)


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("content-type", "text/plain", "unsupported_media_type"),
        ("content-type", "text/json", "unsupported_media_type"),
        ("content-type", "application/jsonp", "unsupported_media_type"),
        ("content-type", "application/x-www-form-urlencoded", "unsupported_media_type"),
        ("content-type", "application/json; charset=utf-16", "unsupported_media_type"),
        ("content-type", "application/json; charset=bz2_codec", "unsupported_media_type"),
        ("content-type", "", "unsupported_media_type"),
        ("content-encoding", "gzip", "unsupported_content_encoding"),
        ("content-encoding", "GZIP", "unsupported_content_encoding"),
        ("content-encoding", "br", "unsupported_content_encoding"),
        ("content-encoding", "deflate, gzip", "unsupported_content_encoding"),
    ],
)
async def test_what_is_not_called_what_it_must_be_is_a_415(
    whole: Client, gemini: ScriptedGemini, header: str, value: str, code: str
) -> None:
    told = whole.door.read(await whole.send(whole.request(), {header: value}))
    check(whole, told, 415, BAD, code)
    assert await untouched(gemini)


async def test_another_method_is_a_405(whole: Client, gemini: ScriptedGemini) -> None:
    told = whole.door.read(await whole.send(whole.request(), method="PUT"))
    check(whole, told, 405, BAD, "method_not_allowed")
    assert "POST" in told.headers["allow"]


async def test_another_host_is_refused(whole: Client, gemini: ScriptedGemini) -> None:
    told = whole.door.read(await whole.send(whole.request(), {"host": "evil.example"}))
    check(whole, told, 400, BAD, "invalid_host")
    assert await untouched(gemini)


async def test_a_browser_of_any_origin_is_let_in_and_may_read_the_headers(
    whole: Client, gemini: ScriptedGemini
) -> None:
    origin = {"origin": "https://page.example"}
    asked = {**origin, "access-control-request-headers": ", ".join(whole.door.credentials("x"))}
    preflight = await whole.send(whole.request(), asked, method="OPTIONS")
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-headers"] == asked["access-control-request-headers"]
    gemini.will_refuse(400, KEY_INVALID)
    for token in (whole.token, None):
        whole.token = token
        headers = (await whole.send(whole.request(), origin)).headers
        assert headers["access-control-allow-origin"] == "*"
        assert "x-request-id" in headers["access-control-expose-headers"]


# --- upstream -----------------------------------------------------------------------------------------------------


def refusal(status: int, message: str, name: str = "X") -> dict[str, Any]:
    return error(status, name, f"{message} {SECRET}")


MINUTE, DAY = "GenerateRequestsPerMinutePerProjectPerModel", "GenerateRequestsPerDayPerProjectPerModel"
TOO_LONG = "The input token count (9) exceeds the maximum number of tokens allowed (5)."
# What Gemini says, with which status; what the client is told.
REFUSALS: list[tuple[str, int, Any, int, str, str | None]] = [
    ("a broken request", 400, refusal(400, "Request contains an invalid argument."), 400, BAD, "invalid_value"),
    ("a long prompt", 400, refusal(400, TOO_LONG), 400, BAD, "context_length_exceeded"),
    ("a foreign file", 403, refusal(403, "You do not have permission to access the File x"), 400, BAD, "invalid_value"),
    ("dead keys", 400, KEY_INVALID, 503, "server_error", "no_upstream_key"),
    ("leaked keys", 403, refusal(403, "Your API key was reported as leaked."), 503, "server_error", "no_upstream_key"),
    ("unpaid", 402, refusal(402, "Your prepayment credits are depleted."), 503, "server_error", "no_upstream_key"),
    (
        "a refused place",
        400,
        refusal(400, "User location is not supported for the API use."),
        503,
        "server_error",
        "upstream_unavailable",
    ),
    ("two credentials", 400, refusal(400, "Multiple authentication credentials received."), 500, "server_error", None),
    ("a model that is gone", 404, GONE, 404, BAD, "model_not_found"),
    ("a day's quota", 429, out_of_quota(DAY + SECRET), 429, "rate_limit_error", "pool_exhausted"),
    ("a minute's quota", 429, out_of_quota(MINUTE), 429, "rate_limit_error", "pool_exhausted"),
    ("no quota at all", 429, out_of_quota(DAY, value="0"), 429, "rate_limit_error", "pool_exhausted"),
    ("a bare 429", 429, refusal(429, "Resource has been exhausted"), 429, "rate_limit_error", "pool_exhausted"),
    ("an overload", 503, OVERLOADED, 503, "server_error", "upstream_unavailable"),
    ("an internal error", 500, refusal(500, "Internal error."), 502, "server_error", "upstream_error"),
    ("a deadline", 504, refusal(504, "Deadline expired."), 504, "server_error", "upstream_timeout"),
    ("HTML", 502, f"<html>{SECRET}</html>".encode(), 502, "server_error", "upstream_error"),
    ("nonsense", 200, b'{"hello": "world"}', 502, "server_error", "upstream_error"),
    ("nothing", 200, b"", 502, "server_error", "upstream_error"),
    ("a redirect", 307, b"", 502, "server_error", "upstream_error"),
]


@pytest.mark.parametrize(
    ("status", "body", "told_status", "kind", "code"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
async def test_every_failure_upstream_has_a_true_status_and_no_words_of_the_upstream(
    client: Client,
    gemini: ScriptedGemini,
    caplog: pytest.LogCaptureFixture,
    status: int,
    body: Any,
    told_status: int,
    kind: str,
    code: str | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    gemini.will_refuse(status, body, headers={"location": f"/{SECRET}"})
    asked = client.request(text=PROMPT)
    told = client.door.read(await client.send(asked))
    check(client, told, told_status, kind, code)
    assert told.error is not None
    if told.error.param is not None and not isinstance(asked.body, bytes):
        assert told.error.param in asked.body, "it names a member of the request"
    for secret in (SECRET, PROMPT, str(client.token), *KEYS):
        assert secret not in told.response.text + str(told.headers) + caplog.text
    row = await record()
    assert (row.endpoint, row.status, row.total_tokens) == (client.door.name, told_status, 0)
    assert row.error_code == (code or kind)
    assert row.attempts == len(gemini.calls) == told.attempts


async def test_silence_is_a_504(client: Client, gemini: ScriptedGemini, settings: Any) -> None:
    settings.FIRST_BYTE_SECONDS = 0.2
    gemini.will_hang()
    check(client, await client.ask(), 504, "server_error", "upstream_timeout")


async def test_nobody_there_is_a_503(client: Client, gemini: ScriptedGemini, settings: Any) -> None:
    settings.GEMINI_BASE_URL = "http://127.0.0.1:9"
    told = await client.ask()
    check(client, told, 503, "server_error", "upstream_unavailable")
    assert "127.0.0.1" not in told.response.text


@pytest.mark.usefixtures("unhurried")
async def test_a_pool_out_of_quota_names_its_soonest_slot(client: Client, gemini: ScriptedGemini) -> None:
    for key, delay in zip(KEYS, ("50s", "40s", "55s"), strict=True):
        gemini.will_refuse(429, out_of_quota(MINUTE, retry=delay), key=key)
    for _ in range(2):
        told = await client.ask()
        check(client, told, 429, "rate_limit_error", "pool_exhausted")
        assert 38 <= int(told.headers["retry-after"]) <= 45
        assert 38_000 <= int(told.headers["retry-after-ms"]) <= 45_000
    assert len(gemini.calls) == 3, "who is known to be spent is not asked"


async def test_an_overload_says_when_to_come_again(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_refuse(503, OVERLOADED)
    assert int((await client.ask()).headers["retry-after"]) >= 1


# --- our own ------------------------------------------------------------------------------------------------------


async def test_without_a_key_it_is_told_at_once_and_nothing_is_sent(client: Client, gemini: ScriptedGemini) -> None:
    await in_db(lambda: [disable_key(key, "by hand") for key in ContributedKey.objects.all()])
    check(client, await client.ask(), 503, "server_error", "no_upstream_key")
    assert not gemini.calls


async def test_a_mistake_of_our_own_is_a_500_that_tells_only_its_request(
    client: Client, gemini: ScriptedGemini, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(*_: Any) -> None:
        raise ZeroDivisionError(SECRET)

    monkeypatch.setattr("compat.relay.job.metering.admit", mistaken)
    told = await client.ask()
    check(client, told, 500, "server_error", None)
    assert told.error is not None
    assert told.headers["x-request-id"] in told.error.message
    assert SECRET not in told.response.text and "Traceback" not in told.response.text
    assert told.headers["x-request-id"] in caplog.text


async def test_a_database_out_of_reach_is_a_503(
    client: Client, gemini: ScriptedGemini, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: Any) -> None:
        raise OperationalError(SECRET)

    monkeypatch.setattr(views.answering, "resolve", unreachable)
    told = await client.ask()
    check(client, told, 503, "server_error", "storage_unavailable")
    assert SECRET not in told.response.text and told.headers["retry-after"] == "5"
    assert await untouched(gemini)


async def test_usage_that_cannot_be_written_down_is_not_caused(
    client: Client, gemini: ScriptedGemini, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise metering.StorageUnavailable("the disk is full")

    await client.issue(rpm=1)
    with monkeypatch.context() as patched:
        patched.setattr(metering, "admit", full)
        check(client, await client.ask(), 503, "server_error", "storage_unavailable")
    assert not gemini.calls
    gemini.will_say(client.door.reply("Hello!"))
    assert (await client.ask()).status == 200, "nothing was taken"


async def test_every_answer_carries_the_common_headers(client: Client, gemini: ScriptedGemini) -> None:
    gemini.will_say(client.door.reply("Hello!"), times=1)
    gemini.will_refuse(400, json.dumps(GONE).encode())
    for status in (200, 400):
        headers = (told := await client.ask()).headers
        assert told.status == status
        assert (headers["x-tumbler-upstream"], headers["x-tumbler-model"]) == ("gemini", client.door.model)
        assert headers["openai-version"] == "2020-10-01" and headers["openai-processing-ms"].isdecimal()
        assert "no-store" in headers["cache-control"]
