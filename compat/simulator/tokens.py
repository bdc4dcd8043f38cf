"""Token counts: about one for four characters, the same for the same text every time."""

from collections.abc import Iterable

from compat.simulator.wire import JsonObject, encode

_OF_MEDIA = {"image": ("IMAGE", 258), "video": ("VIDEO", 263), "application": ("DOCUMENT", 258)}
_AUDIO_BYTES_A_TOKEN = 1_000


def text_tokens(text: str) -> int:
    """The tokens of a text."""
    return (len(text) + 3) // 4


def prompt_tokens(request: JsonObject) -> dict[str, int]:
    """The tokens of a whole generate request by modality (TEXT, IMAGE, AUDIO, VIDEO, DOCUMENT)."""
    counts = {"TEXT": 0}
    for content in request.get("contents") or ():
        count_parts(content.get("parts") or (), counts)
    if "systemInstruction" in request:
        count_parts(request["systemInstruction"].get("parts") or (), counts)
    if "tools" in request:
        counts["TEXT"] += len(encode(request["tools"])) // 4
    return counts


def count_parts(parts: Iterable[JsonObject], counts: dict[str, int]) -> None:
    """Add the tokens of the parts to the counts."""
    for part in parts:
        text = part.get("text")
        if text is not None:
            counts["TEXT"] += (len(text) + 3) // 4
        elif "inlineData" in part or "fileData" in part:
            modality, tokens = _media_tokens(part.get("inlineData") or part["fileData"])
            counts[modality] = counts.get(modality, 0) + tokens
        else:
            data = {name: value for name, value in part.items() if name != "thoughtSignature"}
            counts["TEXT"] += len(encode(data)) // 4


def _media_tokens(media: JsonObject) -> tuple[str, int]:
    kind = media.get("mimeType", "image/jpeg").partition("/")[0]
    size = media.get("sizeBytes", len(media.get("data", "")) * 3 // 4)
    if kind == "text":
        return "TEXT", size // 4
    if kind == "audio":
        return "AUDIO", max(32, size // _AUDIO_BYTES_A_TOKEN)
    return _OF_MEDIA.get(kind, ("DOCUMENT", 258))
