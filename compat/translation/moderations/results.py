"""Replies → OpenAI's moderation: the model's scores, raised by Gemini's safety ratings where it sent any."""

from typing import Any

import msgspec

from compat.schemas.gemini import Reply, SafetyRating
from compat.translation.finish_reason import FINISH_REASONS
from compat.translation.moderations.categories import CATEGORIES, FLAGGED_FROM, LIKELIHOODS, member_of
from compat.translation.moderations.request import ModerationTranslation
from compat.translation.substance import blocked_reason

_encode = msgspec.json.Encoder().encode
_scores = msgspec.json.Decoder(dict[str, float])
# What is blocked without a rating that says why goes here: of OpenAI's categories it claims least.
_BLOCKED = "illicit"


def is_judgement(reply: Reply) -> bool:
    """True for scores, and for a content that Gemini would not even look at."""
    return _is_blocked(reply) or _told(reply) is not None


def to_moderation(moderation_id: str, model: str, asked: ModerationTranslation, replies: list[Reply]) -> bytes:
    """The JSON of OpenAI's moderation, one result for each content in order."""
    results = [_result(reply, asked.input_types(place)) for place, reply in enumerate(replies)]
    return _encode({"id": moderation_id, "model": model, "results": results})


def _result(reply: Reply, input_types: list[str]) -> dict[str, Any]:
    told, rated = _told(reply) or {}, _rated(reply)
    scores = {
        name: max(min(1.0, max(0.0, told.get(member_of(name), 0.0))), rated.get(category.rating or "", 0.0))
        for name, category in CATEGORIES.items()
    }
    if _is_blocked(reply) and max(scores.values()) < FLAGGED_FROM:
        scores[_BLOCKED] = 1.0
    flags = {name: score >= FLAGGED_FROM for name, score in scores.items()}
    return {
        "flagged": any(flags.values()),
        "categories": flags,
        "category_scores": scores,
        "category_applied_input_types": {
            name: [kind for kind in input_types if kind == "text" or category.of_pictures]
            for name, category in CATEGORIES.items()
        },
    }


def _told(reply: Reply) -> dict[str, float] | None:
    """The model's own scores; None where it gave none."""
    candidate = reply.candidates[0] if reply.candidates else None
    parts = (candidate.content.parts if candidate and candidate.content else None) or ()
    try:
        return _scores.decode("".join(part.text or "" for part in parts if not part.thought))
    except msgspec.DecodeError:
        return None


def _rated(reply: Reply) -> dict[str, float]:
    """The least score that each of Gemini's categories stands for, of the prompt and of the answer."""
    ratings: list[SafetyRating] = list((reply.promptFeedback and reply.promptFeedback.safetyRatings) or ())
    for candidate in reply.candidates or ():
        ratings += candidate.safetyRatings or ()
    rated: dict[str, float] = {}
    for rating in ratings:
        name = rating.category.removeprefix("HARM_CATEGORY_")
        score = LIKELIHOODS["HIGH"] if rating.blocked else LIKELIHOODS.get(rating.probability, 0.0)
        rated[name] = max(rated.get(name, 0.0), score)
    return rated


def _is_blocked(reply: Reply) -> bool:
    """True when the prompt was blocked, or the answer to it."""
    if reply.candidates:
        return FINISH_REASONS.get(reply.candidates[0].finishReason or "") == "content_filter"
    return blocked_reason(reply) is not None
