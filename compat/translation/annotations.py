"""groundingMetadata → annotations: the web pages that stretches of an answer rest on."""

from typing import Any

from compat.schemas.gemini import GroundingMetadata, GroundingSupport


def to_annotations(metadata: GroundingMetadata, text: str) -> list[dict[str, Any]]:
    """url_citation annotations; Gemini counts bytes of UTF-8, OpenAI characters of `text`, the whole content so far.

    Sources that no stretch names are cited for the whole text.
    """
    chunks = metadata.groundingChunks
    if not chunks:
        return []
    encoded = text.encode()
    annotations = []
    for support in metadata.groundingSupports or ():
        start, end = _characters(support, text, encoded)
        named = [chunks[index] for index in support.groundingChunkIndices or () if 0 <= index < len(chunks)]
        annotations += [_citation(chunk.web, start, end) for chunk in named if chunk.web]
    return annotations or [_citation(chunk.web, 0, len(text)) for chunk in chunks if chunk.web]


def _characters(support: GroundingSupport, text: str, encoded: bytes) -> tuple[int, int]:
    """Where the stretch is in the text: by its own words, should its offsets count from the start of a later part."""
    segment = support.segment
    if segment is None:
        return 0, 0
    start, end = (
        len(encoded[: max(0, offset)].decode(errors="ignore")) for offset in (segment.startIndex, segment.endIndex)
    )
    if segment.text and text[start:end] != segment.text and (found := text.find(segment.text)) >= 0:
        return found, found + len(segment.text)
    return start, end


def _citation(web: Any, start: int, end: int) -> dict[str, Any]:
    citation = {"url": web.uri, "title": web.title, "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": citation}
