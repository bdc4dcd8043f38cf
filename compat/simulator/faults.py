"""What can go wrong on demand: by the text of a key, by the end of a model's name, or switched on at run time."""

from typing import NamedTuple


class Fault(NamedTuple):
    """One fault and, for some, how much of it: `slow-500` is 500 ms."""

    name: str
    argument: str = ""

    def number(self, otherwise: int) -> int:
        """The argument as a number."""
        return int(self.argument) if self.argument.isdigit() else otherwise


# Refused at the door, on every route: the key itself is at fault.
KEY_REFUSALS = {
    "dead": "400 API_KEY_INVALID",
    "expired": "400 API key expired",
    "leaked": "403 reported as leaked",
    "suspended": "403 CONSUMER_SUSPENDED; the message holds the key, as the real one does",
    "denied": "403 project has been denied access",
    "disabled": "403 SERVICE_DISABLED: the API is not enabled in the project",
    "blocked-service": "403 API_KEY_SERVICE_BLOCKED",
    "blocked-referrer": "403 API_KEY_HTTP_REFERRER_BLOCKED",
    "blocked": "403 API_KEY_IP_ADDRESS_BLOCKED",
    "nolocation": "400 FAILED_PRECONDITION: user location not supported",
}
# Refused once the request has been found valid; nothing is taken from a quota.
REFUSALS = {
    "unpaid": "402 prepayment credits depleted",
    "exhausted-day": "429 requests per day used up, with the misleading short RetryInfo",
    "exhausted-minute": "429 requests per minute used up",
    "exhausted-tokens": "429 input tokens per minute used up",
    "limit0": "429 with limit 0: the model is not in the free tier",
    "bare429": "429 without details",
    "nonew": "404 no longer available to new users",
    "overloaded": "503 high demand",
    "internal": "500 internal error",
    "deadline": "504 deadline exceeded",
    "flaky": "flaky-N: each Nth call of the key or model is a 503 (N = 2)",
}
# The answer is whole and well-formed, but not what one hoped for.
ANSWERS = {
    "promptblocked": "promptFeedback without candidates (of a model also: blocked); promptblocked-other: the reason",
    "safety": "half the text, then finishReason SAFETY",
    "recitation": "half the text, then RECITATION with citations",
    "malformed": "MALFORMED_FUNCTION_CALL without parts",
    "finish": "finish-REASON: half the text, then that finishReason",
    "continue": "half the text, then CONTINUATION with a continuationToken",
    "empty": "STOP without parts",
    "nofinish": "the text, but no finishReason",
    "twostops": "finishReason STOP in the middle and again at the end",
    "nousage": "no usageMetadata",
    "absurdusage": "counts that are negative, enormous and falling",
    "unknownenums": "finishReason and a part nobody has heard of",
    "huge": "huge-N: one text of N million characters in one event (N = 8)",
}
# The bytes on the wire.
TRANSPORT = {
    "slow": "slow-N: N ms before the first byte (N = 1000)",
    "drip": "drip-N: N ms before each event of a stream (N = 100)",
    "hang": "the request is taken and never answered",
    "stall": "half the answer, then silence",
    "cut": "half the answer, then the connection ends inside an event",
    "cutbefore": "the connection ends before any byte",
    "errormid": "half the events, then an error as an event (not streamed: a 500)",
    "errorbare": "half the events, then a bare JSON error that is no event (not streamed: a 500)",
    "reset": "half the answer, then a TCP reset",
    "html": "an HTML page with status 200",
    "badjson": "JSON that does not parse (in a stream: one event that does not)",
    "errorbody": "status 200 with an error as its body",
    "emptybody": "status 200 with nothing",
    "emptylist": "status 200 with []",
    "redirect": "307 to the same method of gemini-3.8-flash; who follows it is seen there",
    "gzipbomb": "64 MB of spaces as 64 kB of gzip, asked for or not",
    "trickle": "trickle-N: a byte each N ms (N = 300)",
    "oddframes": "a stream with a BOM, comments, event names, LF and CR for CRLF, and data over two lines",
}
FAULTS = KEY_REFUSALS | REFUSALS | ANSWERS | TRANSPORT
WITH_ARGUMENT = frozenset({"flaky", "promptblocked", "finish", "huge", "slow", "drip", "trickle"})


def read_fault(text: str) -> Fault | None:
    """The fault of that name, with its argument after a hyphen; None for a name that is none."""
    if text in FAULTS:
        return Fault(text)
    name, _, argument = text.partition("-")
    return Fault(name, argument) if name in WITH_ARGUMENT and argument else None


def read_model_fault(text: str) -> Fault | None:
    """As read_fault, for the end of a model's name: only keys can be dead, and a model's `blocked` is the prompt's."""
    name, _, argument = text.partition("-")
    if name == "blocked":
        return Fault("promptblocked", argument)
    fault = read_fault(text)
    return None if fault is None or fault.name in KEY_REFUSALS else fault


def described() -> str:
    """All faults, one a line, for the command's help."""
    return "\n".join(f"  {name:17}{about}" for name, about in FAULTS.items())
