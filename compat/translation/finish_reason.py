"""finishReason → finish_reason. Gemini's list grows at run time, so an unknown one is a plain stop."""

FINISH_REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "ESCALATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
}
_WORDS = {
    "RECITATION": "it would repeat protected text",
    "LANGUAGE": "the language is not supported",
    "SPII": "it would hold personal data",
    "BLOCKLIST": "it holds a forbidden term",
    "PROHIBITED_CONTENT": "the content is prohibited",
}


def to_finish_reason(reason: str | None, *, called: bool, legacy: bool = False) -> str:
    """OpenAI's word for why a choice ended. `called`: it holds tool calls, for which Gemini says STOP as well."""
    finish = FINISH_REASONS.get(reason or "", "stop")
    if called and finish == "stop":
        return "function_call" if legacy else "tool_calls"
    return finish


def to_refusal(reason: str | None) -> str | None:
    """A sentence for a choice that was filtered before any of it was shown; None for every other end."""
    if FINISH_REASONS.get(reason or "") != "content_filter":
        return None
    return f"The model's answer was withheld: {_WORDS.get(reason or '', 'it was stopped by the safety filter')} ({reason})."
