"""What the routes of images answer."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from compat.schemas.answers import Count, ErrorObject, UnixSeconds


class ImageTokens(Struct):
    """Tokens of one direction in detail. What Gemini does not tell apart is text."""

    image_tokens: Count
    text_tokens: Count


class ImageUsage(Struct):
    """Tokens as Gemini counts them, of all images together."""

    input_tokens: Count
    output_tokens: Count
    total_tokens: Count
    input_tokens_details: ImageTokens
    output_tokens_details: ImageTokens


class Image(Struct):
    """One image: itself in base64, or a link to it that holds for an hour."""

    b64_json: str | UnsetType = UNSET
    url: str | UnsetType = UNSET


class Images(Struct):
    """The images that came; `errors` tells why others did not. `size` is told where the image has just that many pixels."""

    created: UnixSeconds
    data: list[Image]
    background: Literal["opaque"]
    usage: ImageUsage
    output_format: Literal["png", "jpeg", "webp"] | UnsetType = UNSET
    size: Literal["1024x1024"] | UnsetType = UNSET
    quality: Literal["low", "medium", "high"] | UnsetType = UNSET
    errors: list[ErrorObject] | UnsetType = UNSET


class ImageEvent(Struct):
    """One image of a stream, or the error that ends it."""

    type: Literal["image_generation.completed", "image_edit.completed", "error"]
    b64_json: str | UnsetType = UNSET
    created_at: UnixSeconds | UnsetType = UNSET
    size: Literal["1024x1024", "auto"] | UnsetType = UNSET
    quality: Literal["low", "medium", "high", "auto"] | UnsetType = UNSET
    background: Literal["opaque"] | UnsetType = UNSET
    output_format: Literal["png", "jpeg", "webp"] | UnsetType = UNSET
    usage: ImageUsage | UnsetType = UNSET
    error: ErrorObject | UnsetType = UNSET
