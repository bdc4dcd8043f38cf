"""What there is in a reply, before it is translated: something to show, nothing, or a refusal to answer."""

from compat.schemas.gemini import Part, Reply
from compat.translation.finish_reason import FINISH_REASONS


def blocked_reason(reply: Reply) -> str | None:
    """Why the prompt was blocked (Gemini API, promptFeedback: HTTP 200, candidates absent or empty); None if it was not."""
    feedback = reply.promptFeedback
    if reply.candidates or feedback is None:
        return None
    return feedback.blockReason or "OTHER"


def says_something(reply: Reply) -> bool:
    """True when a client can use a candidate: text, a call, an image, a sound, or a reason for having none of them."""
    for candidate in reply.candidates or ():
        if FINISH_REASONS.get(candidate.finishReason or "", "stop") != "stop":
            return True
        for part in (candidate.content.parts if candidate.content else None) or ():
            if _is_visible(part):
                return True
    return False


def tells(reply: Reply) -> bool:
    """True when a client of Gemini's own API can use the reply: it holds any part but an empty text or a thought, or says why
    there is none. That a prompt was blocked is an answer there."""
    return blocked_reason(reply) is not None or any(
        candidate.finishReason not in (None, "STOP")
        or any(
            not part.thought and part.text != ""
            for part in (candidate.content.parts if candidate.content else None) or ()
        )
        for candidate in reply.candidates or ()
    )


def reasons(reply: Reply) -> bool:
    """True when it tells a thought: a stream may start with it as well as with one that says something."""
    return any(
        part.thought and part.text
        for candidate in reply.candidates or ()
        for part in (candidate.content.parts if candidate.content else None) or ()
    )


def runs_code(reply: Reply) -> bool:
    """True when it holds code that is run; only where the client is told of that does it say something."""
    return any(
        part.executableCode is not None
        for candidate in reply.candidates or ()
        for part in (candidate.content.parts if candidate.content else None) or ()
    )


def is_finished(reply: Reply) -> bool:
    """True when a candidate has its finishReason."""
    return any(candidate.finishReason for candidate in reply.candidates or ())


def text_length(reply: Reply) -> int:
    """The characters of visible text, for an estimate where counts are missing."""
    return sum(
        len(part.text or "")
        for candidate in reply.candidates or ()
        for part in (candidate.content.parts if candidate.content else None) or ()
        if not part.thought
    )


def _is_visible(part: Part) -> bool:
    return not part.thought and bool(part.text or part.functionCall is not None or part.inlineData is not None)
