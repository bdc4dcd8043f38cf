"""Every error there is, as the contract has it. When which is told is held at every door by tests/doors."""

import json

import pytest

from compat import errors

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
    (errors.LinkOver, 404, "invalid_request_error", "link_over"),
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
