"""Rules for single parts: one data field each, media the models take, complete calls and responses (2.2)."""

from collections.abc import Iterator

from compat.schemas.gemini_request.content import DATA_FIELDS
from compat.schemas.gemini_request.violation import Violation
from compat.simulator.model_facts import ModelFacts
from compat.simulator.wire import JsonObject

_IMAGES = {"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"}
_AUDIO = {"audio/wav", "audio/mp3", "audio/mpeg", "audio/aac", "audio/ogg", "audio/flac", "audio/aiff"}
_VIDEO = {
    "video/mp4",
    "video/mpeg",
    "video/mov",
    "video/quicktime",
    "video/avi",
    "video/x-flv",
    "video/mpg",
    "video/webm",
    "video/wmv",
    "video/3gpp",
}
_TEXTS = {"plain", "html", "css", "md", "markdown", "csv", "xml", "rtf", "javascript", "x-python"}
MEDIA_TYPES = _IMAGES | _AUDIO | _VIDEO | {"application/pdf"} | {f"text/{kind}" for kind in _TEXTS}


def violations(facts: ModelFacts, request: JsonObject) -> Iterator[Violation]:
    """What is wrong with the parts of all contents."""
    for i, content in enumerate(request.get("contents") or ()):
        for j, part in enumerate(content.get("parts") or ()):
            if len(part) == 1 and "text" in part:
                continue
            yield from _broken_part(facts, part, f"contents[{i}].parts[{j}]", content.get("role"))


def _broken_part(facts: ModelFacts, part: JsonObject, place: str, role: str | None) -> Iterator[Violation]:
    if not any(name in part for name in DATA_FIELDS):
        sentence = (
            f"* GenerateContentRequest.{place}.data: required oneof field 'data' must have one initialized field\n"
        )
        yield Violation(f"{place}.data", sentence)
    if "inlineData" in part:
        yield from _broken_blob(part["inlineData"], f"{place}.inline_data")
    if "fileData" in part:
        yield from _broken_file(part["fileData"], f"{place}.file_data")
    if "functionCall" in part:
        yield from _broken_call(part["functionCall"], f"{place}.function_call", role)
    if "functionResponse" in part:
        yield from _broken_response(facts, part["functionResponse"], f"{place}.function_response", role)
    if "mediaResolution" in part and not facts.since(3):
        yield Violation(f"{place}.media_resolution", f"Media resolution per part is not enabled for {facts.path}")
    if facts.kind == "speech" and "text" not in part:
        yield Violation(place, f"{facts.path} takes text input only.")


def _broken_blob(blob: JsonObject, place: str) -> Iterator[Violation]:
    mime_type = blob.get("mimeType", "")
    if mime_type.partition(";")[0].strip() not in MEDIA_TYPES:
        yield Violation(f"{place}.mime_type", f"Unsupported MIME type: {mime_type}")
    if not blob.get("data"):
        yield Violation(f"{place}.data", f"* GenerateContentRequest.{place}.data: must not be empty.\n")


def _broken_file(file: JsonObject, place: str) -> Iterator[Violation]:
    uri = file.get("fileUri", "")
    mime_type = file.get("mimeType", "")
    if not uri:
        yield Violation(f"{place}.file_uri", f"* GenerateContentRequest.{place}.file_uri: must not be empty.\n")
    elif not uri.startswith(("https://", "gs://", "files/")):
        yield Violation(f"{place}.file_uri", f"Invalid or unsupported file uri: {uri[:80]}")
    if mime_type and mime_type.partition(";")[0].strip() not in MEDIA_TYPES:
        yield Violation(f"{place}.mime_type", f"Unsupported MIME type: {mime_type}")


def _broken_call(call: JsonObject, place: str, role: str | None) -> Iterator[Violation]:
    if not call.get("name"):
        yield Violation(f"{place}.name", f"* GenerateContentRequest.{place}.name: Name cannot be empty.\n")
    if role != "model":
        yield Violation(place, "Please ensure that function call parts are in a content of role model.")


def _broken_response(facts: ModelFacts, response: JsonObject, place: str, role: str | None) -> Iterator[Violation]:
    if not response.get("name"):
        yield Violation(f"{place}.name", f"* GenerateContentRequest.{place}.name: Name cannot be empty.\n")
    if "response" not in response:
        sentence = f"* GenerateContentRequest.{place}.response: required field is not set.\n"
        yield Violation(f"{place}.response", sentence)
    if role == "model":
        yield Violation(place, "Please ensure that function response parts are in a content of role user.")
    for index, part in enumerate(response.get("parts") or ()):
        inner = f"{place}.parts[{index}]"
        if not facts.since(3):
            yield Violation(inner, f"Multimodal function responses are not enabled for {facts.path}")
        if "inlineData" in part:
            yield from _broken_blob(part["inlineData"], f"{inner}.inline_data")
