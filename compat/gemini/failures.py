"""What went wrong upstream, as data: whose fault it is, whether another key helps, how long to rest, what the client sees.

The rows follow the Gemini API's errors as recorded and documented (status, reason, text); the first that fits decides.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec


class Blame(StrEnum):
    """Whose fault a failure is."""

    KEY = "key"
    PROJECT = "project"
    QUOTA = "quota"
    MODEL = "model"
    REQUEST = "request"
    ADDRESS = "address"
    UPSTREAM = "upstream"
    UPLOAD = "upload"
    GATEWAY = "gateway"


class Next(StrEnum):
    """What to do about it."""

    KEY = "another key"
    MODEL = "the next model"
    AGAIN = "again, then the next model"
    REPAIR = "mend the request and ask again"
    STOP = "tell the client"


class Rest(StrEnum):
    """How long the quota domain of the key rests for this model."""

    NONE = "not at all"
    DELAY = "as long as the reply says, else a minute"
    SHORT = "half a minute, twice as long each time in a row"
    DAY = "until midnight in Los Angeles"
    WEEK = "a week: the model is not offered to this project"


class Failure(NamedTuple):
    """A row of the table."""

    name: str
    blame: Blame
    next: Next
    rest: Rest = Rest.NONE
    disables: bool = False
    """True when the key (or every key of its project) is out until a person acts."""
    in_doubt: bool = False
    """True when one refusal is no proof: the key rests until a free call has said the same."""
    client_code: str = "upstream_error"
    """The code of the error that the client sees when nothing else is left to try."""
    used_quota: bool = False
    """True when Gemini may have counted the request. Quotas that are used up count no further; overload does count, as
    those report who watched their quota go (discuss.ai.google.dev, threads 109581 and 144053)."""

    @property
    def verdict(self) -> str:
        """The failure as a request's owner may read it: of a key no more than that it or its quota was the reason.

        What happened to the key itself, and when, is told where keys are watched; the same words here would join the two.
        """
        match self.blame:
            case Blame.KEY | Blame.PROJECT:
                return "key"
            case Blame.QUOTA:
                return "quota"
            case _:
                return self.name


class Facts(NamedTuple):
    """One failed call, told in Gemini's terms. It holds no key: texts are only matched, never passed on."""

    http_status: int
    status: str = ""
    reason: str = ""
    text: str = ""
    violations: tuple[tuple[str, int | None], ...] = ()
    """The quotas that were used up: the id and, where it was told, the limit of each."""
    quota_value: int | None = None
    """The least of the limits."""
    retry_seconds: float | None = None


class GeminiFailure(Exception):
    """A call that did not bring an answer. Its message is ours; the upstream's text stays out of it."""

    def __init__(self, failure: Failure, facts: Facts) -> None:
        super().__init__(f"{failure.name} (HTTP {facts.http_status})")
        self.failure = failure
        self.facts = facts


Test = Callable[[Facts], bool]


def _http(*statuses: int) -> Test:
    return lambda facts: facts.http_status in statuses


def _reason(*reasons: str) -> Test:
    return lambda facts: facts.reason in reasons


def _says(pattern: str, *statuses: int) -> Test:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda facts: (not statuses or facts.http_status in statuses) and compiled.search(facts.text) is not None


def _quota(pattern: str) -> Test:
    return lambda facts: facts.http_status == 429 and any(pattern in quota_id for quota_id, _ in facts.violations)


_KEY_GONE = {"blame": Blame.KEY, "next": Next.KEY, "disables": True, "client_code": "no_upstream_key"}
_KEY_IN_DOUBT = {**_KEY_GONE, "in_doubt": True}
_PROJECT_GONE = {**_KEY_GONE, "blame": Blame.PROJECT}
_QUOTA = {"blame": Blame.QUOTA, "next": Next.KEY, "client_code": "pool_exhausted"}
_REPAIR = {"blame": Blame.REQUEST, "next": Next.REPAIR, "client_code": "invalid_request"}

FILE_LOST = "file_lost"
"""A file that a project was to hold is not there, or is another's: that says nothing of the key."""
TOO_LONG = "too_long"
"""The prompt has more tokens than the model takes."""


def _row(name: str, test: Test, **facts: Any) -> tuple[Test, Failure]:
    return test, Failure(name, **facts)


FAILURES: tuple[tuple[Test, Failure], ...] = (
    _row("key_invalid", _reason("API_KEY_INVALID"), **_KEY_IN_DOUBT),
    _row("key_invalid", _says(r"API key (not valid|not found|expired)", 400), **_KEY_IN_DOUBT),
    _row("key_leaked", _says(r"reported as leaked", 403), **_KEY_GONE),
    _row("project_suspended", _reason("CONSUMER_SUSPENDED"), **_PROJECT_GONE),
    _row("project_suspended", _says(r"has been suspended|project has been denied", 403), **_PROJECT_GONE),
    _row("project_unpaid", _http(402), **_PROJECT_GONE),
    _row("project_unpaid", _says(r"prepayment credits are depleted"), **_PROJECT_GONE),
    _row("api_disabled", _reason("SERVICE_DISABLED"), **_PROJECT_GONE),
    _row("key_restricted", _says(r"unregistered callers|API keys are not supported", 401, 403), **_KEY_GONE),
    _row(
        "key_restricted",
        _reason("API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED"),
        **_KEY_GONE,
    ),
    _row("key_refused", _reason("ACCESS_TOKEN_TYPE_UNSUPPORTED"), **_KEY_IN_DOUBT),
    _row("key_refused", _http(401), **_KEY_IN_DOUBT),
    _row(FILE_LOST, _says(r"permission to access the File", 403), **_REPAIR),
    _row(
        "foreign_object",
        _says(r"CachedContent not found", 403),
        blame=Blame.REQUEST,
        next=Next.STOP,
        client_code="invalid_request",
    ),
    _row("key_refused", _http(403), **_KEY_IN_DOUBT),
    _row(
        "location",
        _says(r"location is not supported", 400),
        blame=Blame.ADDRESS,
        next=Next.KEY,
        rest=Rest.DELAY,
        client_code="upstream_unavailable",
    ),
    _row("free_tier_not_here", _says(r"free tier is not available|enable billing", 400), **_PROJECT_GONE),
    _row("signature_missing", _says(r"missing a thought_signature|missing thought signature", 400), **_REPAIR),
    _row(
        "signature_foreign",
        _says(r"(corrupted|invalid) thought signature|thought signature is not valid", 400),
        **_REPAIR,
    ),
    _row("penalty_refused", _says(r"penalty is not enabled|(presence|frequency).?penalty", 400), **_REPAIR),
    _row("logprobs_refused", _says(r"logprobs is not enabled", 400), **_REPAIR),
    _row(
        "thinking_refused",
        _says(r"thinking.?(level|budget|config)|thinking is not|budget -?\d+ is invalid", 400),
        **_REPAIR,
    ),
    _row("system_refused", _says(r"developer instruction is not enabled|system instruction is not", 400), **_REPAIR),
    _row(
        TOO_LONG,
        _says(r"token count \(?\d* ?\)?.*exceeds the maximum|exceeds the maximum number of tokens", 400),
        blame=Blame.REQUEST,
        next=Next.STOP,
        client_code="context_length_exceeded",
    ),
    _row("credentials", _says(r"Multiple authentication credentials"), blame=Blame.GATEWAY, next=Next.STOP),
    _row("bad_request", _http(400, 413, 422), blame=Blame.REQUEST, next=Next.STOP, client_code="invalid_request"),
    _row(
        "model_not_offered",
        _says(r"no longer available to new users", 404),
        blame=Blame.QUOTA,
        next=Next.KEY,
        rest=Rest.WEEK,
        client_code="model_not_found",
    ),
    _row("model_gone", _http(404), blame=Blame.MODEL, next=Next.MODEL, client_code="model_not_found"),
    _row("quota_none", lambda facts: facts.http_status == 429 and facts.quota_value == 0, rest=Rest.WEEK, **_QUOTA),
    _row("quota_day", _quota("PerDay"), rest=Rest.DAY, **_QUOTA),
    _row("quota_minute", _quota("PerMinute"), rest=Rest.DELAY, **_QUOTA),
    _row("quota_other", lambda facts: facts.http_status == 429 and bool(facts.violations), rest=Rest.DELAY, **_QUOTA),
    _row("quota_bare", _http(429), rest=Rest.SHORT, **_QUOTA),
    _row(
        "timeout",
        _http(408, 504),
        blame=Blame.MODEL,
        next=Next.AGAIN,
        client_code="upstream_timeout",
        used_quota=True,
    ),
    _row(
        "overloaded",
        _http(503),
        blame=Blame.MODEL,
        next=Next.AGAIN,
        client_code="upstream_unavailable",
        used_quota=True,
    ),
    _row("cancelled", _http(499), blame=Blame.UPSTREAM, next=Next.AGAIN, used_quota=True),
    _row("internal", lambda facts: facts.http_status >= 500, blame=Blame.MODEL, next=Next.AGAIN, used_quota=True),
)

# What the network, or a reply that makes no sense, comes to.
UNREACHABLE = Failure("unreachable", Blame.UPSTREAM, Next.AGAIN, client_code="upstream_unavailable")
TOO_SLOW = Failure("timeout", Blame.MODEL, Next.AGAIN, client_code="upstream_timeout", used_quota=True)
CUT_OFF = Failure("cut_off", Blame.UPSTREAM, Next.AGAIN, used_quota=True)
NONSENSE = Failure("nonsense", Blame.UPSTREAM, Next.AGAIN, used_quota=True)
TOO_LARGE = Failure("too_large", Blame.UPSTREAM, Next.STOP, used_quota=True)
EMPTY = Failure("empty", Blame.MODEL, Next.AGAIN, used_quota=True)
UNREADABLE = Failure("file_unreadable", Blame.UPLOAD, Next.STOP, client_code="invalid_request")
UPLOAD_TOO_SLOW = Failure("upload_timeout", Blame.UPLOAD, Next.STOP, client_code="upstream_timeout")
_UNKNOWN = Failure("unknown", Blame.UPSTREAM, Next.AGAIN, used_quota=True)

_RETRY_TEXT = re.compile(r"retry in (\d+(?:\.\d+)?)s", re.IGNORECASE)
_LIMIT_TEXT = re.compile(r"\blimit: (\d+)")
_TOKENS_TEXT = re.compile(r"token count \(?(\d+)\)? exceeds .*?(\d+)")
# Of the tokens that are allowed: what is to be left is chosen by an estimate.
_SAFE_SHARE, _UNTOLD_SHARE = 0.95, 0.5
_decode = msgspec.json.Decoder().decode


def share_that_fits(facts: Facts) -> float:
    """The share of a prompt's tokens that a model takes which called it too long; half where it does not say."""
    told = _TOKENS_TEXT.search(facts.text)
    count, most = map(int, told.groups()) if told else (0, 0)
    return _SAFE_SHARE * most / count if 0 < most < count else _UNTOLD_SHARE


def failure_of(http_status: int, body: bytes) -> GeminiFailure:
    """The failure that an HTTP answer amounts to; `body` may be JSON, JSON in a list, HTML or nothing."""
    try:
        decoded = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decoded = None
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]
    error = decoded.get("error") if isinstance(decoded, dict) else None
    return failure_from_error(error if isinstance(error, dict) else {}, http_status)


def of_upload(found: GeminiFailure) -> GeminiFailure:
    """What a failure amounts to that was met while a file was uploaded.

    No model is at fault then and no quota of generation is used; another project may well take the file. What it says of
    the key itself, and that nobody is reached, holds as anywhere.
    """
    failure = found.failure
    if failure is UNREACHABLE or failure.blame in (
        Blame.KEY,
        Blame.PROJECT,
        Blame.ADDRESS,
        Blame.GATEWAY,
        Blame.UPLOAD,
    ):
        return found
    is_clients = failure.blame is Blame.REQUEST and failure.client_code == "invalid_request"
    code = failure.client_code if is_clients or failure.client_code == "upstream_timeout" else "upstream_unavailable"
    met = failure._replace(
        blame=Blame.UPLOAD,
        next=Next.STOP if is_clients else Next.KEY,
        rest=Rest.NONE,
        used_quota=False,
        client_code=code,
    )
    return GeminiFailure(met, found.facts)


def failure_from_error(error: dict[str, Any], http_status: int) -> GeminiFailure:
    """The failure that an `error` object of Gemini's amounts to; its own code stands in for a status of 200."""
    facts = _facts(error, http_status)
    failure = next((row for test, row in FAILURES if test(facts)), _UNKNOWN)
    return GeminiFailure(failure, facts)


def _facts(error: dict[str, Any], http_status: int) -> Facts:
    text = str(error.get("message", ""))
    code = error.get("code")
    if http_status < 400:
        http_status = code if isinstance(code, int) and code >= 400 else 502
    details = _objects(error.get("details"))
    violations = [
        violation
        for detail in details
        if str(detail.get("@type", "")).endswith("QuotaFailure")
        for violation in _objects(detail.get("violations"))
    ]
    return Facts(
        http_status,
        str(error.get("status", "")),
        next((str(detail["reason"]) for detail in details if "reason" in detail), ""),
        text,
        tuple((str(violation.get("quotaId", "")), _number(violation.get("quotaValue"))) for violation in violations),
        _quota_value(violations, text),
        _retry_seconds(details, text),
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _quota_value(violations: list[dict[str, Any]], text: str) -> int | None:
    """The least limit that was broken; 0 means that the project is not offered the model at all."""
    values = [violation.get("quotaValue") for violation in violations] + _LIMIT_TEXT.findall(text)
    return min((number for value in values if (number := _number(value)) is not None), default=None)


def _number(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 20 else None


def _retry_seconds(details: list[dict[str, Any]], text: str) -> float | None:
    """RetryInfo's delay in seconds ("48s", "34.4s"), else the one in the message."""
    for detail in details:
        delay = str(detail.get("retryDelay", ""))
        if delay.endswith("s") and delay[:-1].replace(".", "", 1).isdecimal():
            return float(delay[:-1])
    match = _RETRY_TEXT.search(text)
    return float(match[1]) if match else None
