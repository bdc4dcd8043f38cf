"""What the simulated models make of speech: they read a text aloud when told to, and write down what they hear."""

import re

from compat.simulator import media
from compat.simulator.prompts import Prompt
from compat.simulator.wire import JsonObject

_SENTENCE = re.compile(r"\S.*?(?:[.!?](?=\s)|$)", re.DOTALL)
_READ, _TRANSCRIBE, _TRANSLATE = "Read ", "Transcribe ", "Translate "
NOTHING = "[no speech]"


def to_be_said(text: str) -> str:
    """The text behind the first blank line where the first line says to read it, else all of it."""
    told, _, rest = text.partition("\n\n")
    return rest if told.startswith(_READ) and rest else text


def transcript(prompt: Prompt) -> str | None:
    """What is said in the sound of the prompt, where it is asked for; None where it is not.

    The simulator knows only the sounds that it has made itself. A translation is told by its first words.
    """
    asked = prompt.text.startswith((_TRANSCRIBE, _TRANSLATE))
    if not prompt.sounds or not asked:
        return None
    sound = prompt.sounds[0]
    if media.is_silent(sound):
        return ""
    words = media.heard(sound["data"]) or f"A sound of {media.seconds_of(sound):.1f} seconds in {sound['mimeType']}."
    return f"In English: {words}" if prompt.text.startswith(_TRANSLATE) else words


def segments(words: str, sound: JsonObject) -> JsonObject:
    """The words by sentences, each with its share of the time, as a model tells them that was given a schema for it."""
    texts = _SENTENCE.findall(words)
    seconds, length = media.seconds_of(sound), sum(map(len, texts))
    told, at = [], 0
    for text in texts:
        start, at = at, at + len(text)
        times = {"start": _clock(seconds * start / length), "end": _clock(seconds * at / length)}
        told.append({**times, "text": text})
    return {"language": "english", "segments": told}


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02}:{seconds % 60:04.1f}"
