"""OpenAI's categories: what each is, and which of Gemini's safety ratings speaks of it."""

from typing import NamedTuple


class Category(NamedTuple):
    """One of OpenAI's categories."""

    meaning: str
    """As the model is told."""
    rating: str | None = None
    """Gemini's category for the same, without HARM_CATEGORY_; it has four."""
    of_pictures: bool = False
    """Whether OpenAI's answers may name pictures for it; judged are they here for all."""


CATEGORIES: dict[str, Category] = {
    "hate": Category(
        "hatred of people for race, gender, ethnicity, religion, nationality, orientation, disability or caste",
        "HATE_SPEECH",
    ),
    "hate/threatening": Category("such hatred with violence or serious harm to the group"),
    "harassment": Category("harassing language against anybody", "HARASSMENT"),
    "harassment/threatening": Category("harassment with violence or serious harm to anybody"),
    "illicit": Category("advice or instructions on how to do wrong", "DANGEROUS_CONTENT"),
    "illicit/violent": Category("the same with violence, or how to get a weapon"),
    "self-harm": Category("suicide, cutting, eating disorders and the like, promoted or depicted", of_pictures=True),
    "self-harm/intent": Category("the speaker does or means to do harm to themselves", of_pictures=True),
    "self-harm/instructions": Category("instructions or encouragement to self-harm", of_pictures=True),
    "sexual": Category(
        "content meant to arouse, or promotion of sexual services; not education", "SEXUALLY_EXPLICIT", True
    ),
    "sexual/minors": Category("sexual content with somebody under 18"),
    "violence": Category("death, violence or injury", of_pictures=True),
    "violence/graphic": Category("death, violence or injury in graphic detail", of_pictures=True),
}

LIKELIHOODS = {"NEGLIGIBLE": 0.0, "LOW": 0.25, "MEDIUM": 0.6, "HIGH": 0.9}
"""A rating's probability → the least score of its category."""

FLAGGED_FROM = 0.5


def member_of(category: str) -> str:
    """The category's name as a member of a schema, in which no / and - is safe."""
    return category.replace("/", "_").replace("-", "_")
