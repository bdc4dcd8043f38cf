"""Bodies as Gemini sends them, for a scripted Gemini to answer with."""

import base64
import json
from collections.abc import Iterable
from typing import Any


def reply(
    *parts: dict[str, Any] | str,
    finish: str | None = "STOP",
    usage: dict[str, Any] | None = None,
    index: int | None = 0,
    **members: Any,
) -> dict[str, Any]:
    """One GenerateContentResponse; texts may be given bare. `usage=None` leaves a usual usageMetadata."""
    candidate: dict[str, Any] = {
        "content": {"role": "model", "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}
    }
    if finish:
        candidate["finishReason"] = finish
    if index is not None:
        candidate["index"] = index
    counts = {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12} if usage is None else usage
    return {
        "candidates": [candidate],
        "usageMetadata": counts,
        "modelVersion": "scripted",
        "responseId": "r",
        **members,
    }


def sound(data: bytes) -> dict[str, Any]:
    """A part of so many bytes of sound: 16-bit mono, 24,000 samples a second."""
    return {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": base64.b64encode(data).decode()}}


def events(*replies: dict[str, Any] | bytes) -> bytes:
    """Replies as Gemini streams them."""
    texts: Iterable[bytes] = (
        r if isinstance(r, bytes) else json.dumps(r, ensure_ascii=False).encode() for r in replies
    )
    return b"".join(b"data: " + text + b"\r\n\r\n" for text in texts)


def error(status: int, name: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    """Gemini's error envelope."""
    body: dict[str, Any] = {"code": status, "message": message, "status": name}
    if details:
        body["details"] = list(details)
    return {"error": body}


def out_of_quota(quota_id: str, *, retry: str = "41s", value: str = "20") -> dict[str, Any]:
    """The 429 of one quota."""
    return error(
        429,
        "RESOURCE_EXHAUSTED",
        f"You exceeded your current quota. Please retry in {retry[:-1]}.5s.",
        {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": quota_id, "quotaValue": value, "quotaDimensions": {"location": "global"}}],
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry},
    )


KEY_INVALID = error(
    400,
    "INVALID_ARGUMENT",
    "API key not valid. Please pass a valid API key.",
    {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"},
)
OVERLOADED = error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
GONE = error(404, "NOT_FOUND", "models/x is not found for API version v1beta, or is not supported for generateContent.")
