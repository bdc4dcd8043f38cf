"""The headers of the answers, in the document's words."""

from typing import Any


def _header(description: str, kind: str = "string", example: Any = None) -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}, **({} if example is None else {"example": example})}


_TIGHTEST = "Of several limits the one that leaves least; absent without one."

HEADERS: dict[str, dict[str, Any]] = {
    "x-request-id": _header(
        "Names the request, here and in the log. Its owner can have it explained on the page *Requests*.",
        example="req_019357a1c0de7abc8def0123456789ab",
    ),
    "openai-processing-ms": _header("Milliseconds until the answer, or a stream's first event, was ready.", "integer"),
    "openai-version": _header("The version of OpenAI's API that is followed.", example="2020-10-01"),
    "x-tumbler-model": _header("The Gemini model that answered.", example="gemini-2.5-flash"),
    "x-tumbler-attempts": _header("How many upstream calls were made.", "integer", 1),
    "x-tumbler-upstream": {
        "description": "Who answered: Gemini, or the built-in simulator.",
        "schema": {"type": "string", "enum": ["gemini", "simulator"]},
    },
    "x-tumbler-left-out": _header(
        "The tools of the request that the model was not given: OpenAI's own that are not served, and Gemini's own that it does "
        "not take beside functions. Absent where there are none.",
        example="file_search, web_search",
    ),
    "x-ratelimit-limit-requests": _header(f"Requests that the limit allows. {_TIGHTEST}", "integer"),
    "x-ratelimit-limit-tokens": _header(f"Tokens that the limit allows. {_TIGHTEST}", "integer"),
    "x-ratelimit-remaining-requests": _header("Requests that are left of it.", "integer"),
    "x-ratelimit-remaining-tokens": _header("Tokens that are left of it.", "integer"),
    "x-ratelimit-reset-requests": _header("How long until it is whole again.", example="8.64s"),
    "x-ratelimit-reset-tokens": _header("How long until it is whole again.", example="6m0s"),
    "retry-after": _header("Seconds to wait before the request is sent again.", "integer", 5),
    "retry-after-ms": _header("The same in milliseconds; absent for a wait of more than a minute.", "integer", 4200),
    "x-should-retry": _header("`false` where a retry by the SDK would not help.", example="false"),
}
