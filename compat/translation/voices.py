"""Who speaks: OpenAI's voices and Gemini's."""

import re
from typing import Any

from compat.translation.refusals import Untranslatable

VOICES = {
    "alloy": "Kore",
    "ash": "Charon",
    "ballad": "Algieba",
    "cedar": "Fenrir",
    "coral": "Leda",
    "echo": "Puck",
    "fable": "Iapetus",
    "marin": "Autonoe",
    "nova": "Aoede",
    "onyx": "Orus",
    "sage": "Sulafat",
    "shimmer": "Zephyr",
    "verse": "Achird",
}
"""OpenAI's voices → the ones of Gemini's that sound most like them; no two are the same."""

_GEMINI_NAME = re.compile(r"[A-Za-z]{2,40}")


def to_speech_config(voice: str | dict[str, Any], param: str) -> dict[str, Any]:
    """Gemini's speechConfig for a voice of either side (Gemini knows some 30 by name). Raises Untranslatable for others."""
    name = voice if isinstance(voice, str) else str(voice.get("id", "alloy"))
    name = VOICES.get(name.lower(), name)
    if not _GEMINI_NAME.fullmatch(name):
        raise Untranslatable(
            f"There is no such voice. Take one of {', '.join(VOICES)}, or one of Gemini's own (Kore, Puck, …).", param
        )
    return {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": name}}}
