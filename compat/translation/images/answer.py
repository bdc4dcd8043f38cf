"""Replies → images in OpenAI's words, whole or as the events of a stream."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from compat.schemas.gemini import InlineData, ModalityCount, Reply, UsageMetadata
from compat.schemas.images import ImageOptions
from compat.translation.finish_reason import FINISH_REASONS
from compat.translation.images.sizes import told_size
from compat.translation.refusals import Untranslatable
from compat.translation.sse import to_named_event
from compat.translation.substance import says_something
from compat.translation.usage import NO_USAGE, Usage

_encode = msgspec.json.Encoder().encode
_FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp"}
# What an image counts for where Gemini told no counts, in characters: 1,120 tokens (Gemini API, image output).
_CHARACTERS_OF_AN_IMAGE = 4 * 1_120
_TOLD_QUALITIES = frozenset({"low", "medium", "high"})


def images_of(reply: Reply) -> list[InlineData]:
    """The images of a reply, without those that a model only thinks of."""
    return [
        part.inlineData
        for candidate in reply.candidates or ()
        for part in (candidate.content.parts if candidate.content else None) or ()
        if part.inlineData is not None and not part.thought and part.inlineData.mimeType.startswith("image/")
    ]


def draws_or_says_why_not(reply: Reply) -> bool:
    """True when a client can use a reply: it holds an image, or words, or a reason for having none."""
    return says_something(reply) or any(
        candidate.finishReason not in {None, "STOP"} for candidate in reply.candidates or ()
    )


def without_image(reply: Reply | None) -> Untranslatable:
    """Why a reply shows nothing, as the client's error."""
    reasons = [candidate.finishReason for candidate in (reply.candidates if reply else None) or ()]
    reason = next(filter(None, reasons), None) or "no reason"
    if FINISH_REASONS.get(reason) == "content_filter":
        return Untranslatable(
            f"Your request was rejected by Gemini's safety filter ({reason}).", "prompt", "moderation_blocked"
        )
    return Untranslatable(f"Gemini drew nothing ({reason}): say what to draw more exactly.", "prompt", "no_image")


class Told(NamedTuple):
    """What was asked for, as far as it is told back."""

    request: ImageOptions
    created: int


def to_images(
    told: Told,
    data: Sequence[dict[str, str]],
    formats: Sequence[str],
    usage: Usage,
    replies: Sequence[Reply],
    errors: Sequence[dict[str, Any]],
) -> bytes:
    """OpenAI's ImagesResponse. `data` holds an image's b64_json or url each, `errors` what the others failed with."""
    answer: dict[str, Any] = {
        "created": told.created,
        "data": data,
        "background": "opaque",
        "usage": _usage(usage, [reply.usageMetadata for reply in replies]),
    }
    if len(set(formats)) == 1:
        answer["output_format"] = formats[0]
    if size := told_size(told.request.size):
        answer["size"] = size
    if told.request.quality in _TOLD_QUALITIES:
        answer["quality"] = told.request.quality
    if errors:
        answer["errors"] = errors
    return _encode(answer)


def length_of(images: int) -> int:
    """What so many images count for in an estimate, in characters."""
    return images * _CHARACTERS_OF_AN_IMAGE


def format_of(image: InlineData) -> str:
    """OpenAI's word for the format of an image."""
    return _FORMATS.get(image.mimeType, "png")


class _Call:
    """What came of one call so far."""

    def __init__(self) -> None:
        self.usage = NO_USAGE
        self.metadata: UsageMetadata | None = None
        self.drawn = 0
        self.last: Reply | None = None
        self.finished = False


class ImageEvents:
    """The events of a stream of images: one for each, whole, when it is there. Its usage is what was told until then."""

    def __init__(self, kind: str, told: Told) -> None:
        self.told = told
        self._kind = kind
        self._calls: dict[int, _Call] = {}

    def read(self, first_choice: int, reply: Reply) -> bytes:
        """The images that a reply brings."""
        call = self._calls.setdefault(first_choice, _Call())
        call.last = reply
        call.usage = call.usage.merged(reply.usageMetadata)
        call.metadata = reply.usageMetadata or call.metadata
        call.finished |= any(candidate.finishReason for candidate in reply.candidates or ())
        found = images_of(reply)
        call.drawn += len(found)
        return b"".join(self._event(call, image) for image in found)

    def close(self, usage: Usage) -> bytes:
        """Nothing more. Raises Untranslatable when a call drew nothing: what the others drew was sent."""
        for call in self._calls.values():
            if not call.drawn:
                raise without_image(call.last)
        return b""

    @property
    def text_length(self) -> int:
        """What the images so far count for, in characters."""
        return length_of(sum(call.drawn for call in self._calls.values()))

    def unfinished(self) -> bool:
        """True when a call was cut off."""
        return not all(call.finished for call in self._calls.values())

    def error(self, error: dict[str, Any], status: int) -> bytes:
        """The event that ends a stream which broke."""
        return to_named_event("error", _encode({"type": "error", "error": error}))

    def _event(self, call: _Call, image: InlineData) -> bytes:
        request = self.told.request
        kind = f"{self._kind}.completed"
        event = {
            "type": kind,
            "b64_json": image.data,
            "created_at": self.told.created,
            "size": told_size(request.size) or "auto",
            "quality": request.quality if request.quality in _TOLD_QUALITIES else "auto",
            "background": "opaque",
            "output_format": format_of(image),
            "usage": _usage(call.usage, [call.metadata]),
        }
        return to_named_event(kind, _encode(event))


def _usage(usage: Usage, metadata: Sequence[UsageMetadata | None]) -> dict[str, Any]:
    """OpenAI's usage of images. What Gemini does not tell apart is text."""
    images_in, images_out = (
        sum(_images(getattr(told, name)) for told in metadata if told is not None)
        for name in ("promptTokensDetails", "candidatesTokensDetails")
    )
    prompt, completion = usage.totals()
    return {
        "input_tokens": prompt,
        "output_tokens": completion,
        "total_tokens": prompt + completion,
        "input_tokens_details": _details(prompt, images_in),
        "output_tokens_details": _details(completion, images_out),
    }


def _details(total: int, images: int) -> dict[str, int]:
    images = min(max(images, 0), total)
    return {"image_tokens": images, "text_tokens": total - images}


def _images(details: list[ModalityCount] | None) -> int:
    return sum(count.tokenCount for count in details or () if count.modality == "IMAGE")
