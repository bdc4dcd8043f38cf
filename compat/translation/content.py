"""Content parts → parts: text, images, sounds and documents. Nothing is ever fetched from here."""

import binascii
import re
from typing import Any
from urllib.parse import urlsplit

from compat.schemas.chat import (
    AudioPart,
    Content,
    ContentPart,
    FilePart,
    ImagePart,
    ImageUrl,
    InputAudio,
    InputFile,
    RefusalPart,
    TextPart,
)
from compat.translation.addresses import is_public_https
from compat.translation.families import Family
from compat.translation.mime_types import to_gemini_type, type_of_name
from compat.translation.refusals import Untranslatable
from compat.translation.stored_files import FileAhead, part_ahead

Part = dict[str, Any]

DRAWN_BEFORE = "The image that you drew:"
"""What leads an image of the model's own when it comes back. It comes as the user's: as the model's own it would need its
signature, which is over a megabyte."""
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w-]+=[^;,]*)*)(;base64)?,", re.ASCII | re.IGNORECASE)
# First bytes of what Gemini takes as an image (Gemini API, images: png, jpeg, webp, heic, heif).
_IMAGE_MAGIC = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"....ftyp(?:heic|heix|hevc|heim|heis)", re.DOTALL), "image/heic"),
    (re.compile(rb"....ftyp(?:mif1|msf1|heif)", re.DOTALL), "image/heif"),
)
_AUDIO = ("wav", "mp3", "aac", "ogg", "opus", "flac", "aiff")
_RESOLUTION = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH", "original": "MEDIA_RESOLUTION_HIGH"}


def to_parts(content: Content | None, path: str, family: Family) -> list[Part]:
    """The parts of one message's content, empty texts left out. `path` names the content in a refusal."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"text": content}] if content else []
    parts = (_to_part(part, f"{path}[{index}]", family) for index, part in enumerate(content))
    return [part for part in parts if part]


def to_text(content: Content | None) -> str:
    """The text of a content, its other parts left out."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.text for part in content if isinstance(part, TextPart))


def _to_part(part: ContentPart, path: str, family: Family) -> Part | None:
    if isinstance(part, TextPart):
        return {"text": part.text} if part.text else None
    if isinstance(part, RefusalPart):
        return {"text": part.refusal} if part.refusal else None
    if isinstance(part, ImagePart):
        return to_image(part.image_url, f"{path}.image_url", family)
    if isinstance(part, AudioPart):
        return _audio(part.input_audio, f"{path}.input_audio")
    assert isinstance(part, FilePart)  # noqa: S101 (the union has no other member)
    return _file(part.file, f"{path}.file")


def data_of(url: str, path: str) -> str:
    """The base64 of a data URL. Raises Untranslatable."""
    return _data_url(url, path)[1]


def uploaded_image(data: bytes, declared: str, path: str) -> Part:
    """An uploaded image as inlineData. Raises Untranslatable for other bytes."""
    mime_type = _image_type(declared, data[:64], path)
    return {"inlineData": {"mimeType": mime_type, "data": binascii.b2a_base64(data, newline=False).decode()}}


def to_image(image: ImageUrl | str, path: str, family: Family) -> Part:
    """An image by its data URL or https URL. Raises Untranslatable."""
    url, detail = (image, None) if isinstance(image, str) else (image.url, image.detail)
    if url[:5].lower() == "data:":
        declared, data = _data_url(url, path)
        part: Part = {"inlineData": {"mimeType": _image_type(declared, _head(data), path), "data": data}}
    else:
        part = _remote(url, path)
    # Per part only since Gemini 3; before, the setting exists for the whole request alone.
    if detail in _RESOLUTION and family.response_parts:
        part["mediaResolution"] = {"level": _RESOLUTION[detail]}
    return part


def _head(data: str) -> bytes:
    """The first bytes of base64."""
    return binascii.a2b_base64(data[:64])


def _image_type(declared: str, head: bytes, path: str) -> str:
    """The type that the first bytes show. Clients mislabel png and jpeg; anything that is no image is refused."""
    for magic, mime_type in _IMAGE_MAGIC:
        if magic.match(head):
            return mime_type
    raise Untranslatable(
        f"Unsupported image ({declared[:80]}): send a png, jpeg, webp, heic or heif whose bytes match its type.", path
    )


def _audio(audio: InputAudio, path: str) -> Part:
    kind = audio.format.lower()
    if kind not in _AUDIO:
        raise Untranslatable(f"Unsupported audio format. Supported: {', '.join(_AUDIO)}.", f"{path}.format")
    data = audio.data
    if data[:5].lower() == "data:":
        _, data = _data_url(data, f"{path}.data")
    return {"inlineData": {"mimeType": type_of_name(kind), "data": _base64(data, f"{path}.data")}}


def _file(file: InputFile, path: str) -> Part:
    if isinstance(file, FileAhead):
        kind = document_type(file.media_type, file.head, file.filename or "", f"{path}.file_data")
        return part_ahead(file.file_id or "", kind)
    if not file.file_data:
        raise Untranslatable(
            "Send the document itself in file_data, as a data URL, or name a file of yours in file_id.",
            f"{path}.file_data",
            "unsupported_value",
        )
    path = f"{path}.file_data"
    if file.file_data[:8].lower().startswith(("http:", "https:")):
        return _remote(file.file_data, path)
    if file.file_data[:5].lower() == "data:":
        mime_type, data = _data_url(file.file_data, path)
    else:
        mime_type, data = "", _base64(file.file_data, path)
    mime_type = document_type(mime_type, _head(data), file.filename or "", path)
    return {"inlineData": {"mimeType": mime_type, "data": data}}


def document_type(declared: str, head: bytes, filename: str, path: str) -> str:
    """The type of a document, by its first bytes where they tell, else as declared, else by its name."""
    if head.startswith(b"%PDF"):
        return "application/pdf"
    if declared in {"", "application/octet-stream"}:
        declared = type_of_name(filename) or "application/octet-stream"
    if declared.startswith("image/"):
        return _image_type(declared, head, path)
    mime_type = to_gemini_type(declared)
    if mime_type is None:
        raise Untranslatable(f"Unsupported document type {declared[:80]}: send a PDF or a text.", path)
    return mime_type


def _data_url(url: str, path: str) -> tuple[str, str]:
    """The type and the base64 text of a data URL."""
    match = _DATA_URL.match(url)
    if match is None or not match[3]:
        raise Untranslatable("Invalid data URL: expected data:<type>;base64,<data>.", path)
    return (match[1] or "").lower(), _base64(url[match.end() :], path)


def _base64(text: str, path: str) -> str:
    """`text` as the standard base64 that Gemini takes: no white space, padded, + and / instead of - and _."""
    if not text.isascii() or any(space in text for space in " \r\n\t"):
        text = "".join(text.split())
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    text += "=" * (-len(text) % 4)
    try:
        decoded = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:
        raise Untranslatable("Invalid base64 data.", path)
    return text


def _remote(url: str, path: str) -> Part:
    """A fileData part for a public https URL, which Gemini fetches itself (Gemini API, fileData, since January 2026)."""
    if not is_public_https(url):
        raise Untranslatable(
            "Only data URLs and public https:// URLs with a host name are accepted here.",
            path,
            "remote_images_disabled",
        )
    data: dict[str, str] = {"fileUri": f"https{url[5:]}"}
    mime_type = type_of_name(urlsplit(url).path)
    if mime_type:
        data["mimeType"] = mime_type
    return {"fileData": data}
