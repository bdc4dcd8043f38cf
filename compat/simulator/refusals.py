"""Gemini's error answers, word for word where one was recorded (Gemini API reference, section 7)."""

from collections.abc import Callable, Sequence

from compat.simulator.faults import Fault
from compat.simulator.keys import Key
from compat.simulator.wire import JsonObject

SERVICE = "generativelanguage.googleapis.com"
STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Refused(Exception):
    """The request ends here, with this status and this error."""

    def __init__(self, status: int, message: str, details: Sequence[JsonObject] = (), *, name: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.message = message
        self.details = details
        self.name = name or STATUS_NAMES[status]

    def body(self) -> JsonObject:
        """The error envelope."""
        error: JsonObject = {"code": self.status, "message": self.message, "status": self.name}
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}


def error_info(reason: str, **metadata: str) -> JsonObject:
    """A google.rpc.ErrorInfo."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": SERVICE, **metadata},
    }


def bad_request(violations: Sequence[tuple[str, str]]) -> JsonObject:
    """A google.rpc.BadRequest from pairs of field and description."""
    return {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [
            {"field": field, "description": description} if field else {"description": description}
            for field, description in violations
        ],
    }


def no_credential() -> Refused:
    """Neither header nor query held a key."""
    return Refused(
        403,
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or"
        " other form of API consumer identity to call this API.",
    )


def several_credentials() -> Refused:
    """Two of header, query and Authorization at once."""
    return Refused(400, "Multiple authentication credentials received. Please pass only one.")


def bearer_only() -> Refused:
    """An API key sent as if it were an OAuth token."""
    return Refused(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
        " authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        [error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED")],
    )


def unknown_model(model: str, method: str) -> Refused:
    """No such model, or it does not do that."""
    return Refused(
        404,
        f"models/{model} is not found for API version v1beta, or is not supported for {method}. Call"
        " ModelService.ListModels to see the list of available models and their supported methods.",
    )


def interactions_only() -> Refused:
    """A listed model that answers only on the Interactions API."""
    return Refused(400, "This model only supports Interactions API.")


def _invalid_key(message: str) -> Callable[[Key], Refused]:
    localized = {"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": message}
    return lambda key: Refused(400, message, [error_info("API_KEY_INVALID"), localized])


def _forbidden(message: str, reason: str = "") -> Callable[[Key], Refused]:
    def build(key: Key) -> Refused:
        known = {"key": key.text, "number": key.project_number}
        details = [error_info(reason, consumer=f"projects/{key.project_number}")] if reason else []
        return Refused(403, message % known, details)

    return build


def _api_disabled(key: Key) -> Refused:
    page = (
        "https://console.developers.google.com/apis/api/generativelanguage.googleapis.com/overview"
        f"?project={key.project_number}"
    )
    link = {"description": "Google developers console API activation", "url": page}
    return Refused(
        403,
        f"Generative Language API has not been used in project {key.project_number} before or it is disabled. Enable"
        f" it by visiting {page} then retry. If you enabled this API recently, wait a few minutes for the action to"
        " propagate to our systems and retry.",
        [
            {"@type": "type.googleapis.com/google.rpc.Help", "links": [link]},
            error_info("SERVICE_DISABLED", consumer=f"projects/{key.project_number}"),
        ],
    )


def _no_location(key: Key) -> Refused:
    return Refused(400, "User location is not supported for the API use.", name="FAILED_PRECONDITION")


_OF_KEYS: dict[str, Callable[[Key], Refused]] = {
    "dead": _invalid_key("API key not valid. Please pass a valid API key."),
    "expired": _invalid_key("API key expired. Please renew the API key."),
    "leaked": _forbidden("Your API key was reported as leaked. Please use another API key."),
    "suspended": _forbidden(
        "Permission denied: Consumer 'api_key:%(key)s' has been suspended.", reason="CONSUMER_SUSPENDED"
    ),
    "denied": _forbidden("Your project has been denied access. Please contact support."),
    "disabled": _api_disabled,
    "blocked-service": _forbidden(
        "Requests to this API generativelanguage.googleapis.com method are blocked.", reason="API_KEY_SERVICE_BLOCKED"
    ),
    "blocked-referrer": _forbidden(
        "Requests from referer <empty> are blocked.", reason="API_KEY_HTTP_REFERRER_BLOCKED"
    ),
    "blocked": _forbidden(
        "The provided API key has an IP address restriction. The originating IP address of the call (127.0.0.1)"
        " violates this restriction.",
        reason="API_KEY_IP_ADDRESS_BLOCKED",
    ),
    "nolocation": _no_location,
}


def of_key(fault: Fault, key: Key) -> Refused:
    """The refusal of a key with that fault (one of faults.KEY_REFUSALS)."""
    return _OF_KEYS[fault.name](key)


_OF_MODELS: dict[str, tuple[int, str]] = {
    "unpaid": (
        402,
        "Your prepayment credits are depleted. Please go to AI Studio at https://ai.studio/projects to manage your"
        " project and billing. Learn more at https://ai.google.dev/gemini-api/docs/billing#prepay.",
    ),
    "bare429": (429, "Resource has been exhausted (e.g. check quota)."),
    "nonew": (
        404,
        "This model models/%s is no longer available to new users. Please update your code to use a newer model for"
        " the latest features and improvements.",
    ),
    "overloaded": (
        503,
        "This model is currently experiencing high demand. Spikes in demand are usually temporary. Please try again"
        " later.",
    ),
    "internal": (
        500,
        "An internal error has occurred. Please retry or report in"
        " https://developers.generativeai.google/guide/troubleshooting",
    ),
    "deadline": (504, "Deadline expired before operation could complete."),
}


def of_model(fault_name: str, model: str) -> Refused:
    """A refusal of faults.REFUSALS that names no quota."""
    status, message = _OF_MODELS[fault_name]
    return Refused(status, message % model if "%s" in message else message)
