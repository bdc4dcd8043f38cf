"""Gemini's errors → failures: whose fault, what to do next, how long to rest, and what the client sees."""

import json
from pathlib import Path

import pytest

from compat.gemini.failures import FAILURES, Blame, Next, Rest, failure_from_error, failure_of
from compat.translation.repairs import REPAIRS

RECORDINGS = Path(__file__).parent.parent / "recordings" / "gemini"
PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
TOKENS_PER_MINUTE = "GenerateContentInputTokensPerModelPerMinute-FreeTier"


def body(code, message="", status="", *details):
    return {
        "error": {"code": code, "message": message, "status": status, **({"details": list(details)} if details else {})}
    }


def reason(name):
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": name, "domain": "googleapis.com"}


def quota(*violations):
    made = [{"quotaId": quota_id, "quotaValue": value} for quota_id, value in violations]
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": made}


def retry(delay):
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def found(http_status, given):
    return failure_of(http_status, given if isinstance(given, bytes) else json.dumps(given).encode())


@pytest.mark.parametrize(
    ("file", "name", "retry_seconds"),
    [
        ("error-400-api-key-invalid", "key_invalid", None),
        ("error-400-cache-too-small", "bad_request", None),
        ("error-400-location", "location", None),
        ("error-400-thought-signature-missing", "signature_missing", None),
        ("error-402-prepay-depleted", "project_unpaid", None),
        ("error-403-api-not-enabled", "api_disabled", None),
        ("error-403-leaked-key", "key_leaked", None),
        ("error-404-model", "model_gone", None),
        ("error-429-free-tier-per-day", "quota_day", 41),
        ("error-429-paid-tier-input-tokens", "quota_minute", 48),
        ("error-503-high-demand", "overloaded", None),
    ],
)
def test_every_recorded_error_is_known(file, name, retry_seconds):
    recorded = (RECORDINGS / f"{file}.json").read_bytes()
    status = int(file.split("-")[1])
    # As it came, in a list as array streams and Google's OpenAI layer send it, and midway in a stream of status 200.
    for failure in (
        failure_of(status, recorded),
        failure_of(status, b"[" + recorded + b"]"),
        failure_from_error(json.loads(recorded)["error"], 200),
    ):
        assert failure.failure.name == name
        assert failure.facts.retry_seconds == retry_seconds
        assert failure.facts.http_status == status


def test_no_recorded_error_is_left_out_above():
    names = {path.stem for path in RECORDINGS.glob("error-*.json")}
    (mark,) = (mark for mark in test_every_recorded_error_is_known.pytestmark if mark.name == "parametrize")
    assert names == {row[0] for row in mark.args[1]}


DEAD_KEY = (Blame.KEY, Next.KEY, Rest.NONE, True, "no_upstream_key")
DEAD_PROJECT = (Blame.PROJECT, Next.KEY, Rest.NONE, True, "no_upstream_key")
CLIENTS_FAULT = (Blame.REQUEST, Next.STOP, Rest.NONE, False, "invalid_request")
REPAIR = (Blame.REQUEST, Next.REPAIR, Rest.NONE, False, "invalid_request")


def out_of_quota(rest):
    return (Blame.QUOTA, Next.KEY, rest, False, "pool_exhausted")


# Status, error body, and (blame, next, rest, disables, client code): each row of the table of the Gemini API's errors.
ROWS = [
    (
        400,
        body(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", reason("API_KEY_INVALID")),
        DEAD_KEY,
    ),
    (400, body(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT"), DEAD_KEY),
    (400, body(400, "API Key not found. Please pass a valid API key.", "INVALID_ARGUMENT"), DEAD_KEY),
    (400, body(400, "API key expired. Please renew the API key.", "INVALID_ARGUMENT"), DEAD_KEY),
    (
        400,
        body(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"),
        (Blame.ADDRESS, Next.KEY, Rest.DELAY, False, "upstream_unavailable"),
    ),
    (
        400,
        body(
            400,
            "Gemini API free tier is not available in your country. Please enable billing on your project.",
            "FAILED_PRECONDITION",
        ),
        DEAD_PROJECT,
    ),
    (400, body(400, "Request contains an invalid argument.", "INVALID_ARGUMENT"), CLIENTS_FAULT),
    (
        400,
        body(400, "Please ensure that the number of function response parts is equal to …", "INVALID_ARGUMENT"),
        CLIENTS_FAULT,
    ),
    (
        400,
        body(400, 'Invalid JSON payload received. Unknown name "x": Cannot find field.', "INVALID_ARGUMENT"),
        CLIENTS_FAULT,
    ),
    (
        400,
        body(
            400, "The specified schema produces a constraint that has too many states for serving.", "INVALID_ARGUMENT"
        ),
        CLIENTS_FAULT,
    ),
    (
        400,
        body(
            400,
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            "INVALID_ARGUMENT",
        ),
        (Blame.REQUEST, Next.STOP, Rest.NONE, False, "context_length_exceeded"),
    ),
    (400, body(400, "Function call is missing a thought_signature in functionCall parts.", "INVALID_ARGUMENT"), REPAIR),
    (400, body(400, "Corrupted thought signature.", "INVALID_ARGUMENT"), REPAIR),
    (400, body(400, "Invalid thought signature.", "INVALID_ARGUMENT"), REPAIR),
    (400, body(400, "Penalty is not enabled for models/gemini-2.5-flash", "INVALID_ARGUMENT"), REPAIR),
    (400, body(400, "Logprobs is not enabled for models/gemini-2.5-flash", "INVALID_ARGUMENT"), REPAIR),
    (400, body(400, "Thinking level is not supported for this model.", "INVALID_ARGUMENT"), REPAIR),
    (400, body(400, "Budget 0 is invalid. This model only works in thinking mode.", "INVALID_ARGUMENT"), REPAIR),
    (
        400,
        body(400, "The thinking budget 5 is invalid. Please choose a value between 512 and 24576.", "INVALID_ARGUMENT"),
        REPAIR,
    ),
    (400, body(400, "Developer instruction is not enabled for models/gemma-3-27b-it", "INVALID_ARGUMENT"), REPAIR),
    (
        400,
        body(400, "Multiple authentication credentials received. Please pass only one.", "INVALID_ARGUMENT"),
        (Blame.GATEWAY, Next.STOP, Rest.NONE, False, "upstream_error"),
    ),
    (
        401,
        body(401, "Request had invalid credentials.", "UNAUTHENTICATED", reason("ACCESS_TOKEN_TYPE_UNSUPPORTED")),
        DEAD_KEY,
    ),
    (401, body(401, "API keys are not supported by this API.", "UNAUTHENTICATED"), DEAD_KEY),
    (401, body(401, "", "UNAUTHENTICATED"), DEAD_KEY),
    (402, body(402, "Your prepayment credits are depleted.", "RESOURCE_EXHAUSTED"), DEAD_PROJECT),
    (429, body(429, "Your prepayment credits are depleted.", "RESOURCE_EXHAUSTED"), DEAD_PROJECT),
    (403, body(403, "Your API key was reported as leaked. Please use another API key.", "PERMISSION_DENIED"), DEAD_KEY),
    (
        403,
        body(
            403,
            "Permission denied: Consumer 'api_key:XYZ' has been suspended.",
            "PERMISSION_DENIED",
            reason("CONSUMER_SUSPENDED"),
        ),
        DEAD_PROJECT,
    ),
    (
        403,
        body(403, "Permission denied: Consumer 'api_key:XYZ' has been suspended.", "PERMISSION_DENIED"),
        DEAD_PROJECT,
    ),
    (
        403,
        body(403, "Generative Language API has not been used …", "PERMISSION_DENIED", reason("SERVICE_DISABLED")),
        DEAD_PROJECT,
    ),
    (403, body(403, "Your project has been denied access. Please contact support.", "PERMISSION_DENIED"), DEAD_PROJECT),
    (
        403,
        body(403, "Requests to this API are blocked.", "PERMISSION_DENIED", reason("API_KEY_SERVICE_BLOCKED")),
        DEAD_KEY,
    ),
    (
        403,
        body(403, "Requests from referer <empty> are blocked.", "", reason("API_KEY_HTTP_REFERRER_BLOCKED")),
        DEAD_KEY,
    ),
    (
        403,
        body(403, "The provided API key has an IP address restriction.", "", reason("API_KEY_IP_ADDRESS_BLOCKED")),
        DEAD_KEY,
    ),
    (403, body(403, "Method doesn't allow unregistered callers.", "PERMISSION_DENIED"), DEAD_KEY),
    (403, body(403, "Something new.", "PERMISSION_DENIED"), DEAD_KEY),
    (403, body(403, "CachedContent not found (or permission denied)", "PERMISSION_DENIED"), CLIENTS_FAULT),
    (
        403,
        body(403, "You do not have permission to access the File abc or it may not exist.", "PERMISSION_DENIED"),
        REPAIR,
    ),
    (
        404,
        body(
            404, "models/x is not found for API version v1beta, or is not supported for generateContent.", "NOT_FOUND"
        ),
        (Blame.MODEL, Next.MODEL, Rest.NONE, False, "model_not_found"),
    ),
    (
        404,
        body(404, "This model models/x is no longer available to new users.", "NOT_FOUND"),
        (Blame.QUOTA, Next.KEY, Rest.WEEK, False, "model_not_found"),
    ),
    (408, body(408, "", "DEADLINE_EXCEEDED"), (Blame.MODEL, Next.AGAIN, Rest.NONE, False, "upstream_timeout")),
    (
        504,
        body(504, "Deadline expired.", "DEADLINE_EXCEEDED"),
        (Blame.MODEL, Next.AGAIN, Rest.NONE, False, "upstream_timeout"),
    ),
    (429, body(429, "Quota.", "RESOURCE_EXHAUSTED", quota((PER_MINUTE, "15")), retry("41s")), out_of_quota(Rest.DELAY)),
    (429, body(429, "Quota.", "RESOURCE_EXHAUSTED", quota((TOKENS_PER_MINUTE, "250000"))), out_of_quota(Rest.DELAY)),
    (429, body(429, "Quota.", "RESOURCE_EXHAUSTED", retry("41s"), quota((PER_DAY, "20"))), out_of_quota(Rest.DAY)),
    (
        429,
        body(429, "Quota.", "RESOURCE_EXHAUSTED", quota((PER_MINUTE, "15"), (PER_DAY, "20"))),
        out_of_quota(Rest.DAY),
    ),
    (429, body(429, "Quota.", "RESOURCE_EXHAUSTED", quota((PER_DAY, "0"))), out_of_quota(Rest.WEEK)),
    (
        429,
        body(429, "* Quota exceeded for metric: x, limit: 0, model: y", "RESOURCE_EXHAUSTED"),
        out_of_quota(Rest.WEEK),
    ),
    (
        429,
        body(429, "Spend.", "RESOURCE_EXHAUSTED", quota(("SpendLimitPerTenMinutes", "10"))),
        out_of_quota(Rest.DELAY),
    ),
    (429, body(429, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED"), out_of_quota(Rest.SHORT)),
    (
        499,
        body(499, "The operation was cancelled.", "CANCELLED"),
        (Blame.UPSTREAM, Next.AGAIN, Rest.NONE, False, "upstream_error"),
    ),
    (
        500,
        body(500, "An internal error has occurred.", "INTERNAL"),
        (Blame.MODEL, Next.AGAIN, Rest.NONE, False, "upstream_error"),
    ),
    (502, b"<html>Bad Gateway</html>", (Blame.MODEL, Next.AGAIN, Rest.NONE, False, "upstream_error")),
    (
        503,
        body(503, "The model is overloaded. Please try again later.", "UNAVAILABLE"),
        (Blame.MODEL, Next.AGAIN, Rest.NONE, False, "upstream_unavailable"),
    ),
]


@pytest.mark.parametrize(("status", "given", "expected"), ROWS, ids=[f"{row[0]} {str(row[1])[20:70]}" for row in ROWS])
def test_every_row_of_the_gemini_apis_errors(status, given, expected):
    failure = found(status, given).failure
    assert (failure.blame, failure.next, failure.rest, failure.disables, failure.client_code) == expected


@pytest.mark.parametrize(
    "given",
    [
        *(b"", b"<html></html>", b"null", b"[]", b"[1]", b'"x"', b"{}", b"\xff", b"[" * 5_000),
        *(b'{"error":null}', b'{"error":"text"}', b'{"error":{"details":5}}'),
        json.dumps(body(None, None, None)).encode(),
        b'{"error":{"details":[null,5,"x",{}],"message":7}}',
        b'{"error":{"details":[{"@type":"x.QuotaFailure","violations":7}],"code":"x"}}',
    ],
)
@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "bad_request"), (403, "key_refused"), (429, "quota_bare"), (503, "overloaded"), (418, "unknown")],
)
def test_a_body_that_tells_nothing_is_judged_by_its_status(given, status, name):
    assert failure_of(status, given).failure.name == name


@pytest.mark.parametrize(
    ("details", "text", "seconds"),
    [
        ([retry("48s")], "", 48),
        ([retry("34.4s")], "", 34.4),
        ([quota(("x", "1")), retry("0s")], "", 0),
        ([], "Please retry in 48.939935699s.", 48.939935699),
        ([retry("soon")], "Please retry in 5s.", 5),
        ([retry("")], "", None),
        ([], "Please retry later.", None),
        ([], "retry in ...s", None),
        ([retry("1.2.3s")], "", None),
        ([{"retryDelay": 5}], "", None),
    ],
)
def test_the_delay_is_read_from_the_details_or_else_the_text(details, text, seconds):
    facts = found(429, body(429, text, "RESOURCE_EXHAUSTED", *details)).facts
    assert facts.retry_seconds == seconds


def test_a_limit_of_thousands_of_digits_is_no_number():
    assert found(429, body(429, f"limit: {'9' * 5_000}", "RESOURCE_EXHAUSTED")).facts.quota_value is None


def test_neither_a_failure_nor_its_text_holds_what_the_upstream_said():
    secret = "AIzaFakeKeyInAnErrorText"
    failure = found(403, body(403, f"Consumer 'api_key:{secret}' has been suspended.", "PERMISSION_DENIED"))
    assert secret not in str(failure)


def test_every_repair_has_its_failure_and_every_failure_its_repair():
    names = {failure.name for _, failure in FAILURES if failure.next is Next.REPAIR}
    assert names == set(REPAIRS)


def test_a_clients_own_mistake_never_touches_a_key():
    for _, failure in FAILURES:
        if failure.blame in (Blame.REQUEST, Blame.MODEL, Blame.GATEWAY):
            assert not failure.disables and failure.rest is Rest.NONE
