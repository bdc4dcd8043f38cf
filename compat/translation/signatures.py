"""Thought signatures: Gemini 3 and later demand them back on the calls of the current turn; OpenAI's clients lose them."""

from collections.abc import Callable, Iterable
from typing import Any

# Gemini API, thought signatures: the documented stand-in for a call that Gemini did not make or whose signature is lost.
PLACEHOLDER = "skip_thought_signature_validator"

Recall = Callable[[str, str], str | None]
"""(tool call id, generation of the model to ask) → the signature we saw, when it is of that generation."""


def signature_of(extra_content: Any) -> str | None:
    """The signature a client sends back in `extra_content.google.thought_signature`."""
    google = extra_content.get("google") if isinstance(extra_content, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) and signature else None


def unsigned_calls(messages: Iterable[Any]) -> list[str]:
    """The ids of the calls in a conversation that came back without their signature, oldest first."""
    return [
        str(call.id)
        for message in messages
        for call in getattr(message, "tool_calls", None) or ()
        if call.id and not signature_of(call.extra_content)
    ]


def to_extra_content(signature: str) -> dict[str, Any]:
    """The member in which a signature travels to the client (Google's OpenAI layer has the same)."""
    return {"google": {"thought_signature": signature}}


def sign_current_turn(contents: list[dict[str, Any]]) -> None:
    """Put the placeholder where the current turn lacks a signature.

    The current turn is what follows the last user content that holds more than function responses. In each model
    content of it the first functionCall must be signed; no other call is.
    """
    for content in reversed(contents):
        role = content.get("role", "user")
        if role == "user" and any("functionResponse" not in part for part in content["parts"]):
            return
        if role == "model":
            call = next((part for part in content["parts"] if "functionCall" in part), None)
            if call is not None:
                call.setdefault("thoughtSignature", PLACEHOLDER)


def without_signatures(body: dict[str, Any]) -> dict[str, Any]:
    """The same request body with the placeholder for every signature, after Gemini called one corrupted or foreign."""
    if "contents" not in body:
        return body
    contents = [
        {
            **content,
            "parts": [
                {key: value for key, value in part.items() if key != "thoughtSignature"} for part in content["parts"]
            ],
        }
        for content in body["contents"]
    ]
    sign_current_turn(contents)
    return {**body, "contents": contents}
