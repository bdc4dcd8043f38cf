"""Every way to fail has the envelope with its four members, a true status, and words that hold no secret."""

import json
import logging

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from accounts import metering
from accounts.contributing import disable_key
from accounts.models import ContributedKey, UsageRecord
from compat import errors, views
from compat.gemini.failures import (
    CUT_OFF,
    EMPTY,
    NONSENSE,
    TOO_LARGE,
    TOO_SLOW,
    UNREACHABLE,
    Facts,
    GeminiFailure,
    failure_of,
)
from tests.surface.conftest import MODEL, UPSTREAM_KEY

SECRET = "AIzaFakeSecretInUpstreamText"

# The contract's table: class, status, type, code.
TABLE = [
    (errors.InvalidRequest, 400, "invalid_request_error", None),
    (errors.ContextTooLong, 400, "invalid_request_error", "context_length_exceeded"),
    (errors.ContentFiltered, 400, "invalid_request_error", "content_filter"),
    (errors.MissingToken, 401, "invalid_request_error", None),
    (errors.InvalidToken, 401, "invalid_request_error", "invalid_api_key"),
    (errors.ModelNotAllowed, 403, "invalid_request_error", "model_not_allowed"),
    (errors.NotPermitted, 403, "invalid_request_error", "insufficient_permissions"),
    (errors.UnknownModel, 404, "invalid_request_error", "model_not_found"),
    (errors.UnknownRoute, 404, "invalid_request_error", "unknown_url"),
    (errors.NotFound, 404, "invalid_request_error", "not_found"),
    (errors.BodyTooLarge, 413, "invalid_request_error", "request_too_large"),
    (errors.UnsupportedMedia, 415, "invalid_request_error", "unsupported_media_type"),
    (errors.RateLimited, 429, "rate_limit_error", "rate_limit_exceeded"),
    (errors.PoolExhausted, 429, "rate_limit_error", "pool_exhausted"),
    (errors.QuotaSpent, 429, "insufficient_quota", "insufficient_quota"),
    (errors.InternalError, 500, "server_error", None),
    (errors.UpstreamError, 502, "server_error", "upstream_error"),
    (errors.UpstreamUnavailable, 503, "server_error", "upstream_unavailable"),
    (errors.NoUpstreamKey, 503, "server_error", "no_upstream_key"),
    (errors.StorageUnavailable, 503, "server_error", "storage_unavailable"),
    (errors.UpstreamTimeout, 504, "server_error", "upstream_timeout"),
]


@pytest.mark.parametrize(("kind", "status", "type_", "code"), TABLE, ids=[row[0].__name__ for row in TABLE])
def test_every_error_is_as_the_contract_says(kind, status, type_, code):
    error = kind("Words.", param="p") if not issubclass(kind, errors.Retryable) else kind("Words.")
    body = json.loads(errors.error_json(error))["error"]
    assert body == {"message": "Words.", "type": type_, "param": error.param, "code": code}
    assert error.status == status


def _all(kind):
    return {kind, *(found for child in kind.__subclasses__() for found in _all(child))}


def test_no_error_is_left_out_above_or_in_the_tree_of_the_module():
    kinds = _all(errors.CompatError)
    abstract = {errors.CompatError, errors.Retryable}
    shown = {
        line.split()[0] for line in errors.__doc__.splitlines() if line.strip()[-3:].isdecimal() or "400  " in line
    }
    ours = {kind for kind in kinds - abstract if kind.__module__ == "compat.errors"}
    assert {kind.__name__ for kind in ours} <= shown
    assert {row[0] for row in TABLE} == kinds - abstract - {errors.WrongMethod} - {
        kind for kind in kinds if kind.__module__ != "compat.errors"
    }


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (errors.PoolExhausted("x", 0.2), {"retry-after": "1", "retry-after-ms": "200"}),
        (errors.RateLimited("x", 59.1), {"retry-after": "60", "retry-after-ms": "59100"}),
        (errors.PoolExhausted("x", 61), {"retry-after": "61", "x-should-retry": "false"}),
        (errors.UpstreamUnavailable("x"), {}),
        (errors.QuotaSpent("x"), {"x-should-retry": "false"}),
        (errors.MissingToken("x"), {"www-authenticate": "Bearer"}),
        (errors.InvalidToken("x"), {"www-authenticate": "Bearer"}),
        (errors.WrongMethod("PUT", ["GET", "HEAD"]), {"allow": "GET, HEAD"}),
        (errors.InternalError("x"), {}),
    ],
)
def test_errors_say_in_headers_what_can_be_done(error, headers):
    assert error.headers() == headers


# --- Upstream --------------------------------------------------------------------------------------------


def upstream(status, message, name="X", *details):
    body = {"error": {"code": status, "message": f"{message} {SECRET}", "status": name, "details": list(details)}}
    return failure_of(status, json.dumps(body).encode())


def quota(quota_id, value="20"):
    return {"@type": "x.QuotaFailure", "violations": [{"quotaId": quota_id, "quotaValue": value}]}


FAILURES = [
    ("a broken request", upstream(400, "Request contains an invalid argument."), 400, "invalid_value"),
    (
        "a long prompt",
        upstream(400, "The input token count (9) exceeds the maximum number of tokens allowed (5)."),
        400,
        "context_length_exceeded",
    ),
    ("a foreign file", upstream(403, "You do not have permission to access the File x"), 400, "invalid_value"),
    ("a signature again", upstream(400, "Corrupted thought signature."), 400, "invalid_value"),
    ("a dead key", upstream(400, "API key not valid."), 503, "no_upstream_key"),
    ("a leaked key", upstream(403, "Your API key was reported as leaked."), 503, "no_upstream_key"),
    ("an unpaid project", upstream(402, "Your prepayment credits are depleted."), 503, "no_upstream_key"),
    ("a refused place", upstream(400, "User location is not supported for the API use."), 503, "upstream_unavailable"),
    ("two credentials", upstream(400, "Multiple authentication credentials received."), 500, None),
    ("a model that is gone", upstream(404, "models/x is not found"), 404, "model_not_found"),
    ("a day's quota", upstream(429, "Quota.", "X", quota("RequestsPerDay")), 429, "pool_exhausted"),
    (
        "a minute's quota",
        upstream(429, "Quota. Please retry in 41s.", "X", quota("RequestsPerMinute")),
        429,
        "pool_exhausted",
    ),
    ("no quota at all", upstream(429, "Quota.", "X", quota("RequestsPerDay", "0")), 429, "pool_exhausted"),
    ("a bare 429", upstream(429, "Resource has been exhausted"), 429, "pool_exhausted"),
    ("an overload", upstream(503, "The model is overloaded."), 503, "upstream_unavailable"),
    ("an internal error", upstream(500, "Internal error encountered."), 502, "upstream_error"),
    ("a deadline", upstream(504, "Deadline expired."), 504, "upstream_timeout"),
    ("HTML", failure_of(502, f"<html>{SECRET}</html>".encode()), 502, "upstream_error"),
    ("silence", GeminiFailure(TOO_SLOW, Facts(504)), 504, "upstream_timeout"),
    ("nobody there", GeminiFailure(UNREACHABLE, Facts(502)), 503, "upstream_unavailable"),
    ("nonsense", GeminiFailure(NONSENSE, Facts(200)), 502, "upstream_error"),
    ("an empty answer", GeminiFailure(EMPTY, Facts(200)), 502, "upstream_error"),
    ("too large an answer", GeminiFailure(TOO_LARGE, Facts(200)), 502, "upstream_error"),
    ("a cut answer", GeminiFailure(CUT_OFF, Facts(200)), 502, "upstream_error"),
]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch, settings):
    """Retries follow at once, and nobody waits in line for a slot."""
    monkeypatch.setattr("compat.relay.attempts.random.random", lambda: -0.5)
    settings.KEY_DEADLINE_SECONDS = 0.5


@pytest.mark.parametrize(("failure", "status", "code"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
@pytest.mark.parametrize("way", ["whole", "streamed", "embeddings"])
async def test_every_failure_upstream_has_a_true_status_and_no_words_of_the_upstream(
    site, caplog, failure, status, code, way
):
    site.gemini.failure = failure
    caplog.set_level(logging.DEBUG)
    if way == "embeddings":
        answered = await site.ask("/v1/embeddings", b'{"model":"text-embedding-3-small","input":"Hi"}')
    else:
        answered = await site.chat(stream=way == "streamed")
    assert (answered.status, answered.error["code"]) == (status, code)
    assert answered.headers["content-type"] == "application/json"
    for secret in (SECRET, UPSTREAM_KEY, site.token):
        assert secret not in answered.body.decode() and secret not in caplog.text
    [record] = await site.records()
    assert (record.status, record.total_tokens) == (status, 0)
    assert record.attempts == len(site.gemini.calls) == int(answered.headers["x-tumbler-attempts"])


async def test_a_blocked_prompt_is_told_as_such_whole_and_streamed(site):
    site.gemini.reply = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}
    for stream in (False, True):
        answered = await site.chat(stream=stream)
        assert (answered.status, answered.error["code"]) == (400, "content_filter")
    assert len(site.gemini.calls) == 2
    assert await sync_to_async(ContributedKey.objects.filter(state="active").count)() == 1


@pytest.mark.parametrize("failure", [row[1] for row in FAILURES], ids=[row[0] for row in FAILURES])
@pytest.mark.parametrize("endpoint", ["chat/completions", "completions"])
async def test_a_stream_that_breaks_ends_with_an_error_event_and_without_done(site, failure, endpoint):
    site.gemini.reply = {
        "candidates": [{"content": {"parts": [{"text": "Hel"}]}}],
        "usageMetadata": {"promptTokenCount": 5},
    }
    site.gemini.cut = failure
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "prompt": "Hi", "stream": True}
    answered = await site.ask(f"/v1/{endpoint}", json.dumps(body).encode())
    assert answered.status == 200
    *_, last, end = answered.body.decode().split("\n\n")
    assert end == "" and "[DONE]" not in answered.body.decode()
    error = json.loads(last.removeprefix("data: "))
    assert set(error) == {"error"} and set(error["error"]) == {"message", "type", "param", "code"}
    assert SECRET not in answered.body.decode()
    assert "Hel" in answered.body.decode()
    [record] = await site.records()
    assert record.prompt_tokens == 5 and record.completion_tokens == 1 and record.counts_from == "estimated"
    assert record.status != 200


# --- Our own ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
async def test_without_a_key_it_is_told_at_once_and_nothing_is_sent(site, stream):
    key = await sync_to_async(ContributedKey.objects.get)()
    await sync_to_async(disable_key)(key, "by hand")
    answered = await site.chat(stream=stream)
    assert (answered.status, answered.error["code"]) == (503, "no_upstream_key")
    assert not site.gemini.calls


@pytest.mark.parametrize("stream", [False, True])
async def test_a_mistake_of_our_own_is_a_500_that_tells_only_its_request(site, monkeypatch, caplog, stream):
    def mistaken(*args):
        raise ZeroDivisionError(SECRET)

    monkeypatch.setattr(views.answering, "plan", mistaken)
    answered = await site.chat(stream=stream)
    assert (answered.status, answered.error["type"], answered.error["code"]) == (500, "server_error", None)
    assert answered.headers["x-request-id"] in answered.error["message"]
    assert SECRET not in answered.body.decode() and "Traceback" not in answered.body.decode()
    assert answered.headers["x-request-id"] in caplog.text


async def test_a_database_out_of_reach_is_a_503(site, monkeypatch):
    async def unreachable(*args):
        raise OperationalError(SECRET)

    monkeypatch.setattr(views.answering, "resolve", unreachable)
    answered = await site.chat()
    assert (answered.status, answered.error["code"]) == (503, "storage_unavailable")
    assert SECRET not in answered.body.decode() and answered.headers["retry-after"] == "5"
    assert await site.untouched()


@pytest.mark.parametrize("stream", [False, True])
async def test_usage_that_cannot_be_written_down_is_not_caused(site, monkeypatch, stream):
    def full(*args, **kwargs):
        raise metering.StorageUnavailable("the disk is full")

    monkeypatch.setattr(metering, "admit", full)
    answered = await site.chat(stream=stream)
    assert (answered.status, answered.error["code"]) == (503, "storage_unavailable")
    assert not site.gemini.calls


async def test_a_good_answer_is_recorded_once_as_it_was(site):
    for stream in (False, True):
        assert (await site.chat(stream=stream)).status == 200
    for record in await site.records():
        assert (record.status, record.error_code, record.attempts, record.model, record.gemini_model) == (
            200,
            "",
            1,
            MODEL,
            MODEL,
        )
        assert (record.prompt_tokens, record.completion_tokens, record.total_tokens) == (5, 2, 7)
        assert record.counts_from == UsageRecord.CountsFrom.UPSTREAM
