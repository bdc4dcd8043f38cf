"""A speech request → the body of streamGenerateContent for a model that speaks."""

from typing import Any

from compat.schemas.speech import SpeechRequest
from compat.translation.families import family_of
from compat.translation.refusals import Untranslatable
from compat.translation.voices import to_speech_config

# Without it a speech model may answer a question rather than read it, or refuse a text that looks like a task.
_READ = "Read the following text aloud, exactly as it is written."


class SpeechTranslation:
    """One request, checked once. Raises Untranslatable."""

    def __init__(self, request: SpeechRequest) -> None:
        if not request.input.strip():
            raise Untranslatable("Invalid 'input': there is nothing to say.", "input")
        self.prompt = to_prompt(request)
        self._speech_config = to_speech_config(request.voice, "voice")

    def to_body(self, model: str, candidates: int) -> dict[str, Any]:
        """The body for a Gemini model. Raises Untranslatable for one that does not speak."""
        if not family_of(model).speech:
            raise Untranslatable(
                f"{model} does not speak: ask for tts-1, gpt-4o-mini-tts or a speech model of Gemini's (gemini-…-tts).",
                "model",
                "unsupported_value",
            )
        return {
            "contents": [{"role": "user", "parts": [{"text": self.prompt}]}],
            "generationConfig": {"responseModalities": ["AUDIO"], "speechConfig": self._speech_config},
        }


def to_prompt(request: SpeechRequest) -> str:
    """What the model is told: there is no system instruction for most of them, and no member for a speed."""
    told = [_READ]
    if request.instructions and request.instructions.strip():
        told.append(f"How to speak: {request.instructions.strip()}")
    if request.speed not in (None, 1):
        told.append(f"Speak {request.speed:g} times as fast as you usually would.")
    return "\n".join(told) + "\n\n" + request.input
